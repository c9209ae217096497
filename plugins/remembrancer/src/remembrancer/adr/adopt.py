"""Bringing decisions of another form into the repository: each becomes a record that names and hashes its source."""

import hashlib
import shlex
from dataclasses import dataclass
from pathlib import Path

from remembrancer.adr import decide as decisions
from remembrancer.adr import foreign as adr_import
from remembrancer.adr import form as adr
from remembrancer.adr.foreign import Foreign
from remembrancer.clock import Clock, rfc3339
from remembrancer.errors import BadInput
from remembrancer.record.statements import evidence_name
from remembrancer.repository.reader import Repository
from remembrancer.repository.store import Store
from remembrancer.system.files import read_regular

SOURCE = "Imported"


@dataclass(frozen=True, slots=True)
class Adopted:
    """One file: where it came from, its record ("" when it is no decision), its status, the receipt's path (None for
    a draft), and whether it is new here."""

    source: str
    path: str
    status: str
    receipt: Path | None
    new: bool


@dataclass(frozen=True, slots=True)
class _Found:
    source: str
    digest: str
    decision: Foreign


def adopt(repository: Repository, folder: Path, clock: Clock) -> list[Adopted]:
    """Import every decision below a folder, in the order of the files' names; those imported before are left alone.

    Numbers are kept where they are free. Decided ones are recorded, undecided ones become drafts. Raises
    BadInput(input.file) when there is no such folder or nothing in it that could be read as a decision.
    """
    if not folder.is_dir():
        raise BadInput("input.file", f"there is no folder {folder}", "Name the folder that holds the decisions.")
    known = {_source_of(one): one for one in decisions.records(repository.store)}
    done: list[Adopted] = []
    fresh: list[_Found] = []
    for path in _candidates(repository, folder):
        data = read_regular(path, adr.MAX_BYTES)
        source, digest = evidence_name(repository, path), hashlib.sha256(data).hexdigest()
        # of a longer text only the beginning was read, and the rest would be lost
        decision = adr_import.read(path.name, data) if len(data) <= adr.MAX_BYTES else None
        if decision is None:
            done.append(Adopted(source, "", "", None, False))
        elif digest in known:
            done.append(Adopted(source, known[digest].path, known[digest].adr.status, None, False))
        else:
            _complete(repository, path, decision, clock)
            fresh.append(_Found(source, digest, decision))
    if not fresh and not any(one.path for one in done):
        raise BadInput("input.file", f"no file in {folder} reads as a decision", "Files of MADR and adr-tools do.")
    return sorted([*done, *_write(repository.store, fresh, clock)], key=lambda one: one.source)


def _candidates(repository: Repository, folder: Path) -> list[Path]:
    own = (repository.root / adr.FOLDER).resolve()
    found = [path for path in folder.rglob("*.md") if path.is_file() and not path.is_symlink()]
    return sorted(path for path in found if path.resolve().parent != own)


def _source_of(record: decisions.Record) -> str:
    """Return the digest of the file that a record was imported from, or ""."""
    text = dict(record.adr.sections).get(SOURCE, "")
    return text.rpartition(" ")[2].rstrip(".")


def _complete(repository: Repository, path: Path, decision: Foreign, clock: Clock) -> None:
    """Fill in what the standard requires and the source does not have."""
    decision.date = decision.date or _first_commit(repository, path) or rfc3339(clock.now())[:10]
    decision.status = decision.status or adr.DRAFT
    name = evidence_name(repository, path)
    nothing = f"Not stated in {name}."
    for field in ("Context", "Decision", "Consequences"):
        decision.fields.setdefault(field, nothing)
    command = f"`sha256sum {shlex.quote(name)}` prints the digest that stands below"
    said = decision.fields.get("Verification", "")
    if "`" not in said:
        decision.fields["Verification"] = f"{said}\n\n{command}." if said else f"{command}."


def _first_commit(repository: Repository, path: Path) -> str:
    """Return the day on which Git first saw a file, or "". Raises EnvironmentTrouble(env.git)."""
    if not repository.head():
        return ""
    done = repository.git("log", "--follow", "--diff-filter=A", "--format=%as", "--", str(path.resolve()))
    days = done.stdout.decode().split()  # none for a file that lies outside of the repository
    return days[-1] if days else ""


def _write(store: Store, fresh: list[_Found], clock: Clock) -> list[Adopted]:
    new = []
    for one in fresh:
        fields = {**one.decision.fields, "Date": one.decision.date, "Status": one.decision.status}
        source = (SOURCE, f"From `{one.source}`, SHA-256 {one.digest}.")
        title = decisions.check_title(one.decision.title)
        new.append((title, fields, (*one.decision.sections, source)))
    paths = decisions.write_new(store, new, [one.decision.number for one in fresh])
    numbers = {one.decision.number: path for one, path in zip(fresh, paths, strict=True)}
    numbers.pop(0, None)
    known = {one.path: one for one in decisions.records(store)}
    done = []
    for one, path in zip(fresh, paths, strict=True):
        status, receipt = one.decision.status, None
        if status in adr.DECIDED:
            by = known.get(numbers.get(one.decision.superseded_by, ""))
            receipt = decisions.decide(store, known[path], status, clock, by).receipt
        done.append(Adopted(one.source, path, status, receipt, True))
    return done
