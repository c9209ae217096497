"""The bytes that a standard rendered, found again by their digest, to show how a file differs from them.

Git usually has them: a file was as rendered when it was generated or updated. Only where it has not, the recorded
version is copied once more with Copier, which may need the template's address. Nothing here takes part in a verdict.
"""

import difflib
import hashlib
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from remembrancer.errors import EnvironmentTrouble
from remembrancer.standard.aside import copy_aside
from remembrancer.standard.drift import IRREGULAR, File
from remembrancer.standard.generations import answers_of
from remembrancer.system import git as gitcall


def differences(root: Path, files: Sequence[File]) -> Iterator[str]:
    """Yield the lines of a unified diff from the standard's text to the file's, for each of the files."""
    wanted = [one for one in files if one.disk not in ("", IRREGULAR)]
    texts = {one.path: _from_git(root, one) for one in wanted}
    missing = [one for one in wanted if texts[one.path] is None]
    for layer in sorted({one.layer for one in missing}):
        texts.update(_rendered(root, layer, [one for one in missing if one.layer == layer]))
    for one in wanted:
        yield from _diff(one.path, texts[one.path], (root / one.path).read_bytes())


def _diff(path: str, old: bytes | None, new: bytes) -> Iterator[str]:
    if old is None:
        yield f"{path}: the standard's text was not found, so no difference can be shown\n"
        return
    try:
        before, after = old.decode().splitlines(keepends=True), new.decode().splitlines(keepends=True)
    except UnicodeDecodeError:
        yield f"{path}: binary files differ\n"
        return
    for line in difflib.unified_diff(before, after, f"standard/{path}", path):
        # a file may hold anything; on a terminal only text is shown
        shown = "".join(char if char.isprintable() or char in "\t\n" else repr(char)[1:-1] for char in line)
        yield shown if shown.endswith("\n") else f"{shown}\n\\ No newline at end of file\n"


def _from_git(root: Path, one: File) -> bytes | None:
    """Return the rendered bytes out of the file's history, or None."""
    listed = _git(root, "log", "--format=", "--raw", "--no-abbrev", "--no-renames", "--", one.path)
    for line in listed.decode("utf-8", "replace").splitlines():
        parts = line.split()
        if len(parts) < 5 or set(parts[3]) == {"0"}:
            continue
        data = _git(root, "cat-file", "blob", parts[3])
        if hashlib.sha256(data).hexdigest() == one.rendered:
            return data
    return None


def _git(root: Path, *arguments: str) -> bytes:
    try:
        call = gitcall.command(root, arguments)
        done = subprocess.run(call, capture_output=True, check=False, env=gitcall.environment())
    except OSError:
        return b""
    return b"" if done.returncode else done.stdout


def _rendered(root: Path, layer: str, files: Sequence[File]) -> dict[str, bytes | None]:
    """Return the rendered bytes out of a copy that Copier makes aside; None for each that it does not give."""
    found: dict[str, bytes | None] = {one.path: None for one in files}
    with tempfile.TemporaryDirectory(prefix="remembrancer-diff.") as folder:
        aside = Path(folder) / root.resolve().name
        try:
            answers = next(one for one in answers_of(root) if one.layer == layer)
            copy_aside(root, answers, aside, tasks=False)
        except (EnvironmentTrouble, StopIteration):
            return found
        for one in files:
            path = aside / one.path
            data = path.read_bytes() if path.is_file() else b""
            if hashlib.sha256(data).hexdigest() == one.rendered:
                found[one.path] = data
    return found
