"""Receipts of generation that no hook wrote, and updates that waited for a person: `record spawn` and `record update`.

A missed receipt is made by copying the recorded version once more, aside, with Copier: what the template's own hook
writes there is taken over, with the digests of the files that are here.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from remembrancer.clock import Clock, rfc3339
from remembrancer.errors import EnvironmentTrouble, Refused
from remembrancer.paths import RECEIPTS
from remembrancer.receipt import manifest as manifests
from remembrancer.receipt import statement as receipt
from remembrancer.receipt.manifest import Line
from remembrancer.receipt.statement import Receipt
from remembrancer.repository.store import Store
from remembrancer.standard.conflicts import conflict_lines
from remembrancer.standard.generations import Answers, answers_of, generations


@dataclass(frozen=True, slots=True)
class Written:
    """A receipt that is there now: its path from the root, its digest, whether it is new, and what it is about."""

    path: Path
    digest: str
    new: bool
    layer: str


def record_missed(store: Store, kind: str, clock: Clock, given: str | None = None) -> list[Written]:
    """Write the spawn or update receipts that are missing; return them, or those that are there already.

    Raises BadInput(input.answers), Refused(receipt.generation) when the other kind is what is missing, and
    EnvironmentTrouble(env.copier) when the recorded version cannot be copied once more.
    """
    done = []
    for answers in answers_of(store.root, given):
        known = generations(store, answers.layer)
        last = known[-1] if known else None
        if last is not None and (kind == "spawn" or last.predicate["template"]["version"] == answers.version):
            done.append(Written(_place(last), last.digest, False, answers.layer))
            continue
        if last is None and kind == "update":
            raise Refused(
                "receipt.generation",
                f"{answers.path} has no spawn receipt, so there is nothing that an update could start from",
            )
        done.append(_record(store, kind, answers, last, clock))
    return done


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


def _record(store: Store, kind: str, answers: Answers, last: Receipt | None, clock: Clock) -> Written:
    root = store.root
    with tempfile.TemporaryDirectory(prefix="remembrancer-copy.") as folder:
        aside = Path(folder) / root.resolve().name
        copy_aside(root, answers, aside, tasks=True)
        copied = Store(aside)
        spawned = generations(copied, answers.layer)
        if not spawned:
            raise EnvironmentTrouble("env.copier", f"the template at {answers.version} writes no receipt")
        said = spawned[-1].predicate
        lines = manifests.read(copied.read_blob(said["manifest"]["sha256"]), said["manifest"])
        for blob in spawned[-1].blobs:
            if blob != said["manifest"]["sha256"]:
                store.write_blob(copied.read_blob(blob))
    stated = {**said, "recordedAt": rfc3339(clock.now())}
    if kind == "update" and last is not None:
        before = last.predicate["template"]
        stated["from"] = {"commit": before["commit"], "version": before["version"]}
        stated["conflicts"] = []
        for line in lines:
            _refuse_markers(root, line.path)
    return _write(store, kind, stated, lines)


def _write(store: Store, kind: str, stated: dict[str, Any], lines: tuple[Line, ...]) -> Written:
    """Write a generation's receipt and manifest, with the digests of the files as they are now."""
    now = manifests.write(Line(line.path, line.owner, line.rendered, digest(store.root / line.path)) for line in lines)
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


def copy_aside(root: Path, answers: Answers, aside: Path, *, tasks: bool) -> None:
    """Let Copier copy the recorded version with the recorded answers into a new folder, with or without the hook.

    Raises EnvironmentTrouble(env.copier).
    """
    command = [
        *copier_program(),
        "copy",
        "--trust" if tasks else "--skip-tasks",
        "--quiet",
        "--defaults",
        "--overwrite",
    ]
    command += ["--vcs-ref", answers.version, "--answers-file", answers.path, "--data-file", str(root / answers.path)]
    done = subprocess.run(
        [*command, "--", answers.source, str(aside)],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise EnvironmentTrouble("env.copier", f"Copier could not copy {answers.source} at {answers.version}: {last}")


def copier_program() -> list[str]:
    """Return the command that runs Copier: this environment's own, or the one on PATH. Raises EnvironmentTrouble."""
    if find_spec("copier") is not None:
        return [sys.executable, "-P", "-m", "copier"]  # -P: not a copier.py of the folder that it is started in
    program = shutil.which("copier", path=os.environ.get("PATH"))
    if program is None:
        raise EnvironmentTrouble(
            "env.copier", "Copier was not found, and the recorded version has to be rendered once more"
        )
    return [program]


def _refuse_markers(root: Path, path: str) -> None:
    """Raise Refused(receipt.unresolved) when a file holds a conflict, or a rejected part lies beside it."""
    file = root / path
    if file.with_name(file.name + ".rej").exists():
        raise Refused("receipt.unresolved", f"{path}.rej is the rest of an update that was not merged")
    if file.is_file() and not file.is_symlink():
        for line in conflict_lines(file.read_bytes()):
            raise Refused("receipt.unresolved", f"{path}:{line} still holds a merge conflict")
