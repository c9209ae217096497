"""Bringing decisions of another form into the repository: each becomes a record that names and hashes its source.

Every word of a source is in its record or named in the report; `strict` writes nothing when the report names one.
"""

import hashlib
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from remembrancer.adr import decide as decisions
from remembrancer.adr import foreign, form
from remembrancer.adr.foreign import Foreign
from remembrancer.clock import Clock
from remembrancer.errors import BadInput, RemembrancerError
from remembrancer.record.statements import evidence_name
from remembrancer.repository.reader import Repository
from remembrancer.repository.store import Store
from remembrancer.system.files import read_regular

SOURCE = "Imported"
UNPLACED = "adr.unplaced"
_DIGEST = re.compile(r"SHA-256 ([0-9a-f]{64})\b")
_TEXTS = (".md", ".markdown", ".mdx", ".adoc", ".asciidoc", ".rst", ".org", ".txt", ".text")
_INDEXES = ("readme", "index", "toc", "_index", "summary", "contributing", "license")


@dataclass(slots=True)
class Adopted:
    """One file: where it came from, its record ("" when it has none), its status, the receipt's path (None for a
    draft), and whether the record is new. `notes` say what was done, `unplaced` what has no place in the standard."""

    source: str
    path: str = ""
    status: str = ""
    receipt: Path | None = None
    new: bool = False
    notes: list[str] = field(default_factory=list)
    unplaced: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Found:
    name: str
    digest: str
    text: str
    decision: Foreign
    told: Adopted
    successor: str = ""


def adopt(repository: Repository, folder: Path, clock: Clock, *, strict: bool = False) -> list[Adopted]:
    """Import every decision below a folder, in the order of the files' names; those imported before are left alone.

    Numbers are kept where they are free. Decided ones are recorded, undecided ones become drafts. With `strict`
    nothing is written when anything could not be placed. Raises BadInput(input.file) when there is no such folder or
    nothing in it that could be read as a decision.
    """
    if not folder.is_dir():
        raise BadInput("input.file", f"there is no folder {folder}", "Name the folder that holds the decisions.")
    imported = {_source_of(one): one for one in decisions.records(repository.store)}
    done: list[Adopted] = []
    fresh: list[_Found] = []
    interrupted: list[_Found] = []
    for path in _candidates(repository, folder):
        told = Adopted(evidence_name(repository, path))
        done.append(told)
        one = _read(path, told)
        if one is None:
            continue
        if (record := imported.get(one.digest)) is not None:
            told.path, told.status = record.path, record.adr.status
            if record.newest is None and record.adr.status in form.DECIDED:
                one.decision.status = record.adr.status
                interrupted.append(one)
        elif _complete(repository, path, one):
            fresh.append(one)
    if not fresh and not any(one.path or one.unplaced for one in done):
        raise BadInput("input.file", f"no file in {folder} reads as a decision", "Files of MADR and adr-tools do.")
    _number(repository.store, fresh)
    _follow([*fresh, *interrupted], imported)
    if not (strict and any(one.unplaced for one in done)):
        _write(repository.store, fresh)
        _decide(repository.store, [*fresh, *interrupted], clock)
    return done


def _candidates(repository: Repository, folder: Path) -> Iterator[Path]:
    own = (repository.root / form.FOLDER).resolve()
    for path in sorted(folder.rglob("*")):
        if not path.is_dir() and path.resolve().parent != own and ".git" not in path.parts:
            yield path


def _read(path: Path, told: Adopted) -> _Found | None:
    """Return the decision in a file; `told` says why there is none."""
    why, known = _text(path)
    if not why:
        data = read_regular(path)
        text = data.decode()
        decision = None if foreign.is_template(path.name, text) else foreign.read(path.name, text)
        index = path.stem.lower() in _INDEXES
        if decision is not None and not index:
            return _Found(path.name, hashlib.sha256(data).hexdigest(), text, decision, told)
        template = foreign.is_template(path.name, text)
        why, known = "a template" if template else "an index" if index else "no decision", template or index
    (told.notes if known else told.unplaced).append(f"left out: {why}")
    return None


def _text(path: Path) -> tuple[str, bool]:
    """Return why a file is not read as Markdown ("" when it is), and whether that is what one expects of it."""
    if path.is_symlink() or not path.is_file():
        return "it is a link" if path.is_symlink() else "it is not a regular file", False
    if path.suffix.lower() not in _TEXTS:
        return "it is not Markdown", True
    if path.suffix.lower() not in (".md", ".markdown"):
        return "it is not Markdown", False
    data = read_regular(path, form.MAX_BYTES)
    if not data.strip() or len(data) > form.MAX_BYTES:  # of a longer text only the beginning was read
        return f"it is larger than {form.MAX_BYTES} bytes" if data.strip() else "it is empty", False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "it is not UTF-8 text", False
    return "", True


def _source_of(record: decisions.Record) -> str:
    """Return the digest of the file that a record was imported from, or ""."""
    found = _DIGEST.search(dict(record.adr.sections).get(SOURCE, ""))
    return found[1] if found else ""


def _complete(repository: Repository, path: Path, found: _Found) -> bool:
    """Fill in what the standard requires and the source does not have; say whether a record can be made of it."""
    decision, told = found.decision, found.told
    if not decision.date:
        decision.date, why = _first_commit(repository, path)
        if not decision.date:
            told.unplaced.append(f"left out: it names no day, and {why}")
            return False
        decision.renamed.append("its date is the day of the commit that brought the file, for the text names none")
        told.notes.append(f"dated {decision.date}, the day of its first commit")
    nothing = f"Not stated in {told.source}."
    for name in ("Context", "Decision", "Consequences"):
        decision.fields.setdefault(name, nothing)
    command = f"`sha256sum {shlex.quote(told.source)}` prints the digest that stands below"
    said = decision.fields.get("Verification", "")
    if not said or any("no command" in one for one in _problems(found)):
        decision.fields["Verification"] = f"{said}\n\n{command}." if said else f"{command}."
    decision.fields = {name: form.inert(text) for name, text in decision.fields.items()}
    decision.sections = [(heading, form.inert(text)) for heading, text in decision.sections]
    told.status = decision.status
    try:
        decisions.check_title(decision.title)
    except RemembrancerError as error:
        told.unplaced.append(f"left out: {error.message}")
        return False
    if problems := _problems(found):
        told.unplaced.append(f"left out: {'; '.join(problems)}")
        return False
    missing = foreign.lost(found.text, _rendered(found).decode())
    if missing:
        shown = ", ".join(repr(word[:40]) for word in dict.fromkeys(missing[:10]))
        more = f" and {len(missing) - 10} more" if missing[10:] else ""
        told.unplaced.append(f"not carried over: {shown}{more}")
    told.notes += decision.notes
    told.unplaced += decision.unplaced
    return True


def _rendered(found: _Found) -> bytes:
    title, fields, sections = _parts(found)
    return form.render(1, title, fields, sections)


def _problems(found: _Found) -> list[str]:
    name = form.file_name(1, form.slug_of(found.decision.title))
    return form.problems(form.read(name, _rendered(found)))


def _parts(found: _Found) -> tuple[str, dict[str, str], tuple[tuple[str, str], ...]]:
    decision = found.decision
    fields = {"Verification": "", **decision.fields, "Date": decision.date, "Status": decision.status}
    fields = {**dict.fromkeys(form.FIELDS, ""), **fields}
    lines = [f"From `{found.told.source}`, SHA-256 {found.digest}."]
    if decision.renamed:
        lines += ["", *(form.inert(f"- {one}") for one in decision.renamed)]
    return decision.title.strip(), fields, (*decision.sections, (SOURCE, "\n".join(lines)))


def _first_commit(repository: Repository, path: Path) -> tuple[str, str]:
    """Return the day on which Git first saw a file, or "" and why it is not known."""
    shallow = repository.git("rev-parse", "--is-shallow-repository")
    if shallow.returncode:
        return "", "there is no Git history to ask"
    if shallow.stdout.strip() != b"false":
        return "", "this clone is shallow: git fetch --unshallow"
    where = ("--format=%as", "--", str(path.resolve()))
    done = repository.git("log", "--follow", *where)
    if done.returncode:  # following a file to its former names reads old texts, which a partial clone does not have
        done = repository.git("log", *where)
    days = done.stdout.decode().split() if not done.returncode else []
    return (days[-1], "") if days else ("", "no commit has it yet: commit it, or write one")


def _number(store: Store, fresh: list[_Found]) -> None:
    """Name every number that cannot be kept."""
    used = decisions.numbers_used(store)
    for one in fresh:
        number = one.decision.number
        if number == 0:
            one.told.unplaced.append("its number 0 is none here: they begin with 1")
        elif number is not None and number in used:
            one.told.unplaced.append(f"its number {number} is taken")
        if number == 0 or number in used:
            one.decision.renamed.append(f"its number there is {number}")
        used.add(number or 0)


def _follow(fresh: list[_Found], imported: dict[str, decisions.Record]) -> None:
    """Find what each superseded decision names as its successor, and say which ones a receipt cannot name."""
    files: dict[str, str] = {one.adr.name: digest for digest, one in imported.items() if digest} | {
        one.name: one.digest for one in fresh
    }
    counted = Counter(one.decision.number for one in fresh)
    numbers = {one.decision.number: one.digest for one in fresh if counted[one.decision.number] == 1}
    for one in fresh:
        for by in one.decision.successors:
            # a file's name is surer than a number
            digest = files.get(by.file) or numbers.get(by.number, "")
            shown = by.file or f"ADR-{by.number:03d}"
            if not digest or digest == one.digest:
                one.told.unplaced.append(f"its successor {shown} is not among what is imported")
            elif one.successor:
                one.told.notes.append(f"a receipt names one successor; {shown} stands in the text alone")
            else:
                one.successor = digest


def _write(store: Store, fresh: list[_Found]) -> None:
    paths = decisions.write_new(store, [_parts(one) for one in fresh], [one.decision.number or 0 for one in fresh])
    for one, path in zip(fresh, paths, strict=True):
        one.told.path, one.told.new = path, True


def _decide(store: Store, found: list[_Found], clock: Clock) -> None:
    """Write the receipts of the records that are decided, each with its successor."""
    known = {one.path: one for one in decisions.records(store)}
    by_source = {_source_of(one): one for one in known.values()}
    for one in found:
        if one.decision.status in form.DECIDED:
            by = by_source.get(one.successor) if one.successor else None
            one.told.receipt = decisions.decide(store, known[one.told.path], one.decision.status, clock, by).receipt
