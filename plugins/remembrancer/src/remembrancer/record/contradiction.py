"""A witness that saw another tree: what it shows is kept in a file, and never asked away."""

import json
import re
from pathlib import Path
from typing import Protocol

from remembrancer.errors import EnvironmentTrouble, Rejected, RemembrancerError
from remembrancer.named import NamedTuple
from remembrancer.system.files import write_whole
from remembrancer.trust.policy import Policy
from remembrancer.user.state import State
from remembrancer.verify.log import open_checkpoint

FORK = "https://vaultmesh.cloud/schema/fork-evidence/v1"
REFUSAL = "https://vaultmesh.cloud/schema/witness-refusal/v1"


class Ours(Protocol):
    """The log here: the note that was submitted with its size, and roots and proofs of its prefixes."""

    @property
    def ours(self) -> tuple[bytes, int]:
        """The note and its size."""
        ...

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` leaves."""
        ...

    def proof(self, old: int) -> list[bytes]:
        """Return the consistency proof from a size to the note's."""
        ...


class Contradiction(NamedTuple):
    """What a witness answered and to what; with `fork`, two checkpoints of the log's own key that contradict."""

    url: str
    status: int
    answer: str
    request: bytes
    fork: dict[str, object] | None = None


def counter_checkpoint(url: str, data: bytes, policy: Policy, here: Ours) -> Contradiction | None:
    """Return the contradiction in a checkpoint that a witness shows, None where it is a prefix of the log here.

    Raises Rejected for one that the log's keys did not sign; nobody else can contradict the log. One that is larger
    proves nothing without its tiles.
    """
    other = open_checkpoint(data, policy, stamped=True).checkpoint
    note, size = here.ours
    if other.size > size or here.root(other.size) == other.root:
        return None
    fork: dict[str, object] = {
        "schema": FORK,
        "origin": policy.origin,
        "checkpoints": [data.decode(), note.decode()],
    }
    if 0 < other.size < size:
        proof = [one.hex() for one in here.proof(other.size)]
        fork["prefix"] = {"size": other.size, "root": here.root(other.size).hex(), "consistency": proof}
    return Contradiction(url, 422, "", b"", fork)


def keep(
    state: State, found: Contradiction, origin: str, who: str, folder: Path | None
) -> tuple[RemembrancerError, Path | None]:
    """Write a contradiction into the folder, or into the user's state; return what it means, and the file."""
    document = found.fork or {
        "schema": REFUSAL,
        "origin": origin,
        "witness": found.url,
        "status": found.status,
        "answer": found.answer,
        "request": found.request.decode(),
    }
    what = "split-view" if found.fork else "witness-refusal"
    name = f"{what}-{re.sub('[^a-z0-9.]+', '-', found.url.partition('://')[2].lower())[:80].strip('-')}.json"
    data = (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
    message = f"{who} has seen another tree of {origin}"
    try:
        file = folder / name if folder else state.evidence(name, data)
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(file, data)
    except (OSError, EnvironmentTrouble) as error:
        return Rejected("log.split-view", f"{message}; what it showed could not be kept: {error}"), None
    return Rejected("log.split-view", f"{message}; what it showed is kept in {file}"), file
