"""Giving a decision another number when two branches took the same one.

The text changes in its title line only, and a new receipt binds it that names the former number and the digest of the
former text. The former file goes last: whatever is interrupted, the same command takes it up where it stopped.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from remembrancer.adr import decide as decisions
from remembrancer.adr import form as adr
from remembrancer.adr.decide import Decided, Record
from remembrancer.clock import Clock
from remembrancer.errors import BadInput, Refused
from remembrancer.receipt import decided
from remembrancer.repository.lock import SCRATCH, exclusive
from remembrancer.repository.store import Store
from remembrancer.system.files import put, sync_folder, trouble


@dataclass(frozen=True, slots=True)
class Renumbered:
    """What was done: the record's former path and its new one, the receipts that are new, and the records whose
    texts mention the number, which nobody may edit."""

    former: str
    path: str
    receipts: tuple[Decided, ...]
    mentions: tuple[str, ...]
    new: bool


def renumber(store: Store, wanted: str, clock: Clock) -> Renumbered:
    """Give the record at a path the next free number, with its receipts; a repetition writes nothing.

    Records that it supersedes get a receipt that names it by its new number. Raises BadInput(input.adr) when there is
    no such record or no other one has its number, Refused(adr.edited) when its text is not the recorded one,
    Refused(adr.number) when a receipt does not say which of the two supersedes its record, EnvironmentTrouble.
    """
    known = decisions.records(store)
    by_path = {one.path: one for one in known}
    path = f"{adr.FOLDER}/{wanted.rpartition('/')[2]}"
    moved = decisions.newest_of(decisions.receipts(store)).get(path)
    new = by_path.get(moved.subject[0].name) if moved else None
    if new and path not in by_path:
        return Renumbered(path, new.path, (), (), False)
    record = decisions.find(store, wanted, known)
    if record.recorded != decisions.MOVED or new is None:
        new = _copy(store, record, known)
    done = [] if new.newest else _record(store, record, new, clock)
    done += [
        decisions.bind(store, one, clock, status=adr.SUPERSEDED, digest=one.newest.subject[0].sha256, more=_named(new))
        for one in _followers(known, record)
        if one.newest is not None
    ]
    with exclusive(store.root), trouble(f"remove {record.path}"):
        (store.root / record.path).unlink()
        sync_folder(store.root / adr.FOLDER)
    word = re.compile(rf"ADR-0*{record.adr.number}(?![0-9])", re.IGNORECASE)
    mentions = [one.path for one in known if one.path != record.path and word.search(_body(one))]
    return Renumbered(record.path, new.path, tuple(done), tuple(mentions), True)


def _named(new: Record) -> dict[str, object]:
    return decisions.names_successor(new.adr.number, new.adr.slug)


def _body(record: Record) -> str:
    """Return a record's text without its title line."""
    return record.data.decode("utf-8", "replace").partition("\n")[2]


def _copy(store: Store, record: Record, known: Sequence[Record]) -> Record:
    """Write the text under the next free number, or return what an interrupted run wrote."""
    number = record.adr.number
    twins = [one for one in known if one.adr.number == number and one.path != record.path]
    if not twins or not number:
        raise BadInput("input.adr", f"{record.path} is the only decision with its number, so it keeps it")
    if record.newest is not None:
        decisions.refuse_edited(record)
        if record.recorded != decisions.RECORDED:
            raise Refused("adr.edited", f"{record.path} was edited after it was recorded")
    _followers(known, record)  # refused before anything is written
    for one in known:
        again = one.adr.slug == record.adr.slug and one.newest is None and one.adr.number != number
        if again and one.data == adr.with_number(record.data, one.adr.number):
            return one
    with exclusive(store.root) as local:
        free = max(decisions.numbers_used(store)) + 1
        name = adr.file_name(free, record.adr.slug)
        data = adr.with_number(record.data, free)
        put(store.receipts_dir, {f"adr/{name}": data}, local / SCRATCH)
    return Record(f"{adr.FOLDER}/{name}", data, adr.read(name, data), None)


def _record(store: Store, record: Record, new: Record, clock: Clock) -> list[Decided]:
    """Write the receipt that continues the record's chain under its new path; a draft has none."""
    if record.newest is None:
        return []
    before = decided.fact(record.newest)
    formerly = {"number": before.number, "text": before.text}
    digest = hashlib.sha256(new.data).hexdigest()
    more = {**decisions.successor_in(record.newest), "formerly": formerly}
    continued = Record(new.path, new.data, new.adr, record.newest)
    return [decisions.bind(store, continued, clock, status=before.status, digest=digest, more=more)]


def _followers(known: Sequence[Record], record: Record) -> list[Record]:
    """Return the records that are superseded by this one, as their newest receipts say."""
    number = record.adr.number
    could = [one for one in known if one.adr.number == number and one.newest and one.adr.status in adr.DECIDED]
    found = []
    for one in known:
        if one.newest is None or one.recorded == decisions.MOVED or one.newest.predicate.get("supersededBy") != number:
            continue
        slug = one.newest.predicate.get("supersededBySlug")
        if slug is None and len(could) > 1:
            remedy = f"Say which: remembrancer adr supersede {one.path} --by {record.path}"
            message = f"{one.path} is superseded by ADR-{number:03d}, and its receipt does not say which one that is"
            raise Refused("adr.number", message, remedy)
        if slug == record.adr.slug or (slug is None and could == [record]):
            found.append(one)
    return found
