"""A share of a fleet, for several machines: which one a service falls into follows from its name alone.

>>> Shard.parse("0/2").takes("payments"), Shard.parse("1/2").takes("payments")
(True, False)
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple, Self

from remembrancer.errors import BadInput

MOST = 100_000  # the most completions that a Kubernetes Indexed Job may have
_FORM = re.compile("(0|[1-9][0-9]{0,5})/([1-9][0-9]{0,5})", re.ASCII)


class Shard(NamedTuple):
    """The share `number` of `of`, counted from 0 as Kubernetes counts in JOB_COMPLETION_INDEX."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the share that `i/n` names. Raises BadInput(fleet.shard)."""
        found = _FORM.fullmatch(text)
        if not found or not int(found[1]) < int(found[2]) <= MOST:
            raise BadInput("fleet.shard", f"{text[:40]!r} is not a share i/n with 0 <= i < n <= {MOST}")
        return cls(int(found[1]), int(found[2]))

    def takes(self, name: str) -> bool:
        """Say whether a service belongs to this share; it stays there whatever is added to the fleet."""
        return int.from_bytes(sha256(name.encode()).digest()[:8]) % self.of == self.number

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


@dataclass(frozen=True, slots=True)
class Joined:
    """A document that a joined one was made from: its share, and the SHA-256 of its bytes."""

    shard: str
    sha256: str


WHOLE = Shard(0, 1)
