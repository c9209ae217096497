"""One checkpoint, submitted to the witnesses of a policy: what each address answers, and what its refusal means.

Source: C2SP tlog-witness, add-checkpoint.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from http import HTTPStatus

from remembrancer.errors import EnvironmentTrouble, Rejected, RemembrancerError
from remembrancer.named import NamedTuple
from remembrancer.network import Head, Question, ask
from remembrancer.paths import LEDGER
from remembrancer.record.contradiction import Contradiction, counter_checkpoint
from remembrancer.tlog.checkpoint import NoteError
from remembrancer.tlog.key import VerifierKey
from remembrancer.tlog.note import Signature
from remembrancer.tlog.submission import MAX_PROOF, cosignatures, submission, told_size
from remembrancer.tlog.tile import TileError
from remembrancer.tlog.tree import Reader, TileTree
from remembrancer.trust.policy import Policy
from remembrancer.verify.log import open_checkpoint

_MAX_ANSWER = 65_536  # bytes; a dozen ML-DSA-44 cosignatures
_NOUN = "witness"


class Answer(NamedTuple):
    """What the witnesses at one address gave: cosignatures, or why there are none, or what they saw instead."""

    names: Sequence[str]
    lines: Sequence[Signature] = ()
    trouble: RemembrancerError | None = None
    contradiction: Contradiction | None = None


class Submission:
    """One checkpoint, submitted to every witness until a moment on the monotonic clock."""

    def __init__(self, policy: Policy, note: bytes, read: Reader, known: Mapping[str, int], until: float) -> None:
        """Take the note, a reader of its tiles, and the size that each witness is known to have cosigned.

        Raises Rejected(log.*) for a note whose root the tiles do not have.
        """
        self._policy, self._note, self._known, self._until = policy, note, known, until
        self._signed = signed = open_checkpoint(note, policy, witnessed=False)
        self._size = signed.checkpoint.size
        self._tree = TileTree(read, self._size)
        self._alone = threading.Lock()  # a tree keeps tiles, for one thread at a time
        if self.root(self._size) != signed.checkpoint.root:
            raise Rejected("log.tile", f"the tiles in {LEDGER} do not have the root of the checkpoint")

    def one(self, names: Sequence[str], url: str) -> Answer:
        """Ask the witness at an address."""
        try:
            return self._ask(names, url)
        except RemembrancerError as error:
            return Answer(names, trouble=error)

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` leaves here. Raises Rejected(log.tile, log.missing)."""
        with self._alone, _damage():
            return self._tree.root(size)

    def proof(self, old: int) -> list[bytes]:
        """Return the proof that the checkpoint extends the first `old` leaves. Raises as `root`."""
        with self._alone, _damage():
            return self._tree.consistency_proof(old) if 0 < old < self._size else []

    def _ask(self, names: Sequence[str], url: str) -> Answer:
        old = max(self._known.get(name, 0) for name in names)
        head, body, sent = self._submit(url, old)
        if head.status == HTTPStatus.CONFLICT:
            # the witness knows best from where it is to be continued; it is asked once more, never in a loop
            told = told_size(body)
            if told is None or told == old:
                raise self._unusable(names, "it answered 409 without another size")
            if told > self._size:
                return self._behind(names, url, told)
            old = told
            head, body, sent = self._submit(url, old)
        if head.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            return self._contradicted(names, url, head, body, sent)
        if head.status != HTTPStatus.OK:
            raise self._refused(names, head)
        keys = [self._policy.quorum.witnesses[name] for name in names]
        return Answer(names, tuple(self._cosignatures(names, body, keys)))

    def _submit(self, url: str, old: int) -> tuple[Head, bytes, bytes]:
        proof = self.proof(old)
        assert len(proof) <= MAX_PROOF  # noqa: S101 - a tree of 2**63 leaves needs no more
        sent = submission(old, proof, self._note)
        return *self._question("POST", f"{url}/add-checkpoint", sent), sent

    def _question(self, method: str, url: str, body: bytes = b"") -> tuple[Head, bytes]:
        left = self._until - time.monotonic()
        if left <= 0:
            raise EnvironmentTrouble("env.network", f"the {_NOUN} {url} did not answer in time")
        headers = {"Content-Type": "text/plain; charset=utf-8"} if body else {}
        return ask(Question(_NOUN, method, url, body, headers, _MAX_ANSWER), left)

    def _cosignatures(self, names: Sequence[str], body: bytes, keys: Sequence[VerifierKey]) -> list[Signature]:
        try:
            return cosignatures(self._signed.text, body, keys)
        except NoteError as error:
            raise self._unusable(names, str(error)) from None

    def _behind(self, names: Sequence[str], url: str, told: int) -> Answer:
        """The witness has cosigned a larger tree: this one is an older state, or the log has forked."""
        contradiction = self._counter(url)
        if contradiction:
            return Answer(names, contradiction=contradiction)
        raise Rejected(
            "log.behind",
            f"{names_of(names)} has cosigned size {told}, and the checkpoint here has {self._size}",
        )

    def _contradicted(self, names: Sequence[str], url: str, head: Head, body: bytes, sent: bytes) -> Answer:
        found = self._counter(url)
        said = body[:1000].decode("utf-8", "replace")
        return Answer(names, contradiction=found or Contradiction(url, head.status, said, sent))

    def _counter(self, url: str) -> Contradiction | None:
        """Return the checkpoint that the witness holds against this one, if it shows one that the log's key signed."""
        place = f"{url}/{sha256(self._policy.origin.encode()).hexdigest()}/checkpoint"
        try:
            head, body = self._question("GET", place)
            return counter_checkpoint(url, body, self._policy, self) if head.status == HTTPStatus.OK else None
        except RemembrancerError:
            return None

    @property
    def ours(self) -> tuple[bytes, int]:
        """The note that was submitted, and its size."""
        return self._note, self._size

    def _refused(self, names: Sequence[str], head: Head) -> RemembrancerError:
        who = names_of(names)
        if head.status == HTTPStatus.NOT_FOUND:
            return Rejected("witness.unknown-log", f"{who} does not know the log {self._policy.origin}")
        if head.status == HTTPStatus.FORBIDDEN:
            return Rejected("witness.other-key", f"{who} knows the log {self._policy.origin} under other keys")
        if head.status == HTTPStatus.TOO_MANY_REQUESTS:
            later = f", and asks to wait {head.retry_after} s" if head.retry_after.isdigit() else ""
            return EnvironmentTrouble("env.busy", f"{who} was asked too often{later}")
        return self._unusable(names, f"it answered with status {head.status}")

    def _unusable(self, names: Sequence[str], why: str) -> EnvironmentTrouble:
        return EnvironmentTrouble("env.witness", f"{names_of(names)} returned an unusable answer: {why}")


@contextmanager
def _damage() -> Iterator[None]:
    """Turn what unreadable tiles raise into a refusal."""
    try:
        yield
    except TileError as error:
        raise Rejected("log.tile", f"the ledger's {error}") from error
    except FileNotFoundError as error:
        raise Rejected("log.missing", f"the ledger's {error.args[-1]} is missing") from error


def names_of(names: Sequence[str]) -> str:
    """Return the witnesses at one address as a message names them."""
    return f"the witness {names[0]}" if len(names) == 1 else f"the witnesses {', '.join(names)}"
