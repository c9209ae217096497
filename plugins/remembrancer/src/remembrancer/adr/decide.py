"""Decisions in a repository: the next free number, and a status change with the receipt that binds the text.

A status change edits the Status line and nothing else. So the text that an earlier receipt binds can be recomputed
from the file, and a decision that was edited since it was recorded is never recorded again as if nothing had happened.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from remembrancer.adr import form as adr
from remembrancer.adr.form import Adr
from remembrancer.clock import Clock, parse_rfc3339, rfc3339
from remembrancer.errors import BadInput, Refused, Rejected
from remembrancer.paths import RECEIPTS
from remembrancer.receipt import decided
from remembrancer.receipt import statement as receipt
from remembrancer.receipt.fields import LINE, FieldError
from remembrancer.receipt.statement import Receipt
from remembrancer.repository.lock import SCRATCH, exclusive
from remembrancer.repository.store import Store
from remembrancer.system.files import put, read_regular, trouble

UNRECORDED, RECORDED, EDITED, MOVED = "no", "yes", "edited", "renumbered"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Record:
    """A record's file: its path from the root, its bytes, what they say, and its newest receipt (None: unrecorded)."""

    path: str
    data: bytes
    adr: Adr
    newest: Receipt | None

    @property
    def recorded(self) -> str:
        """Say "yes" when the newest receipt binds this text, "edited" when it binds another one, "renumbered" when it
        says that the record went to another path, else "no"."""
        if self.newest is None:
            return UNRECORDED
        if self.newest.subject[0].name != self.path:
            return MOVED
        return RECORDED if self.newest.subject[0].sha256 == hashlib.sha256(self.data).hexdigest() else EDITED


@dataclass(frozen=True, slots=True)
class Decided:
    """What a status change did: the record's path, the receipt's path and digest, and whether the receipt is new."""

    path: str
    receipt: Path
    digest: str
    new: bool


def records(store: Store) -> list[Record]:
    """Return every record in ops/receipts/adr, by number. Raises EnvironmentTrouble, Rejected(input.file)."""
    newest = newest_of(receipts(store))
    found = []
    for path in _files(store.root):
        data = read_regular(path, adr.MAX_BYTES)
        one = adr.read(path.name, data)
        where = f"{adr.FOLDER}/{path.name}"
        found.append(Record(where, data, one, newest.get(where)))
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


def newest_of(found: Iterable[Receipt]) -> dict[str, Receipt]:
    """Return the newest receipt about each path; one with another path says that the record was renumbered."""
    by_digest = {one.digest: one for one in found}
    newest = decided.in_force(decided.fact(one) for one in by_digest.values())
    return {path: by_digest[fact.digest] for path, fact in newest.items()}


def find(store: Store, wanted: str, known: Sequence[Record] | None = None) -> Record:
    """Return the record that `7`, `ADR-007`, its path, or the SHA-256 of its text or newest receipt names.

    `known` are the records when they were read already. Raises BadInput(input.adr).
    """
    known = records(store) if known is None else known
    number, name = adr.number_of(wanted), wanted.rpartition("/")[2]
    if name.endswith(".md"):
        found = [one for one in known if one.adr.name == name]
    elif _DIGEST.fullmatch(wanted):
        found = [one for one in known if wanted in _digests(one)]
    else:
        found = [one for one in known if number and one.adr.number == number]
    if len(found) > 1:
        names = " and ".join(one.path for one in found)
        last = same_number(found)[0][-1]
        remedy = f"Give its path instead, and one of them another number: remembrancer adr renumber {last}"
        raise BadInput("input.adr", f"{names} have the same number", remedy)
    if not found:
        raise BadInput("input.adr", f"there is no decision {wanted[:80]!r} among the {len(known)} in {adr.FOLDER}")
    return found[0]


def _digests(record: Record) -> tuple[str, ...]:
    text = hashlib.sha256(record.data).hexdigest()
    return (text, record.newest.digest) if record.newest else (text,)


def same_number(known: Iterable[Record]) -> list[Sequence[str]]:
    """Return the paths of records that share a number; the one to renumber stands last in each group."""
    known = list(known)
    newest = {one.path: decided.fact(one.newest) for one in known if one.newest}
    return decided.same_number([(one.adr.number, one.path) for one in known if one.adr.number], newest)


def check_title(title: str) -> str:
    """Return a title without spaces around it; raises BadInput(input.field) unless it is one printable line."""
    try:
        LINE.check(title.strip(), "the title")
    except FieldError as error:
        raise BadInput(error.code, str(error)) from None
    return title.strip()


def create(store: Store, title: str, given: Mapping[str, str], clock: Clock) -> str:
    """Write a draft under the next free number and return its path; what is not given asks its author.

    `given` maps bold fields to texts. Raises BadInput(input.field), EnvironmentTrouble.
    """
    title = check_title(title)
    fields = {**adr.PROMPTS, "Date": rfc3339(clock.now())[:10], "Status": adr.DRAFT, **given}
    return write_new(store, [(title, fields, ())])[0]


def write_new(
    store: Store, new: Iterable[tuple[str, Mapping[str, str], tuple[tuple[str, str], ...]]], wanted: Iterable[int] = ()
) -> list[str]:
    """Write records (title, fields, further sections) and return their paths; all appear or none.

    Each takes its wanted number where that is free, else the next one after all numbers that files or receipts use.
    """
    paths: list[str] = []
    files: dict[str, bytes] = {}
    with exclusive(store.root) as local:
        used = numbers_used(store)
        asked = list(wanted)
        highest = max({*used, *asked})
        for position, (title, fields, sections) in enumerate(new):
            ask = asked[position] if position < len(asked) else 0
            number = ask if ask and ask not in used else highest + 1
            used.add(number)
            highest = max(highest, number)
            name = adr.file_name(number, adr.slug_of(title))
            files[f"adr/{name}"] = adr.render(number, title, fields, sections)
            paths.append(f"{adr.FOLDER}/{name}")
        with trouble(f"make {store.receipts_dir}"):
            store.receipts_dir.mkdir(parents=True, exist_ok=True)
        put(store.receipts_dir, files, local / SCRATCH)
    return paths


def numbers_used(store: Store) -> set[int]:
    """Return the numbers that files or receipts have, and 0."""
    used = {0} | {adr.read(path.name, b"").number for path in _files(store.root)}
    return used | {int(one.predicate["number"]) for one in receipts(store)}


def decide(store: Store, record: Record, status: str, clock: Clock, successor: Record | None = None) -> Decided:
    """Give a record its status and write the receipt that binds its text; a repetition writes nothing.

    `successor` is what supersedes it, when that is known.

    Raises Refused(adr.form) for a record that does not have the standard's form or still asks its author,
    Refused(adr.edited) for one that was edited since it was recorded, Refused(adr.number) for one that was renumbered
    and still lies at its former path, Refused(adr.decided) for a decision that was taken otherwise, EnvironmentTrouble.
    """
    _refuse_form(record)
    refuse_edited(record)
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
        with exclusive(store.root) as local:
            put(store.receipts_dir, {record.path.removeprefix(f"{RECEIPTS}/"): data}, local / SCRATCH)
    digest = hashlib.sha256(data).hexdigest()
    named = names_successor(successor.adr.number, successor.adr.slug) if successor else {}
    same = before is not None and before.subject[0].sha256 == digest
    if before is not None and same and named.items() == successor_in(before).items():
        return Decided(record.path, Path(RECEIPTS) / receipt.relative_path(before), before.digest, False)
    return bind(store, record, clock, status=status, digest=digest, more=named)


def names_successor(number: int, slug: str) -> dict[str, object]:
    """Return the members of a receipt that name a successor: its number, and the slug that tells two of them apart."""
    return {"supersededBy": number, "supersededBySlug": slug}


def successor_in(one: Receipt) -> dict[str, object]:
    """Return the members of a receipt that name the successor; receipts before 4.2 have no slug."""
    return {name: one.predicate[name] for name in ("supersededBy", "supersededBySlug") if name in one.predicate}


def bind(
    store: Store, record: Record, clock: Clock, *, status: str, digest: str, more: Mapping[str, object]
) -> Decided:
    """Write the receipt that binds a text to a record; `more` are further members of its predicate."""
    said: dict[str, object] = {
        "recordedAt": _after(record.newest, clock),
        "number": record.adr.number,
        "title": record.adr.title,
        "slug": record.adr.slug,
        "status": status,
        "text": digest,
        **more,
    }
    data = receipt.build("adr", [(record.path, digest)], said)
    path = store.write_receipt(data)
    return Decided(record.path, path.relative_to(store.root), receipt.parse(data).digest, True)


def supersede(store: Store, old: Record, new: Record, clock: Clock) -> Decided:
    """Mark an accepted decision as superseded by another accepted and recorded one; see `decide`."""
    if old.path == new.path:
        raise BadInput("input.adr", f"{old.path} cannot supersede itself")
    if new.recorded != RECORDED or new.adr.status != adr.ACCEPTED:
        raise Refused(
            "adr.decided",
            f"{new.path} is not recorded as {adr.ACCEPTED}, so it supersedes nothing yet",
            f"Run `remembrancer adr accept {new.path}` first.",
        )
    return decide(store, old, adr.SUPERSEDED, clock, new)


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


def refuse_edited(record: Record) -> None:
    """Whoever set the Status line by hand gets the same answer as whoever did not touch the file.

    Raises Refused(adr.edited), Refused(adr.number) when the record was renumbered and this is its former path.
    """
    if record.newest is None:
        return
    if record.recorded == MOVED:
        remedy = f"Take the former file away with `remembrancer adr renumber {record.path}`."
        raise Refused("adr.number", f"{record.path} was renumbered to {record.newest.subject[0].name}", remedy)
    before = adr.with_status(record.data, str(record.newest.predicate["status"]))
    if hashlib.sha256(before).hexdigest() != record.newest.subject[0].sha256:
        raise Refused("adr.edited", f"{record.path} was edited after it was recorded")
