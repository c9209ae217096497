"""Taking the cosignatures that witnesses publish in Git into a repository's own checkpoint.

A witness that runs without a server answers nobody; whoever wants its word looks it up at its monitoring path. Only
lines under a key that the caller gives are taken, and only those of the very checkpoint that is here.
"""

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from aurora.git import Snapshot
from remembrancer.errors import Rejected, Unverifiable
from remembrancer.ledger.file_storage import FileStorage
from remembrancer.ledger.files import MAX_CHECKPOINT, claimed
from remembrancer.repository.lock import exclusive
from remembrancer.tlog import Checkpoint, NoteError, VerifierKey, open_note
from remembrancer.tlog.note import Signature, add_signature, parse_note


class Collected(NamedTuple):
    """The origin and size of the checkpoint, and how many cosignatures were new to it."""

    origin: str
    size: int
    new: int


def collect(root: Path, url: str, branch: str, keys: tuple[VerifierKey, ...]) -> Collected:
    """Add a witness's cosignatures to the checkpoint of the repository at `root`.

    Raises Rejected(log.missing) without a ledger here, Rejected(log.split-view) when the witness has another tree of
    this size, Unverifiable(log.unwitnessed) when it has not cosigned this checkpoint yet, EnvironmentTrouble.
    """
    with exclusive(root) as local:
        storage = FileStorage(root, local)
        note, here = storage.note(), claimed(storage.note())
        if note is None or here is None:
            raise Rejected("log.missing", f"{root} has no ledger")
        text, lines = parse_note(note)
        new = [line for line in _found(url, branch, here, text, keys) if not _has(lines, line)]
        longer = note
        for line in new:
            longer = add_signature(longer, line)
        if new:
            storage.swap_checkpoint(note, longer)
    return Collected(here.origin, here.size, len(new))


def _found(url: str, branch: str, here: Checkpoint, text: str, keys: tuple[VerifierKey, ...]) -> tuple[Signature, ...]:
    place = f"{sha256(here.origin.encode()).hexdigest()}/checkpoint"
    try:
        with Snapshot(url, branch) as witness:
            found = open_note(witness.file(place, MAX_CHECKPOINT), keys)
        there = Checkpoint.parse(found.text)
    except FileNotFoundError:
        raise Unverifiable("log.unwitnessed", f"{url} has cosigned nothing of {here.origin}") from None
    except NoteError as error:
        raise Rejected("log.unwitnessed", f"what {url} says about {here.origin} does not hold: {error}") from None
    if (there.origin, there.size) == (here.origin, here.size) and there.root != here.root:
        raise Rejected("log.split-view", f"{url} has cosigned another tree of {here.origin} at size {here.size}")
    if found.text != text:
        raise Unverifiable("log.unwitnessed", f"{url} has cosigned {here.origin} at size {there.size}, not {here.size}")
    return found.signatures


def _has(lines: list[Signature], line: Signature) -> bool:
    return any((one.name, one.key_id) == (line.name, line.key_id) for one in lines)
