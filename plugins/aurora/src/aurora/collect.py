"""Taking the cosignatures that witnesses publish in Git into a repository's own ledger.

A witness that runs without a server answers nobody; whoever wants its word looks it up at its monitoring path. Only
lines under keys that the caller gives are taken: those of the very checkpoint that is here are added to it, and an
older one that has all the cosignatures that the policy requires becomes `ledger/witnessed`.
"""

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from aurora.files import write_whole
from aurora.foreign.snapshot import Snapshot
from aurora.source import OpenLog, check_extends
from remembrancer.errors import Rejected, RemembrancerError, Unverifiable
from remembrancer.ledger.file_storage import FileStorage
from remembrancer.ledger.files import MAX_CHECKPOINT, WITNESSED, claimed
from remembrancer.paths import LEDGER
from remembrancer.repository.lock import exclusive
from remembrancer.tlog import Checkpoint, NoteError, VerifierKey, open_note
from remembrancer.tlog.note import Signature, add_signature, parse_note
from remembrancer.trust.policy import Policy
from remembrancer.verify.log import has_quorum, open_checkpoint


class Collected(NamedTuple):
    """The origin, the size of the witness's checkpoint, how many cosignatures were new, and whether it is enough.

    `witnessed` is None without a policy, whose quorum could say so.
    """

    origin: str
    size: int
    new: int
    witnessed: bool | None


class _Found(NamedTuple):
    """What a witness publishes: the checkpoint, its text, the whole note, and the lines of the given keys."""

    checkpoint: Checkpoint
    text: str
    note: bytes
    lines: tuple[Signature, ...]


def collect(
    root: Path, url: str, branch: str, keys: tuple[VerifierKey, ...], policy: Policy | None = None
) -> Collected:
    """Take a witness's cosignatures into the ledger of the repository at `root`.

    Raises Rejected(log.missing) without a ledger here, Forked when the witness has another tree, Unverifiable
    (log.unwitnessed) when it has cosigned nothing yet, or only an older checkpoint that is not enough by itself;
    EnvironmentTrouble.
    """
    with exclusive(root) as local:
        storage = FileStorage(root, local)
        note, here = storage.note(), claimed(storage.note())
        if note is None or here is None:
            raise Rejected("log.missing", f"{root} has no ledger")
        text = parse_note(note)[0]
        found = _found(url, branch, here.origin, keys)
        if found.checkpoint.size > here.size:
            why = f"{url} has cosigned size {found.checkpoint.size}, and the checkpoint here has {here.size}"
            raise Unverifiable("log.unwitnessed", why, "Fetch the newest state of this repository first.")
        check_extends(OpenLog(here, note, note, text, storage.read), found.checkpoint, found.note)
        newest = found.text == text
        base = note if newest else _judged(_kept(root, found), policy)
        longer, new = _with(base, found.lines)
        enough = _enough(longer, policy)
        if not newest and not enough:
            size = found.checkpoint.size
            why = f"{url} has cosigned {here.origin} at size {size}, not {here.size}"
            raise Unverifiable("log.unwitnessed", why)
        if newest and new:
            storage.swap_checkpoint(note, longer)
        if enough and found.checkpoint.size >= _witnessed_size(root, policy):
            write_whole(root / LEDGER / WITNESSED, longer)
        return Collected(here.origin, found.checkpoint.size, new, enough)


def _found(url: str, branch: str, origin: str, keys: tuple[VerifierKey, ...]) -> _Found:
    place = f"{sha256(origin.encode()).hexdigest()}/checkpoint"
    try:
        with Snapshot(url, branch) as witness:
            note = witness.file(place, MAX_CHECKPOINT)
        opened = open_note(note, keys)
        there = Checkpoint.parse(opened.text)
    except FileNotFoundError:
        raise Unverifiable("log.unwitnessed", f"{url} has cosigned nothing of {origin}") from None
    except NoteError as error:
        why = f"what {url} says about {origin} does not hold: {error}"
        raise Rejected("log.unwitnessed", why, "Compare the keys with the lines that its operator gave you.") from None
    if there.origin != origin:
        raise Rejected("log.unwitnessed", f"{url} has {there.origin} at the place of {origin}")
    return _Found(there, opened.text, note, opened.signatures)


def _kept(root: Path, found: _Found) -> bytes:
    """Return what is kept of the checkpoint that a witness has, with the lines of others; else the witness's note."""
    try:
        kept = (root / LEDGER / WITNESSED).read_bytes()
    except OSError:
        return found.note
    return kept if kept.rpartition(b"\n\n")[0] + b"\n" == found.text.encode() else found.note


def _judged(note: bytes, policy: Policy | None) -> bytes:
    """Return a note with the lines of the policy's keys alone: room for lines is limited, and anybody could fill it."""
    if policy is None:
        return note
    held = open_checkpoint(note, policy, witnessed=False)
    return (held.text + "\n" + "".join(line.line for line in (*held.signatures, *held.cosignatures))).encode()


def _with(note: bytes, lines: tuple[Signature, ...]) -> tuple[bytes, int]:
    """Return a note with the lines of keys that have not signed it, and how many those are."""
    have = {(one.name, one.key_id) for one in parse_note(note)[1]}
    new = [line for line in lines if (line.name, line.key_id) not in have]
    for line in new:
        note = add_signature(note, line)
    return note, len(new)


def _enough(note: bytes, policy: Policy | None) -> bool | None:
    return has_quorum(open_checkpoint(note, policy, witnessed=False), policy) if policy else None


def _witnessed_size(root: Path, policy: Policy | None) -> int:
    """Return the size of the checkpoint that is kept as witnessed, 0 where none is that holds under the policy."""
    try:
        data = (root / LEDGER / WITNESSED).read_bytes()
        return open_checkpoint(data, policy).checkpoint.size if policy else 0
    except (OSError, RemembrancerError):
        return 0
