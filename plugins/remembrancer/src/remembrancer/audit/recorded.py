"""Judging one recorded signature or timestamp after the other, as an audit and a change of trust do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from remembrancer.audit.gather import open_ledger, signed_content, stamps
from remembrancer.audit.session import Session
from remembrancer.errors import RemembrancerError
from remembrancer.receipt.statement import Receipt, parse
from remembrancer.trust import policy
from remembrancer.trust.establish import Trusted
from remembrancer.verify.evidence import Artifact, Entry, Evidence
from remembrancer.verify.proofs import Prover

HELD = {"sign": "signatures", "timestamp": "timestamps"}
ABSENT = "signatures of absent artifacts"
_NONE: Mapping[str, bytes] = MappingProxyType({})
_TIMESTAMP = b"/receipt/timestamp/v1"


@dataclass(frozen=True, slots=True)
class Task:
    """Everything a worker needs to judge like its parent: the repository, the verified policy, its owner, the
    moment."""

    root: Path
    policy_text: bytes
    owner: str
    now: datetime


class Checker:
    """Judges recorded proofs against one policy, one log and one moment."""

    def __init__(self, task: Task) -> None:
        session = Session(task.root)
        self.repository, self.ledger = session.repository, session.ledger
        self.trusted = Trusted(policy.parse(task.policy_text), task.owner, self.repository.key)
        self.log = open_ledger(self.repository, self.trusted.policy)
        self.evidence = Evidence(artifact=Artifact("", "", b""), stamps=stamps(self.repository), blob=self._blob)
        self.prover = Prover(self.evidence, self.log, self.trusted, "", task.now, times_over=self._times_over)
        self._read: Mapping[str, bytes] = {}
        self._stamped: dict[bytes, list[int]] | None = None

    def _blob(self, sha256: str) -> bytes:
        return self._read[sha256] if sha256 in self._read else self.repository.blob(sha256)

    def one(self, entry: Entry, blobs: Mapping[str, bytes] = _NONE) -> str:
        """Check a sign or timestamp receipt and return what it counts as; raises RemembrancerError.

        `blobs` are those that have been read and checked already, by their digests.

        A signature over an artifact can only be checked where the artifact is; it is counted apart where it is not.
        """
        self._read = blobs
        if entry.receipt.kind == "timestamp":
            self.prover.timestamp(entry, bytes.fromhex(entry.receipt.subject[0].sha256))
            return HELD["timestamp"]
        content = signed_content(self.repository, entry.receipt)
        if content is None:
            self.prover.standing(entry)
            return ABSENT
        self.prover.signature(entry, content, anywhere=True)
        return HELD["sign"]

    def _times_over(self, signature: str) -> Iterator[Entry]:
        """Yield the sealed timestamps over a signature's own bytes; one pass over the log finds those of all."""
        if self._stamped is None:
            self._stamped = {}
            size = self.log.view.size if self.log.view else 0
            for index, leaf in self.ledger.entries(0, size):
                if _TIMESTAMP in leaf and (one := _readable(leaf)) and one.kind == "timestamp":
                    self._stamped.setdefault(bytes.fromhex(one.subject[0].sha256), []).append(index)
        for index in self._stamped.get(bytes.fromhex(signature), []):
            for _, leaf in self.ledger.entries(index, index + 1):
                if one := _readable(leaf):
                    yield Entry(one, index, None)


def _readable(leaf: bytes) -> Receipt | None:
    """The receipt of an entry; None for one that the audit itself reports."""
    try:
        return parse(leaf)
    except RemembrancerError:
        return None
