"""Asking witnesses to cosign the published checkpoint, and keeping what they say.

Order matters: a checkpoint that was cosigned and is then thrown away burns the log at that witness for ever, because
the witness will cosign nothing that contradicts it. So nobody is asked about a checkpoint before it is published.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from remembrancer.audit.published import is_published
from remembrancer.audit.session import Session
from remembrancer.errors import EnvironmentTrouble, Refused, Rejected, RemembrancerError
from remembrancer.ledger.files import CHECKPOINT, WITNESSED, LedgerFiles
from remembrancer.network import Head, Question, ask
from remembrancer.paths import CHECKPOINT as PLACE
from remembrancer.paths import LEDGER
from remembrancer.record.contradiction import Contradiction, counter_checkpoint, keep
from remembrancer.repository.lock import SCRATCH, exclusive
from remembrancer.system.files import put
from remembrancer.tlog.checkpoint import NoteError
from remembrancer.tlog.key import VerifierKey
from remembrancer.tlog.note import Signature, SignedCheckpoint, add_signature, parse_note
from remembrancer.tlog.submission import MAX_PROOF, cosignatures, submission, told_size
from remembrancer.tlog.tile import TileError
from remembrancer.tlog.tree import TileTree
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import Policy
from remembrancer.verify.log import cosigners, has_quorum, open_checkpoint

WAIT = 5.0  # seconds for all witnesses together, which are asked at once
_MAX_ANSWER = 65_536  # bytes; a dozen ML-DSA-44 cosignatures
_NOUN = "witness"


class Said(NamedTuple):
    """What became of one witness: its name in the policy, whether it has cosigned, and why not.

    `evidence` is the file of what it saw instead, None without a contradiction.
    """

    name: str
    cosigned: bool
    trouble: RemembrancerError | None = None
    evidence: Path | None = None


class Asked(NamedTuple):
    """What a round of questions gave: the checkpoint's size, each witness's answer, and whether the quorum is held."""

    size: int
    said: tuple[Said, ...]
    held: bool

    @property
    def cosigned(self) -> int:
        """How many witnesses have cosigned the checkpoint."""
        return sum(one.cosigned for one in self.said)

    @property
    def status(self) -> int:
        """The exit status: 0 when the quorum is held and nobody contradicts, 4 when only the network is to blame."""
        troubles = [one.trouble for one in self.said if one.trouble]
        if any(one.evidence for one in self.said):
            return 1
        if self.held and (self.cosigned or not self.said):
            return 0
        return 4 if troubles and all(isinstance(one, EnvironmentTrouble) for one in troubles) else 1


def ask_witnesses(session: Session, trusted: Trusted, *, wait: float = WAIT, evidence: Path | None = None) -> Asked:
    """Ask every witness of the policy at once to cosign the checkpoint, and keep the cosignatures in the ledger.

    Those beyond the quorum are kept as well. A contradiction is kept in the user's state, or in the folder `evidence`.
    Raises Refused(log.unpublished) for a checkpoint that nobody else sees yet, Rejected(log.*), EnvironmentTrouble.
    """
    policy = trusted.policy
    note = LedgerFiles(session.root).note()
    if note is None:
        raise Rejected("log.missing", f"there is no ledger ({PLACE})")
    signed = open_checkpoint(note, policy, witnessed=False)
    _refuse_unpublished(session, policy, note, signed.checkpoint.size)
    asking = _Asking(session, policy, note, signed, time.monotonic() + wait)
    have = set(cosigners(signed, policy))
    groups = _by_url(policy, have)
    with ThreadPoolExecutor(max_workers=max(1, len(groups))) as pool:
        answers = list(pool.map(asking.one, groups.values(), groups))
    lines = [line for answer in answers for line in answer.lines]
    now = _keep(session, policy, note, lines)
    return Asked(
        signed.checkpoint.size,
        tuple(_told(session, policy, have, answers, evidence)),
        has_quorum(now, policy),
    )


def _by_url(policy: Policy, have: set[str]) -> dict[str, list[str]]:
    """Return the names of the witnesses to ask, by their address: one of two key types is one witness."""
    groups: dict[str, list[str]] = {}
    for name in policy.quorum.witnesses:
        if name not in have and (url := policy.quorum.urls.get(name)):
            groups.setdefault(url.rstrip("/"), []).append(name)
    return groups


def _refuse_unpublished(session: Session, policy: Policy, note: bytes, size: int) -> None:
    """Raise Refused(log.unpublished) unless the checkpoint, with or without cosignatures, is what others are shown."""
    repository = session.repository
    head = repository.head()
    shown = note
    if head:
        done = repository.git("cat-file", "blob", f"{head}:./{PLACE}")
        if not done.returncode and _text(done.stdout) == _text(note):
            shown = done.stdout
    if not is_published(repository, policy, PLACE, shown):
        raise Refused(
            "log.unpublished",
            f"the checkpoint of size {size} is not on the published branch {policy.seal_branch}, so nobody was asked: "
            "who cosigns it would hold the log to it",
        )


def _text(note: bytes) -> bytes:
    return note.rpartition(b"\n\n")[0]


class _Answer(NamedTuple):
    """What the witnesses at one address gave: cosignatures, or why there are none, or what they saw instead."""

    names: Sequence[str]
    lines: Sequence[Signature] = ()
    trouble: RemembrancerError | None = None
    contradiction: Contradiction | None = None


class _Asking:
    """One checkpoint, submitted to every witness until a moment on the monotonic clock."""

    def __init__(self, session: Session, policy: Policy, note: bytes, signed: SignedCheckpoint, until: float) -> None:
        self._policy, self._note, self._signed, self._until = policy, note, signed, until
        self._size = signed.checkpoint.size
        self._tree = TileTree(session.repository.ledger_reader, self._size)
        self._alone = threading.Lock()  # a tree keeps tiles, for one thread at a time
        self._known = _known_sizes(session, policy)
        if self.root(self._size) != signed.checkpoint.root:
            raise Rejected("log.tile", f"the tiles in {LEDGER} do not have the root of the checkpoint")

    def one(self, names: Sequence[str], url: str) -> _Answer:
        """Ask the witness at an address."""
        try:
            return self._ask(names, url)
        except RemembrancerError as error:
            return _Answer(names, trouble=error)

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` leaves here. Raises Rejected(log.tile, log.missing)."""
        with self._alone, _damage():
            return self._tree.root(size)

    def proof(self, old: int) -> list[bytes]:
        """Return the proof that the checkpoint extends the first `old` leaves. Raises as `root`."""
        with self._alone, _damage():
            return self._tree.consistency_proof(old) if 0 < old < self._size else []

    def _ask(self, names: Sequence[str], url: str) -> _Answer:
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
        return _Answer(names, tuple(self._cosignatures(names, body, keys)))

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

    def _behind(self, names: Sequence[str], url: str, told: int) -> _Answer:
        """The witness has cosigned a larger tree: this one is an older state, or the log has forked."""
        contradiction = self._counter(url)
        if contradiction:
            return _Answer(names, contradiction=contradiction)
        raise Rejected(
            "log.behind",
            f"{_names(names)} has cosigned size {told}, and the checkpoint here has {self._size}",
        )

    def _contradicted(self, names: Sequence[str], url: str, head: Head, body: bytes, sent: bytes) -> _Answer:
        found = self._counter(url)
        said = body[:1000].decode("utf-8", "replace")
        return _Answer(names, contradiction=found or Contradiction(url, head.status, said, sent))

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
        who = _names(names)
        if head.status == HTTPStatus.NOT_FOUND:
            return Rejected("witness.unknown-log", f"{who} does not know the log {self._policy.origin}")
        if head.status == HTTPStatus.FORBIDDEN:
            return Rejected("witness.other-key", f"{who} knows the log {self._policy.origin} under other keys")
        if head.status == HTTPStatus.TOO_MANY_REQUESTS:
            later = f", and asks to wait {head.retry_after} s" if head.retry_after.isdigit() else ""
            return EnvironmentTrouble("env.busy", f"{who} was asked too often{later}")
        return self._unusable(names, f"it answered with status {head.status}")

    def _unusable(self, names: Sequence[str], why: str) -> EnvironmentTrouble:
        return EnvironmentTrouble("env.witness", f"{_names(names)} returned an unusable answer: {why}")


@contextmanager
def _damage() -> Iterator[None]:
    """Turn what unreadable tiles raise into a refusal."""
    try:
        yield
    except TileError as error:
        raise Rejected("log.tile", f"the ledger's {error}") from error
    except FileNotFoundError as error:
        raise Rejected("log.missing", f"the ledger's {error.args[-1]} is missing") from error


def _names(names: Sequence[str]) -> str:
    return f"the witness {names[0]}" if len(names) == 1 else f"the witnesses {', '.join(names)}"


def _known_sizes(session: Session, policy: Policy) -> Mapping[str, int]:
    """Return the size up to which each witness is known to have cosigned, by the notes that are kept here."""
    try:
        kept = session.repository.ledger_file(WITNESSED)
        signed = open_checkpoint(kept, policy, stamped=True)
    except (FileNotFoundError, RemembrancerError):
        return {}
    return dict.fromkeys(cosigners(signed, policy), signed.checkpoint.size)


def _keep(session: Session, policy: Policy, note: bytes, lines: Sequence[Signature]) -> SignedCheckpoint:
    """Add cosignatures to the checkpoint, or only to what is kept beside it where another seal has replaced it."""
    for line in lines:
        note = add_signature(note, line)
    signed = open_checkpoint(note, policy, witnessed=False)
    if not signed.cosignatures:
        return signed
    files = LedgerFiles(session.root)
    with exclusive(session.root) as local:
        new: dict[str, bytes] = {}
        current = files.note()
        if current is not None and _text(current) == _text(note):
            new[CHECKPOINT] = note = _merged(current, note)
            signed = open_checkpoint(note, policy, witnessed=False)
        if has_quorum(signed, policy):
            new[WITNESSED] = note
        changed = {name: data for name, data in new.items() if _differs(files, name, data)}
        if changed:
            put(files.folder, changed, local / SCRATCH)
    return signed


def keep_witnessed(session: Session, policy: Policy, before: bytes | None) -> None:
    """Keep the checkpoint that a seal has just replaced, if enough witnesses had cosigned it; see `verify.log`."""
    if before is None or policy.quorum.required == "none":
        return
    try:
        open_checkpoint(before, policy)
    except Rejected:
        return
    files = LedgerFiles(session.root)
    with exclusive(session.root) as local:
        if _differs(files, WITNESSED, before):
            put(files.folder, {WITNESSED: before}, local / SCRATCH)


def _merged(current: bytes, note: bytes) -> bytes:
    """Return the checkpoint as it is now with the lines that only `note` has."""
    _, there = parse_note(current)
    _, lines = parse_note(note)
    for line in lines:
        if line not in there:
            current = add_signature(current, line)
    return current


def _differs(files: LedgerFiles, name: str, data: bytes) -> bool:
    try:
        return files.read(name) != data
    except FileNotFoundError:
        return True


def _told(
    session: Session, policy: Policy, have: set[str], answers: Sequence[_Answer], folder: Path | None
) -> list[Said]:
    """Return what became of each witness, in the policy's order; contradictions are kept on the way."""
    said = {name: Said(name, cosigned=True) for name in have}
    for answer in answers:
        signed = {(line.name, line.key_id) for line in answer.lines}
        trouble, file = answer.trouble, None
        if answer.contradiction:
            trouble, file = keep(session.state, answer.contradiction, policy.origin, _names(answer.names), folder)
        for name in answer.names:
            key = policy.quorum.witnesses[name]
            cosigned = (key.name, key.key_id) in signed
            none = EnvironmentTrouble("env.witness", f"the witness {name} did not answer with its own key")
            said[name] = Said(name, cosigned, None if cosigned else trouble or none, file)
    for name in policy.quorum.witnesses:
        if name not in said:
            why = Rejected("input.witness", f"the policy has no address for the witness {name}")
            said[name] = Said(name, cosigned=False, trouble=why)
    for name, reason in policy.quorum.unusable.items():
        said[name] = Said(name, cosigned=False, trouble=Rejected("input.witness", f"the witness {name}: {reason}"))
    return [said[name] for name in [*policy.quorum.witnesses, *policy.quorum.unusable]]
