"""Receipts of generation that no hook wrote, and updates that waited for a person: `record spawn` and `record update`.

A missed spawn receipt is made by copying the recorded version once more, aside; a missed update by carrying the update
out once more, aside. Either way the template's own hook states it there, and that is taken over with the digests of the
files that are here: one event has one rule, whoever writes it down.
"""

import hashlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from remembrancer.clock import Clock, parse_rfc3339, rfc3339
from remembrancer.errors import EnvironmentTrouble, Refused
from remembrancer.paths import RECEIPTS
from remembrancer.receipt import manifest as manifests
from remembrancer.receipt import statement as receipt
from remembrancer.receipt.manifest import Line
from remembrancer.receipt.statement import Receipt
from remembrancer.repository.lock import SCRATCH, exclusive
from remembrancer.repository.store import Store
from remembrancer.standard import replay
from remembrancer.standard.aside import copy_aside
from remembrancer.standard.conflicts import conflict_lines
from remembrancer.standard.generations import Answers, answers_of, generations
from remembrancer.standard.interrupted import forget, refuse_interrupted
from remembrancer.standard.replay import Course, Replayed
from remembrancer.system.files import make_folder, put

_RELEASE = re.compile(r"v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Written:
    """A receipt that is there now: its path from the root, its digest, whether it is new, and what it is about.

    `notes` are sentences about what a person has to decide.
    """

    path: Path
    digest: str
    new: bool
    layer: str
    notes: tuple[str, ...] = ()


def record_missed(store: Store, kind: str, clock: Clock, given: str | None = None) -> list[Written]:
    """Write the spawn or update receipts that are missing; return them, or those that are there already.

    Raises BadInput(input.answers), Refused(receipt.generation) when the other kind is what is missing,
    Refused(receipt.interrupted) where an update broke off before it wrote the answers, and
    EnvironmentTrouble(env.copier) when the recorded version cannot be copied once more.
    """
    done = []
    for answers in answers_of(store.root, given):
        known = generations(store, answers.layer)
        last = known[-1] if known else None
        if last is not None and (kind == "spawn" or last.predicate["template"]["version"] == answers.version):
            if kind == "update":
                refuse_interrupted(store.root)
            done.append(Written(_place(last), last.digest, False, answers.layer))
            continue
        if last is None and kind == "update":
            raise Refused(
                "receipt.generation",
                f"{answers.path} has no spawn receipt, so there is nothing that an update could start from",
            )
        if last is None:
            done.append(_record_spawn(store, answers, clock))
        elif (back := _older(known, answers.version)) is not None:
            done.append(record_return(store, last, back, clock, []))
        else:
            done.append(_record_update(store, answers, last, clock))
        forget(store.root)
    return done


def _older(known: Sequence[Receipt], version: str) -> Receipt | None:
    """Return the newest receipt of an older version than the one that the record ends with, where it is that."""
    now, then = (_RELEASE.fullmatch(name) for name in (str(known[-1].predicate["template"]["version"]), version))
    if not (now and then) or [*map(int, then.groups())] >= [*map(int, now.groups())]:
        return None
    return next((one for one in reversed(known) if one.predicate["template"]["version"] == version), None)


def record_return(store: Store, last: Receipt, back: Receipt, clock: Clock, conflicts: list[str]) -> Written:
    """Write the receipt of an update that was taken back: from where the record ends to an earlier generation."""
    lines = _lines(store, back)
    if not conflicts:
        for line in lines:
            _refuse_markers(store.root, line.path)
    stated = {name: value for name, value in back.predicate.items() if name not in {"resolvedAt", "skipped"}}
    before = last.predicate["template"]
    stated |= {
        "recordedAt": _after(last, clock),
        "from": {"commit": before["commit"], "version": before["version"]},
        "conflicts": sorted(conflicts),
    }
    return _write(store, "update", stated, lines)


def _after(last: Receipt, clock: Clock) -> str:
    """Return the present, or a second after a receipt where both are in the same second: their order is the event's."""
    return rfc3339(max(clock.now(), parse_rfc3339(last.predicate["recordedAt"]) + timedelta(seconds=1)))


def _lines(store: Store, one: Receipt) -> tuple[Line, ...]:
    said = one.predicate["manifest"]
    return manifests.read(store.read_blob(said["sha256"]), said)


def resolve(store: Store, clock: Clock) -> list[Written]:
    """Hash the files of every update that waits for a decision again, and write its receipt anew as resolved.

    The waiting receipt was never sealed; it is replaced. Raises Refused(receipt.unresolved), naming file and line,
    while a conflict is left, and Refused(receipt.generation) when nothing waits.
    """
    waiting = [one for one in generations(store) if one.held]
    if not waiting:
        raise Refused("receipt.generation", "no update waits for a decision")
    done = []
    for one in waiting:
        said = one.predicate
        lines = manifests.read(store.read_blob(said["manifest"]["sha256"]), said["manifest"])
        for path in sorted({line.path for line in lines} | set(said["conflicts"])):
            _refuse_markers(store.root, path)
        stated = {**said, "resolvedAt": rfc3339(clock.now())}
        new = _write(store, "update", stated, lines)
        (store.receipts_dir / receipt.relative_path(one)).unlink()
        if (old := str(said["manifest"]["sha256"])) not in _named_blobs(store):
            store.blob_path(old).unlink(missing_ok=True)
        done.append(new)
    return done


def _named_blobs(store: Store) -> set[str]:
    return {blob for one in generations(store) for blob in one.blobs}


def _place(one: Receipt) -> Path:
    return Path(RECEIPTS) / receipt.relative_path(one)


def _record_spawn(store: Store, answers: Answers, clock: Clock) -> Written:
    with tempfile.TemporaryDirectory(prefix="remembrancer-copy.") as folder:
        aside = Path(folder) / store.root.resolve().name
        copy_aside(store.root, answers, aside, tasks=True)
        said, lines = taken_over(store, Store(aside), answers, "spawn")
    return _write(store, "spawn", {**said, "recordedAt": rfc3339(clock.now())}, lines)


def _record_update(store: Store, answers: Answers, last: Receipt, clock: Clock) -> Written:
    """State the update that Git shows: as the hook states it where it is carried out once more, and what is unlike it.

    A file that the hook would have kept is put back where it is gone. Whatever else is not as the update leaves it
    waits for a person, because an update that broke off and an edit since look the same.
    """
    way = replay.course(store.root, answers, str(last.predicate["template"]["version"]))
    with replay.replayed(store.root, way.base, answers, last) as done:
        said, lines = taken_over(store, Store(done.root), answers, "update")
        kept = [path for path in said["conflicts"] if path not in {line.path for line in lines}]
        _put_back(store.root, done, kept)
        paths = {line.path for line in (*lines, *_lines(store, last))} | set(said["conflicts"])
        unlike = sorted(_unlike(store.root, done, way, paths - {answers.path}))
    stated = {**said, "recordedAt": _after(last, clock), "conflicts": sorted({*said["conflicts"], *unlike})}
    if way.skipped:
        stated["skipped"] = way.skipped
    notes = (
        *(line.removeprefix("receipt: ") for line in done.said if not line.startswith(replay.OWN)),
        *(f"{path} is not as the update leaves it: it broke off, or somebody edited since" for path in unlike),
    )
    written = _write(store, "update", stated, lines)
    return Written(written.path, written.digest, True, written.layer, notes)


def taken_over(store: Store, copied: Store, answers: Answers, kind: str) -> tuple[dict[str, Any], tuple[Line, ...]]:
    """Return what the hook stated in a copy and its manifest; blobs beside the manifest are here then.

    Raises EnvironmentTrouble(env.copier) where it stated nothing.
    """
    known = generations(copied, answers.layer)
    if not known or known[-1].kind != kind or known[-1].predicate["template"]["version"] != answers.version:
        raise EnvironmentTrouble("env.copier", f"the template at {answers.version} writes no receipt")
    said = dict(known[-1].predicate)
    for blob in known[-1].blobs:
        if blob != said["manifest"]["sha256"]:
            store.write_blob(copied.read_blob(blob))
    return said, _lines(copied, known[-1])


def _put_back(root: Path, done: Replayed, paths: Sequence[str]) -> None:
    """Write files of the team that the update keeps and that are gone here."""
    for path in paths:
        data = done.file(path)
        if data is None or (root / path).exists():
            continue
        folder, _, name = path.rpartition("/")
        with exclusive(root) as local:
            put(make_folder(root, folder) if folder else root, {name: data}, local / SCRATCH)
        (root / path).chmod((done.root / path).stat().st_mode & 0o777)


def _unlike(root: Path, done: Replayed, way: Course, paths: set[str]) -> Iterator[str]:
    """Yield each path that is not as the update leaves it, where it ended: in a commit, or in the work tree."""
    for path in paths:
        right = done.file(path)
        here = [(root / path).read_bytes() if (root / path).is_file() else None]
        if way.after:
            here.append(replay.committed(root, way.after, path))  # what came later is the team's own history
        if right not in here:
            yield path


def _write(store: Store, kind: str, stated: dict[str, Any], lines: tuple[Line, ...]) -> Written:
    """Write a generation's receipt and manifest, with the digests of the files as they are now."""
    now = manifests.write(line._replace(disk=digest(store.root / line.path)) for line in lines)
    manifest = manifests.stated(now)
    store.write_blob(now)
    answers = {"path": stated["answers"]["path"], "sha256": digest(store.root / stated["answers"]["path"])}
    predicate = {**stated, "manifest": manifest, "answers": answers}
    data = receipt.build(kind, [(stated["component"], manifest["sha256"])], predicate)
    # an update can still be thrown away, so its receipt counts only once it is committed
    path = store.write_receipt(data, noted=kind != "update")
    return Written(path.relative_to(store.root), receipt.parse(data).digest, True, stated["layer"])


def digest(path: Path) -> str:
    """Return the SHA-256 (hexadecimal) of a regular file, or "" where there is none."""
    if path.is_symlink() or not path.is_file():
        return ""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _refuse_markers(root: Path, path: str) -> None:
    """Raise Refused(receipt.unresolved) when a file holds a conflict, or a rejected part lies beside it."""
    file = root / path
    if file.with_name(file.name + ".rej").exists():
        raise Refused("receipt.unresolved", f"{path}.rej is the rest of an update that was not merged")
    if file.is_file() and not file.is_symlink():
        for line in conflict_lines(file.read_bytes()):
            raise Refused("receipt.unresolved", f"{path}:{line} still holds a merge conflict")
