"""An update carried out once more, aside, by Copier and the template's own hook: what it should have left here.

An update whose hook was killed leaves no receipt, and perhaps half of its files. Nothing is assumed about it: the state
that it began with is in Git, the new version in the template, and the same programs that would have finished it say
what it comes to. The repository itself is only read.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from remembrancer.errors import Refused
from remembrancer.named import NamedTuple
from remembrancer.paths import RECEIPTS
from remembrancer.receipt.statement import Receipt, relative_path
from remembrancer.repository.store import Store
from remembrancer.standard.aside import run_copier
from remembrancer.standard.generations import Answers, answers_said
from remembrancer.standard.said import answers_in_text
from remembrancer.system import git as gitcall

OWN = (f"receipt: {RECEIPTS}/", "receipt: pending", "receipt: note:")  # what the hook says of its own work


class Course(NamedTuple):
    """Where an unrecorded update began and ended: a commit, a commit ("" for the work tree), what was passed over."""

    base: str
    after: str
    skipped: list[str]


class Replayed(NamedTuple):
    """A folder with the service as the update leaves it, and what the hook said of it, a line each."""

    root: Path
    said: tuple[str, ...]

    def file(self, path: str) -> bytes | None:
        """Return the bytes of a file, or None where the update leaves none."""
        place = self.root / path
        return place.read_bytes() if place.is_file() and not place.is_symlink() else None


def course(root: Path, answers: Answers, last: str) -> Course:
    """Return the course of the update from version `last` to the one that the answers file names.

    Raises Refused(receipt.generation) where Git does not know a state at `last`, EnvironmentTrouble(env.git).
    """
    known = _version_at(root, "HEAD", answers.path) if gitcall.head(root) else ""
    if known == last:
        return Course(_git(root, "rev-parse", "HEAD").decode().strip(), "", [])
    after, left = "", ""
    passed: list[str] = []
    touching = ("log", "--first-parent", "-m", "--format=%H", "--", answers.path)
    for commit in _git(root, *touching).decode().split() if known else ():
        version = _version_at(root, commit, answers.path)
        if version == last:
            return Course(f"{left}^", after, passed)
        left = commit
        if version == answers.version and not passed:
            after = commit
        elif version and version not in passed[:1]:
            passed.insert(0, version)
    message = f"Git has no commit here at which {answers.path} names {last}, where the last receipt ends"
    raise Refused("receipt.generation", message, "In a shallow clone, run `git fetch --unshallow` first.")


def _version_at(root: Path, commit: str, path: str) -> str:
    done = gitcall.run(root, ("show", f"{commit}:./{path}"))
    said = None if done.returncode else answers_said(path, done.stdout.decode("utf-8", "replace"))
    return said.version if said else ""


def committed(root: Path, commit: str, path: str) -> bytes | None:
    """Return the bytes of a file in a commit, or None."""
    done = gitcall.run(root, ("cat-file", "blob", f"{commit}:./{path}"))
    return None if done.returncode else done.stdout


@contextmanager
def replayed(root: Path, base: str, answers: Answers, last: Receipt) -> Iterator[Replayed]:
    """Carry the update of a layer out in a clone at `base`, and give that; only there is anything written.

    Answers that differ from what Copier arrives at by itself count as given with `--data`. Raises
    EnvironmentTrouble(env.copier, env.git).
    """
    with tempfile.TemporaryDirectory(prefix="remembrancer-update.") as folder:
        said: tuple[str, ...] = ()
        data = b""
        for turn in ("first", "second"):
            copy = clone(root, Path(folder) / turn, base)
            _with_receipt(root, copy, last)
            said = update(copy, answers, Path(folder) / "data.yml" if data else None)
            data = given((root / answers.path).read_bytes(), (copy / answers.path).read_bytes())
            if not data:
                break
            (Path(folder) / "data.yml").write_bytes(data)
        yield Replayed(copy, said)


def given(here: bytes, there: bytes) -> bytes:
    """Return the answers of one file that another does not have, as text of the same form."""
    one, other = answers_in_text(here), answers_in_text(there)
    return "".join(
        f"{name}:{text}" for name, text in one.items() if not name.startswith("_") and other.get(name) != text
    ).encode()


def clone(root: Path, folder: Path, base: str) -> Path:
    """Clone the repository of `root` at a commit into a folder; return where in it the root lies.

    Raises EnvironmentTrouble(env.git).
    """
    top = Path(_git(root, "rev-parse", "--show-toplevel").decode("utf-8", "surrogateescape").rstrip("\n"))
    copy = folder / top.name
    commit = _git(top, "rev-parse", "--verify", f"{base}^{{commit}}").decode().strip()
    folder.mkdir(parents=True, exist_ok=True)
    local = ("-c", "protocol.file.allow=always")
    gitcall.write((*local, "clone", "--quiet", "--shared", "--no-checkout", "--", str(top), str(copy)))
    gitcall.write(("-C", str(copy), "config", "core.hooksPath", "/dev/null"))
    gitcall.write(("-C", str(copy), "checkout", "--quiet", "--detach", commit))
    return copy / root.resolve().relative_to(top.resolve())


def _with_receipt(root: Path, copy: Path, last: Receipt) -> None:
    """The record ends with `last`, also where its receipt was committed later than the state that it is about."""
    here, there = Store(root), Store(copy)
    if (there.receipts_dir / relative_path(last)).is_file():
        return
    for blob in last.blobs:
        there.write_blob(here.read_blob(blob))
    there.write_receipt(last.data, noted=False)
    commit(copy, "ops/receipts/blobs", f"ops/receipts/{last.kind}")


def commit(copy: Path, *paths: str) -> None:
    """Commit some paths in a clone. Raises EnvironmentTrouble(env.git)."""
    gitcall.write(("-C", str(copy), "add", "--all", "--force", "--", *paths))
    who = ("-c", "user.name=Remembrancer", "-c", "user.email=remembrancer@localhost")
    gitcall.write(("-C", str(copy), *who, "commit", "--quiet", "--no-verify", "-m", "what the update begins with"))


def update(copy: Path, answers: Answers, data: Path | None) -> tuple[str, ...]:
    """Let Copier update a clone to the version that the answers name; return what the hook said, a line each.

    `data` is a file of answers that were given. Raises EnvironmentTrouble(env.copier).
    """
    command = ["update", "--trust", "--quiet", "--defaults", "--vcs-ref", answers.version]
    command += ["--answers-file", answers.path, *(["--data-file", str(data)] if data else [])]
    said = run_copier(command, copy, f"carry out the update to {answers.version} once more")
    return tuple(line for line in said.splitlines() if line.startswith("receipt: "))


def _git(root: Path, *arguments: str) -> bytes:
    done = gitcall.run(root, arguments)
    if done.returncode:
        raise gitcall.trouble(done)
    return done.stdout
