"""Why is this file, or this component, as it is? Receipts, decisions and Git joined, each row with its proof state.

A file is touched by the generation and the updates that changed what the template renders there, by waivers of it, by
the commits that changed it, by the decisions that it, those commits or their texts name, and by the versions that were
the first to carry those commits. A component is touched by its own events and by the decisions that name it.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from remembrancer.adr import decide
from remembrancer.audit.session import Session
from remembrancer.errors import BadInput, Rejected, RemembrancerError
from remembrancer.memory import events, touched
from remembrancer.memory.standing import Seals, Standing, State
from remembrancer.named import NamedTuple
from remembrancer.paths import RECEIPTS
from remembrancer.receipt import manifest
from remembrancer.receipt.statement import Receipt, relative_path
from remembrancer.system.files import read_regular

_NAMED = re.compile(r"\bADR[- ]0*([0-9]{1,5})\b", re.IGNORECASE)
_LARGEST = 1 << 20  # bytes of a file in which decisions are looked for
_COMPONENT = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_BOUND_BY_NOTHING = Standing(State.UNRECORDED, "", "a commit is no receipt: nothing in the ledger binds it")


class Row(NamedTuple):
    """One thing that touched it: when (RFC 3339, or a decision's day), its kind, what happened, how it touches,
    where it is (a file from the root, or a commit's id), and how it stands."""

    at: str
    kind: str
    event: str
    how: str
    where: str
    standing: Standing


class Asked(NamedTuple):
    """What was asked about: a file's path from the root, or else a component."""

    path: str
    component: str

    @property
    def name(self) -> str:
        """The path or the component."""
        return self.path or self.component


def meant(session: Session, text: str) -> Asked:
    """Return what a path (from the working directory or the root) or a component's name means.

    Raises BadInput(input.file) for a path outside of the repository.
    """
    root = session.root
    given = Path(text)
    for base in (Path.cwd(), root):
        place = base / given
        inside = place.parent.resolve() / place.name
        if inside.is_relative_to(root) and (place.is_file() or place.is_symlink()):
            return Asked(inside.relative_to(root).as_posix(), "")
    if _COMPONENT.fullmatch(text) and any(
        one.predicate.get("component") == text for _, one in events.found(session.store, events.Wanted(), [])
    ):
        return Asked("", text)
    plain = PurePosixPath(text)
    if given.is_absolute() or ".." in plain.parts or not plain.parts:
        raise BadInput("input.file", f"{text[:200]} is not a file of the repository at {root}")
    return Asked(plain.as_posix(), "")  # a file that is gone has a history all the same


def why(session: Session, asked: Asked, line: int = 0, seals: Seals | None = None) -> list[Row]:
    """Return what touched a file or a component, newest first.

    With `line` only the commits that changed that line count, and what joins them. Raises BadInput(input.file),
    EnvironmentTrouble.
    """
    seals = seals or Seals(session)
    known = [receipt for _, receipt in events.found(session.store, events.Wanted(), session.notices)]
    known = sorted([*known, *seals.gone()], key=_when)
    rows = list(_of_file(session, asked.path, line, known, seals) if asked.path else _of_component(
        session, asked.component, known, seals))  # fmt: skip
    return sorted(rows, key=lambda row: row.at, reverse=True)  # of one second: as Git has them


def _when(receipt: Receipt) -> str:
    return str(receipt.predicate["recordedAt"])


def _row(receipt: Receipt, how: str, seals: Seals) -> Row:
    where = f"{RECEIPTS}/{relative_path(receipt)}"
    return Row(_when(receipt), receipt.kind, events.summary(receipt), how, where, seals.of_receipt(receipt))


def _of_component(session: Session, component: str, known: list[Receipt], seals: Seals) -> Iterator[Row]:
    for receipt in known:
        if receipt.predicate.get("component") == component:
            yield _row(receipt, f"it is about {component}", seals)
    word = re.compile(rf"(?<![\w-]){re.escape(component)}(?![\w-])")
    for record in decide.records(session.store):
        if word.search(record.data.decode("utf-8", "replace")):
            yield _decision(record, f"its text names {component}", seals)


def _of_file(session: Session, path: str, line: int, known: list[Receipt], seals: Seals) -> Iterator[Row]:
    changes = touched.commits(session.repository, path, line)
    yield from _standard(session, path, known, seals)
    for receipt in known:
        if receipt.kind == "waiver" and receipt.subject[0].name == path:
            yield _row(receipt, "it waives this file", seals)
    for one in changes:
        how = f"it changed line {line}" if line else "it changed the file"
        yield Row(one.at, "commit", one.subject, how, one.id, _BOUND_BY_NOTHING)
    yield from _decisions(session, path, changes, seals)
    yield from _versions(session, changes, known, seals)


def _standard(session: Session, path: str, known: list[Receipt], seals: Seals) -> Iterator[Row]:
    """Yield the generations that changed what the template renders at a path."""
    before: dict[tuple[str, str], str] = {}
    for receipt in known:
        if receipt.kind not in ("spawn", "update"):
            continue
        said = receipt.predicate
        try:
            lines = manifest.read(session.store.read_blob(said["manifest"]["sha256"]), said["manifest"])
        except RemembrancerError as error:
            session.notice(f"{RECEIPTS}/{relative_path(receipt)}: {error.message} [{error.code}]")
            continue
        layer = (str(said["component"]), str(said["layer"]))
        line = next((one for one in lines if one.path == path), None)
        now, past = line.rendered if line else "", before.get(layer, "")
        before[layer] = now
        if now != past:
            owner = f" as {line.owner}" if line else ""
            did = "changed" if past and now else "rendered" if now else "no longer renders"
            yield _row(receipt, f"it {did} this file{owner}", seals)


def _decisions(session: Session, path: str, changes: list[touched.Commit], seals: Seals) -> Iterator[Row]:
    """Yield the decisions that name the file, that it names, or that its commits name or brought along."""
    text = ""
    with suppress(OSError, Rejected):
        text = read_regular(session.root / path, _LARGEST).decode("utf-8", "replace")
    by_file = {int(number) for number in _NAMED.findall(text)}
    by_commit: dict[int, str] = {}
    together: dict[str, str] = {}
    for one in changes:
        for number in _NAMED.findall(one.message):
            by_commit.setdefault(int(number), one.id)
        if len(one.files) <= touched.TOGETHER:
            together.update(dict.fromkeys(one.files, one.id))
    for record in decide.records(session.store):
        if record.path == path:
            yield _decision(record, "it is this file", seals)
            continue
        how = _names(record.data.decode("utf-8", "replace"), path)
        if not how and record.adr.number in by_file:
            how = f"the file names ADR-{record.adr.number:03d}"
        if not how and record.adr.number in by_commit:
            how = f"commit {by_commit[record.adr.number][:12]} names ADR-{record.adr.number:03d}"
        if not how and record.path in together:
            how = f"commit {together[record.path][:12]} changed both"
        if how:
            yield _decision(record, how, seals)


def _names(text: str, path: str) -> str:
    """Return how a text names a path: in full, by a folder above it, or by a file name that is one of a kind."""
    plain = PurePosixPath(path)
    folders = [f"{one.as_posix()}/" for one in plain.parents if len(one.parts) > 1]
    for name in (path, *folders, plain.name if "." in plain.name[1:] and plain.name != "README.md" else ""):
        end = "" if name.endswith("/") else r"(?![\w/-]|\.\w)"
        if name and re.search(rf"(?<![\w./-]){re.escape(name)}{end}", text):
            return f"its text names {name}"
    return ""


def _decision(record: decide.Record, how: str, seals: Seals) -> Row:
    event = f"{record.adr.heading or record.adr.name}: {record.adr.status}"
    if record.newest is not None and (by := decide.successor_in(record.newest).get("supersededBy")):
        event += f" by ADR-{by:03d}"
    at = _when(record.newest) if record.newest else record.adr.date
    return Row(at, "decision", event, how, record.path, seals.of_decision(record))


def _versions(session: Session, changes: list[touched.Commit], known: list[Receipt], seals: Seals) -> Iterator[Row]:
    """Yield the versions that were the first to carry a change, and where those went or came back."""
    deploys = [one for one in known if one.kind == "deploy" and "commit" in one.predicate]
    carried = touched.carried(
        session.repository, [one.id for one in changes], [str(one.predicate["commit"]) for one in deploys]
    )
    told: dict[tuple[str, str], str] = {}
    done: set[str] = set()
    for receipt in deploys:
        commit = str(receipt.predicate["commit"])
        if commit in carried and commit not in done:
            done.add(commit)
            how = f"it is the first version with {', '.join(one[:12] for one in carried[commit][:3])}"
            how += f" and {len(carried[commit]) - 3} more" if len(carried[commit]) > 3 else ""
            told[_version(receipt.predicate)] = how
            yield _row(receipt, how, seals)
    for receipt in known:
        if receipt.kind in ("rollout", "rollback") and _version(receipt.predicate) in told:
            yield _row(receipt, f"it is about {receipt.predicate['version']}", seals)
        elif (
            receipt.kind == "rollback"
            and (receipt.predicate["component"], receipt.predicate.get("fromVersion")) in told
        ):
            yield _row(receipt, f"it took {receipt.predicate['fromVersion']} back", seals)


def _version(said: Mapping[str, object]) -> tuple[str, str]:
    return str(said["component"]), str(said["version"])


def _left(said: Mapping[str, object]) -> tuple[str, str]:
    return str(said["component"]), str(said.get("fromVersion"))
