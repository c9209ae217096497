"""Decisions in a repository: the next free number, and a status change with the receipt that binds the text.

A status change edits the Status line and nothing else. So the text that an earlier receipt binds can be recomputed
from the file, and a decision that was edited since it was recorded is never recorded again as if nothing had happened.
"""

import hashlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from remembrancer.adr import form as adr
from remembrancer.adr.form import Adr
from remembrancer.clock import Clock, parse_rfc3339, rfc3339
from remembrancer.errors import BadInput, Refused, Rejected
from remembrancer.receipt import statement as receipt
from remembrancer.receipt.fields import LINE, FieldError
from remembrancer.receipt.statement import Receipt
from remembrancer.repository.lock import SCRATCH, exclusive
from remembrancer.repository.store import RECEIPTS, Store
from remembrancer.system.files import put, read_regular, trouble

UNRECORDED, RECORDED, EDITED = "no", "yes", "edited"


@dataclass(frozen=True, slots=True)
class Record:
    """A record's file: its path from the root, its bytes, what they say, and its newest receipt (None: unrecorded)."""

    path: str
    data: bytes
    adr: Adr
    newest: Receipt | None

    @property
    def recorded(self) -> str:
        """Say "yes" when the newest receipt binds this text, "edited" when it binds another one, else "no"."""
        if self.newest is None:
            return UNRECORDED
        return RECORDED if self.newest.subject[0].sha256 == hashlib.sha256(self.data).hexdigest() else EDITED


@dataclass(frozen=True, slots=True)
class Decided:
    """What a status change did: the record's path, the receipt's path and digest, and whether the receipt is new."""

    path: str
    receipt: Path
    digest: str
    new: bool


def records(root: Path) -> list[Record]:
    """Return every record in ops/receipts/adr, by number. Raises EnvironmentTrouble, Rejected(input.file)."""
    store = Store(root)
    newest = newest_of(receipts(store))
    found = []
    for path in _files(root):
        data = read_regular(path, adr.MAX_BYTES)
        one = adr.read(path.name, data)
        found.append(Record(f"{adr.FOLDER}/{path.name}", data, one, newest.get(one.number)))
    return sorted(found, key=lambda record: (record.adr.number, record.path))


def _files(root: Path) -> list[Path]:
    folder = root / adr.FOLDER
    with trouble(f"list {folder}"):
        return [path for path in folder.glob("*.md") if path.name != "README.md"] if folder.is_dir() else []


def receipts(store: Store) -> list[Receipt]:
    """Return the adr receipts in files; unreadable ones are left to verify-audit, which names them."""
    found = []
    for name in store.walk("adr"):
        if name.endswith(".receipt"):
            with suppress(Rejected):
                found.append(store.read_receipt(name))
    return found


def newest_of(found: Iterable[Receipt]) -> dict[int, Receipt]:
    """Return the newest receipt about each number; no two about one number have the same time."""
    newest: dict[int, Receipt] = {}
    for one in sorted(found, key=lambda one: (str(one.predicate["recordedAt"]), one.digest)):
        newest[int(one.predicate["number"])] = one
    return newest


def find(root: Path, wanted: str) -> Record:
    """Return the record that `7`, `ADR-007` or its path names. Raises BadInput(input.adr)."""
    number = adr.number_of(wanted)
    known = records(root)
    found = [one for one in known if number and one.adr.number == number]
    if len(found) > 1:
        names = " and ".join(one.path for one in found)
        raise BadInput("input.adr", f"{names} have the same number", "Give one of them the next free number.")
    if not found:
        raise BadInput("input.adr", f"there is no decision {wanted[:80]!r} among the {len(known)} in {adr.FOLDER}")
    return found[0]


def check_title(title: str) -> str:
    """Return a title without spaces around it; raises BadInput(input.field) unless it is one printable line."""
    try:
        LINE.check(title.strip(), "the title")
    except FieldError as error:
        raise BadInput(error.code, str(error)) from None
    return title.strip()


def create(root: Path, title: str, given: Mapping[str, str], clock: Clock) -> str:
    """Write a draft under the next free number and return its path; what is not given asks its author.

    `given` maps bold fields to texts. Raises BadInput(input.field), EnvironmentTrouble.
    """
    title = check_title(title)
    fields = {**adr.PROMPTS, "Date": rfc3339(clock.now())[:10], "Status": adr.DRAFT, **given}
    return write_new(root, [(title, fields, ())])[0]


def write_new(
    root: Path, new: Iterable[tuple[str, Mapping[str, str], tuple[tuple[str, str], ...]]], wanted: Iterable[int] = ()
) -> list[str]:
    """Write records (title, fields, further sections) and return their paths; all appear or none.

    Each takes its wanted number where that is free, else the next one after all numbers that files or receipts use.
    """
    store = Store(root)
    paths, files = [], {}
    with exclusive(root) as local:
        used = {adr.read(path.name, b"").number for path in _files(root)}
        used |= {int(one.predicate["number"]) for one in receipts(store)}
        asked = list(wanted)
        for position, (title, fields, sections) in enumerate(new):
            ask = asked[position] if position < len(asked) else 0
            number = ask if ask and ask not in used else max(used | set(asked), default=0) + 1
            used.add(number)
            name = adr.file_name(number, adr.slug_of(title))
            files[f"adr/{name}"] = adr.render(number, title, fields, sections)
            paths.append(f"{adr.FOLDER}/{name}")
        with trouble(f"make {root / RECEIPTS}"):
            store.receipts_dir.mkdir(parents=True, exist_ok=True)
        put(store.receipts_dir, files, local / SCRATCH)
    return paths


def decide(root: Path, record: Record, status: str, clock: Clock, superseded_by: int = 0) -> Decided:
    """Give a record its status and write the receipt that binds its text; a repetition writes nothing.

    Raises Refused(adr.form) for a record that does not have the standard's form or still asks its author,
    Refused(adr.edited) for one that was edited since it was recorded, Refused(adr.decided) for a decision that was
    taken otherwise, EnvironmentTrouble.
    """
    _refuse_form(record)
    _refuse_edited(record)
    now, before = record.adr.status, record.newest
    allowed = (adr.ACCEPTED,) if status == adr.SUPERSEDED else (adr.DRAFT,)
    if before is not None and before.predicate["status"] != status and before.predicate["status"] not in allowed:
        raise Refused(
            "adr.decided", f"{record.path} is recorded as {before.predicate['status']}, so it cannot become {status}"
        )
    if before is None and now not in (status, *allowed):
        raise Refused("adr.decided", f"{record.path} says {now}, so it cannot become {status}")
    data = adr.with_status(record.data, status)
    if (says := adr.read(record.adr.name, data).status) != status:
        raise Refused("adr.form", f"{record.path} would still say {says[:40]!r} with the status {status}")
    if data != record.data:
        with exclusive(root) as local:
            put(root / RECEIPTS, {record.path.removeprefix(f"{RECEIPTS}/"): data}, local / SCRATCH)
    digest = hashlib.sha256(data).hexdigest()
    same = before is not None and before.subject[0].sha256 == digest
    if before is not None and same and before.predicate.get("supersededBy", 0) == superseded_by:
        return Decided(record.path, Path(RECEIPTS) / receipt.relative_path(before), before.digest, False)
    return _bind(root, record, clock, status=status, digest=digest, superseded_by=superseded_by)


def _bind(root: Path, record: Record, clock: Clock, *, status: str, digest: str, superseded_by: int) -> Decided:
    said: dict[str, object] = {
        "recordedAt": _after(record.newest, clock),
        "number": record.adr.number,
        "title": record.adr.title,
        "slug": record.adr.slug,
        "status": status,
        "text": digest,
        **({"supersededBy": superseded_by} if superseded_by else {}),
    }
    data = receipt.build("adr", [(record.path, digest)], said)
    path = Store(root).write_receipt(data)
    return Decided(record.path, path.relative_to(root), receipt.parse(data).digest, True)


def supersede(root: Path, old: Record, new: Record, clock: Clock) -> Decided:
    """Mark an accepted decision as superseded by another accepted and recorded one; see `decide`."""
    if old.adr.number == new.adr.number:
        raise BadInput("input.adr", f"{old.path} cannot supersede itself")
    if new.recorded != RECORDED or new.adr.status != adr.ACCEPTED:
        raise Refused(
            "adr.decided",
            f"{new.path} is not recorded as {adr.ACCEPTED}, so it supersedes nothing yet",
            f"Run `remembrancer adr accept {new.adr.number}` first.",
        )
    return decide(root, old, adr.SUPERSEDED, clock, new.adr.number)


def _after(before: Receipt | None, clock: Clock) -> str:
    """Return now, or the second after the receipt before: the order of two must never depend on their digests."""
    now = clock.now().replace(microsecond=0)
    if before is not None:
        said = str(before.predicate["recordedAt"])
        try:
            now = max(now, parse_rfc3339(said) + timedelta(seconds=1))
        except OverflowError:
            where = f"{RECEIPTS}/{receipt.relative_path(before)}"
            raise Rejected("receipt.future", f"{where} says that it was recorded at {said}") from None
    return rfc3339(now)


def _refuse_form(record: Record) -> None:
    if len(record.data) > adr.MAX_BYTES:  # only its beginning was read, and only that could be written back
        raise Refused("adr.form", f"{record.path} cannot be recorded: it is larger than {adr.MAX_BYTES} bytes")
    found = adr.problems(record.adr)
    if open_fields := adr.unwritten(record.adr):
        found.append(f"**{open_fields[0]}** still asks its question")
    if found:
        raise Refused("adr.form", f"{record.path} cannot be recorded: {'; '.join(found)}")


def _refuse_edited(record: Record) -> None:
    """Whoever set the Status line by hand gets the same answer as whoever did not touch the file."""
    if record.newest is None:
        return
    before = adr.with_status(record.data, str(record.newest.predicate["status"]))
    if hashlib.sha256(before).hexdigest() != record.newest.subject[0].sha256:
        raise Refused("adr.edited", f"{record.path} was edited after it was recorded")
