"""Asking witnesses to cosign the published checkpoint, and keeping what they say.

Order matters: a checkpoint that was cosigned and is then thrown away burns the log at that witness for ever, because
the witness will cosign nothing that contradicts it. So nobody is asked about a checkpoint before it is published.
"""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from remembrancer.audit.published import is_published
from remembrancer.audit.session import Session
from remembrancer.errors import EnvironmentTrouble, Refused, Rejected, RemembrancerError
from remembrancer.ledger.files import CHECKPOINT, WITNESSED, LedgerFiles
from remembrancer.named import NamedTuple
from remembrancer.paths import CHECKPOINT as PLACE
from remembrancer.record.contradiction import keep
from remembrancer.record.submitting import Answer, Submission, names_of
from remembrancer.repository.lock import SCRATCH, exclusive
from remembrancer.system.files import put
from remembrancer.tlog.note import Signature, SignedCheckpoint, add_signature, parse_note
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import Policy
from remembrancer.verify.log import cosigners, has_quorum, open_checkpoint

WAIT = 5.0  # seconds for all witnesses together, which are asked at once


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
    reader, known = session.repository.ledger_reader, _known_sizes(session, policy)
    asking = Submission(policy, note, reader, known, time.monotonic() + wait)
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
    session: Session, policy: Policy, have: set[str], answers: Sequence[Answer], folder: Path | None
) -> list[Said]:
    """Return what became of each witness, in the policy's order; contradictions are kept on the way."""
    said = {name: Said(name, cosigned=True) for name in have}
    for answer in answers:
        signed = {(line.name, line.key_id) for line in answer.lines}
        trouble, file = answer.trouble, None
        if answer.contradiction:
            trouble, file = keep(session.state, answer.contradiction, policy.origin, names_of(answer.names), folder)
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
