"""What a render put into a repository: one line per generated file, and the Merkle root over the lines.

The manifest blob is JSON Lines, sorted by path. Each line names the file, who owns it, the SHA-256 of its bytes as
rendered and the SHA-256 of its bytes on disk; the two differ where a person kept an own file (DESIGN section 4).
Standard library only: this runs inside Copier's own environment.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provenance import neutral_environment, with_settings

SUFFIX = ".jinja"
RECEIPTS = "ops/receipts/"


class ManifestError(Exception):
    """The manifest cannot be made; the message is one sentence for people."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One generated file: `path` is POSIX and relative, both digests are lower-case SHA-256 hex ("" where absent).

    `executable` says that the template renders it with the permission to run it.
    """

    path: str
    owner: str
    rendered: str
    disk: str
    executable: bool = False

    def line(self) -> bytes:
        """Return the manifest line without its newline: compact JSON with sorted keys, UTF-8."""
        fields: dict[str, Any] = {"disk": self.disk, "owner": self.owner, "path": self.path, "rendered": self.rendered}
        if self.executable:
            fields["executable"] = True
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def template_paths(template: Path) -> set[str]:
    """Return every path that the template can produce, POSIX and relative.

    Links are followed as Copier follows them, and the template suffix is dropped. Conditions on files live in
    copier.yml, so a name needs no rendering.
    """
    paths: set[str] = set()
    for folder, _, names in os.walk(template, followlinks=True):
        relative = Path(folder).relative_to(template)
        paths.update((relative / name).as_posix().removesuffix(SUFFIX) for name in names)
    return {path for path in paths if not path.startswith(RECEIPTS)}


def seeded_patterns(ownership: Path) -> tuple[str, ...]:
    """Return the `seeded` patterns of an ownership file (TOML)."""
    return tuple(tomllib.loads(ownership.read_text(encoding="utf-8"))["seeded"])


def owner_of(path: str, seeded: Iterable[str]) -> str:
    """Return "seeded" where a pattern names the path, else "standard"."""
    for pattern in seeded:
        folder, everything_below, _ = pattern.partition("/**")
        if path == pattern or (everything_below and path.startswith(folder + "/")):
            return "seeded"
    return "standard"


def sha256_file(path: Path) -> str:
    """Return the lower-case SHA-256 hex of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def existed_before(root: Path, paths: Iterable[str], started: int) -> bool:
    """Tell whether a file that the template could have produced is older than this run.

    `started` is the Unix time (seconds) at which Copier evaluated its questions, before it rendered anything. A change
    time cannot be set back by an ordinary program, so an older one means that the file was there before.
    """
    return any(int((root / path).lstat().st_ctime) < started for path in paths)


def digests(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """Return the digest of each of the paths that is a regular file below `root`."""
    return {path: sha256_file(root / path) for path in paths if (root / path).is_file()}


def render_again(source: Path, call: Mapping[str, str], root: Path, commit: str = "") -> dict[str, str]:
    """Return path to SHA-256 of each file that a version renders; see `rendering`."""
    with rendering(source, call, root, commit) as target:
        return tree(target)


def tree(folder: Path) -> dict[str, str]:
    """Return path to SHA-256 of each file below a folder."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return digests(folder, sorted(found))


@contextmanager
def rendering(
    source: Path, call: Mapping[str, str], root: Path, commit: str = "", answers: Path | None = None
) -> Iterator[Path]:
    """Render a version with the recorded answers into a throw-away folder, and give that folder.

    Needed where "as rendered" and "on disk" may differ. Reads from the clone that Copier has made already, so it needs
    no network; git is told to take the recorded address from there, because some files state the address.

    Args:
        source: the template's clone.
        call: what copier.yml says about this run: `source`, `commit`, `answers_file`.
        root: the repository with the answers file.
        commit: another commit than this run's.
        answers: another file of answers than the repository's.

    Raises:
        ManifestError: Copier could not render.
    """
    with tempfile.TemporaryDirectory(prefix="vaultmesh-render.") as folder:
        target = Path(folder) / "render" / root.resolve().name
        more = ["--overwrite", "--vcs-ref", commit or call["commit"]]
        done = copy(source, call, [*more, "--data-file", str(answers or root / call["answers_file"])], target)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise ManifestError(f"the template could not be rendered a second time to compare files: {last}")
        yield target


def copy(
    source: Path, call: Mapping[str, str], options: Iterable[str], target: Path
) -> subprocess.CompletedProcess[str]:
    """Let Copier copy from the clone that it has made, without tasks and questions; return what it did."""
    command = [sys.executable, "-m", "copier", "copy", "--quiet", "--defaults", "--skip-tasks", *options]
    return subprocess.run(
        [*command, "--", call["source"], str(target)],
        # a copier.py of the repository is not Copier; -P says the same, but Python 3.10 does not know it
        env=redirected(call["source"], source)
        | {"COPIER_CACHE_DIR": str(target.parent / "cache"), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def redirected(url: str, clone: Path) -> dict[str, str]:
    """Return an environment that lets git read a URL from a clone (git-config, url.<base>.insteadOf)."""
    environment = neutral_environment()
    plain = re.sub(r"^git\+", "", url)
    plain = re.sub(r"^gh:/*", "https://github.com/", re.sub(r"^gl:/*", "https://gitlab.com/", plain))
    if not re.match(r"\w+://|local:|[\w.-]+@[\w.-]+:", plain):
        return environment
    short = plain.rstrip("/").removesuffix(".git")
    aliases = dict.fromkeys((plain, short, f"{short}.git"))
    return with_settings(environment, [(f"url.{clone}.insteadOf", alias) for alias in aliases])


def conflicts(root: Path, paths: Iterable[str]) -> list[str]:
    """Return those of the files that an update left with conflict markers, or with a rejected part beside them."""
    marks = {b"<<<<<<< before updating", b">>>>>>> after updating"}
    found = []
    for path in paths:
        file = root / path
        marked = file.is_file() and not marks.isdisjoint(line.rstrip() for line in file.read_bytes().split(b"\n"))
        if marked or file.with_name(file.name + ".rej").exists():
            found.append(path)
    return found


def states(store: Any, last: Any, call: Mapping[str, str], root: Path, lines: Iterable[bytes]) -> bool:
    """Tell whether a layer's newest receipt (`last`, in `store`) states this version, these answers, these renderings.

    What lies on disk is no part of it: a render that puts recorded bytes back is not an event.
    """
    said = last.predicate
    if said["template"]["commit"] != call["commit"] or said["template"]["version"] != call["ref"]:
        return False
    if said["answers"]["sha256"] != sha256_file(root / call["answers_file"]):
        return False
    old = store.read_blob(said["manifest"]["sha256"]).splitlines()
    return [_rendered(line) for line in old] == [_rendered(line) for line in lines]


def _rendered(line: bytes) -> dict[str, Any]:
    return {name: value for name, value in json.loads(line).items() if name != "disk"}


def blob(lines: Iterable[bytes]) -> bytes:
    """Return the bytes of the manifest blob: each line with a newline."""
    return b"".join(line + b"\n" for line in lines)


def executables(folder: Path, paths: Iterable[str]) -> set[str]:
    """Return those of the paths that their owner may run."""
    return {path for path in paths if (folder / path).is_file() and (folder / path).stat().st_mode & 0o100}


def lines(
    rendered: Mapping[str, str], on_disk: Mapping[str, str], ownership: Path, runnable: Collection[str] = ()
) -> list[bytes]:
    """Return the manifest's lines without newlines, under the ownership file's patterns; see `build`."""
    return [entry.line() for entry in build(rendered, on_disk, seeded_patterns(ownership), runnable)]


def build(
    rendered: Mapping[str, str], on_disk: Mapping[str, str], seeded: Iterable[str], runnable: Collection[str] = ()
) -> list[Entry]:
    """Return the manifest's entries, sorted by path, for every rendered file.

    Args:
        rendered: path to SHA-256 hex of the bytes that the template produced.
        on_disk: path to SHA-256 hex of the bytes that are in the repository now.
        seeded: patterns of the files that belong to the team from the start.
        runnable: the paths that the template renders with the permission to run them.
    """
    patterns = tuple(seeded)
    return [
        Entry(path, owner_of(path, patterns), digest, on_disk.get(path, ""), path in runnable)
        for path, digest in sorted(rendered.items())
    ]
