"""A service in two throw-away copies: a bare one that only we write, and a work tree in which its own code runs."""

import os
import shutil
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from types import TracebackType
from typing import NamedTuple, Self

from aurora import git
from aurora.fleet.child import KEPT
from remembrancer.errors import EnvironmentTrouble
from remembrancer.paths import RECEIPTS

KNOWN = "refs/fleet/head"  # of a mirror: what the last sync saw, which is no word about the remote


def _link(one: Path, to: Path) -> None:
    """Link a file, or copy it onto another file system. Raises OSError."""
    try:
        to.hardlink_to(one)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(one, to)


class Heads(NamedTuple):
    """What a remote says of itself: the branch that counts, its commit, and the commit of another, "" for none."""

    branch: str
    commit: str
    other: str


def heads(url: str, branch: str, other: str, more: Mapping[str, str]) -> Heads:
    """Ask a remote for a branch ("": its default) and another. Raises EnvironmentTrouble(env.git)."""
    here = Path(gettempdir())
    asked = ("HEAD", f"refs/heads/{other}", *([f"refs/heads/{branch}"] if branch else []))
    said = git.must(here, "ls-remote", "--symref", "--", git.place(url), *asked, more=more).decode("utf-8", "replace")
    refs: dict[str, str] = {}
    for line in said.splitlines():
        value, _, name = line.partition("\t")
        if value.startswith("ref: refs/heads/") and name == "HEAD":
            branch = branch or value.removeprefix("ref: refs/heads/")
        elif not value.startswith("ref:"):
            refs[name] = value
    commit = refs.get(f"refs/heads/{branch}") or (refs.get("HEAD", "") if branch else "")
    if not commit:
        raise EnvironmentTrouble("env.git", f"the remote has no branch {branch or 'that is its default'}")
    return Heads(branch, commit, refs.get(f"refs/heads/{other}", ""))


class Bare:
    """A bare copy of branches of a remote, which lives as long as this object; no foreign code runs in it.

    The remote alone says what its branches are. A mirror of `fleet sync` saves what is fetched and nothing else: its
    packs are linked, so that a sync may replace them meanwhile, and an object is whatever its name says.
    """

    def __init__(
        self, url: str, branches: tuple[str, ...], more: Mapping[str, str], mirror: Path | None = None
    ) -> None:
        """Fetch the branches, with their tags. Raises EnvironmentTrouble(env.git)."""
        self.url = git.place(url)
        self._more = more
        self._folder = TemporaryDirectory(prefix="aurora-", ignore_cleanup_errors=True)
        self.folder = Path(self._folder.name) / "repository.git"
        refs = [f"+refs/heads/{one}:refs/heads/{one}" for one in branches]
        try:
            if not (mirror and self._begun_from(mirror) and self._fetched(refs)):
                shutil.rmtree(self.folder, ignore_errors=True)
                self.folder.mkdir()
                git.receive(self.folder, url, "--tags", *refs, more=more)
        except BaseException:
            self._folder.cleanup()
            raise

    def _begun_from(self, mirror: Path) -> bool:
        """Take over what a mirror holds; False where it cannot be used, or is packed anew at this moment."""
        try:
            commit = (mirror / KNOWN).read_text("ascii").strip()
            self.folder.mkdir()
            kind = "sha256" if len(commit) == 64 else "sha1"
            git.must(self.folder, "init", "--quiet", "--bare", "--template=", f"--object-format={kind}", ".")
            for pack in (mirror / "objects/pack").glob("pack-*.idx"):
                for one in (pack.with_suffix(".pack"), pack):
                    _link(one, self.folder / "objects/pack" / one.name)
        except (OSError, ValueError):
            return False
        # what is known to be here is not sent again
        return git.run(self.folder, "update-ref", KNOWN, commit).returncode == 0

    def _fetched(self, refs: Sequence[str]) -> bool:
        """Fetch what the mirror does not have; False where a hole is left: a mirror may be without its large files."""
        if git.run(self.folder, "fetch", "--quiet", "--tags", "--", self.url, *refs, more=self._more).returncode:
            return False
        git.must(self.folder, "update-ref", "-d", KNOWN)
        listed = git.run(self.folder, "rev-list", "--objects", "--all", "--missing=print", "--quiet")
        return listed.returncode == 0 and b"?" not in listed.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def tip(self, branch: str) -> str:
        """Return the commit of a branch."""
        return git.must(self.folder, "rev-parse", f"refs/heads/{branch}^{{commit}}").decode().strip()

    def file(self, commit: str, path: str) -> bytes | None:
        """Return a file of a commit, None where it has none."""
        done = git.run(self.folder, "cat-file", "blob", f"{commit}:{path}")
        return done.stdout if done.returncode == 0 else None

    def files(self, commit: str, paths: Sequence[str]) -> list[bytes | None]:
        """Return files of a commit, None for each that it has not, with one question; no path has a line break."""
        asked = "".join(f"{commit}:{path}\n" for path in paths).encode()
        said = BytesIO(git.run(self.folder, "cat-file", "--batch", data=asked).stdout)
        found: list[bytes | None] = []
        for _ in paths:
            _, _, fact = said.readline().rstrip(b"\n").partition(b" ")
            kind, _, size = fact.partition(b" ")
            data = said.read(int(size) + 1)[:-1] if size.isdigit() else None
            found.append(data if kind == b"blob" else None)
        return found

    def added(self, base: str, tree: str, folder: str) -> tuple[str, ...]:
        """Return the paths of the files below a folder of a commit or tree that another one does not have."""
        how = ("-r", "-z", "--name-only", "--no-renames", "--diff-filter=A")
        said = git.must(self.folder, "diff-tree", *how, base, tree, "--", f"{folder}/")
        return tuple(said.decode("utf-8", "replace").split("\0")[:-1])

    def parents(self, commit: str) -> list[str]:
        """Return the parents of a commit."""
        return git.must(self.folder, "rev-parse", f"{commit}^@").decode().split()

    def holds(self, commit: str, older: str) -> bool:
        """Say whether a commit has another one among its ancestors."""
        return git.run(self.folder, "merge-base", "--is-ancestor", older, commit).returncode == 0

    def tree(self, start: str, work: Path | None = None) -> tuple[str, str]:
        """Return the tree of a commit, or of a work tree that began as it: whole, and without its receipts.

        Receipts name the second in which they were written; all else of an update follows from what it began with.
        """
        index = {"GIT_INDEX_FILE": str(self.folder.parent / "index")}
        Path(index["GIT_INDEX_FILE"]).unlink(missing_ok=True)
        place = ("--git-dir", str(self.folder))
        git.must(self.folder, *place, "read-tree", start, more=index)
        if work:
            git.must(work, *place, "--work-tree", str(work), "add", "--all", "--", ".", more=index)
        whole = git.must(self.folder, *place, "write-tree", more=index).decode().strip()
        without = ("rm", "-r", "--cached", "--quiet", "--ignore-unmatch", "--", RECEIPTS)
        empty = self.folder.parent / "empty"
        empty.mkdir(exist_ok=True)
        git.must(empty, *place, "--work-tree", str(empty), *without, more=index)
        return whole, git.must(self.folder, *place, "write-tree", more=index).decode().strip()

    def commit(self, tree: str, parent: str, message: str) -> str:
        """Make a commit, by whoever Git says that the user is, and return it."""
        words = ("commit-tree", tree, "-p", parent, "-m", message)
        done = git.run(self.folder, *words)
        made = git.must(self.folder, *words, more=git.author()) if done.returncode else done.stdout
        return made.decode().strip()

    def take(self, other: "Bare", commit: str) -> None:
        """Take a commit over from another copy; its bytes are checked against its name."""
        allowed = ("-c", "uploadpack.allowAnySHA1InWant=true")
        git.must(self.folder, *allowed, "-c", "fetch.fsckObjects=true", "fetch", "--quiet", str(other.folder), commit)

    def push(self, commit: str, branch: str) -> bool:
        """Push a commit as a new branch; False where a branch of that name is there. Raises EnvironmentTrouble."""
        ref = f"refs/heads/{branch}"
        done = git.run(
            self.folder,
            *("push", "--quiet", f"--force-with-lease={ref}:", "--", self.url, f"{commit}:{ref}"),
            more=self._more,
        )
        if done.returncode == 0:
            return True
        if heads(self.url, "", branch, self._more).other:
            return False
        raise git.failed(done)


class Workplace:
    """A work tree of one commit, with a home folder, for code of others; it lives as long as this object."""

    def __init__(self, bare: Bare, branch: str, commit: str) -> None:
        """Check the commit out. Raises EnvironmentTrouble(env.git)."""
        self._folder = TemporaryDirectory(prefix="aurora-", ignore_cleanup_errors=True)
        base = Path(self._folder.name)
        self.home, self.work = base / "home", base / "work"
        try:
            self.home.mkdir()
            how = ("--quiet", "--no-hardlinks", "--no-checkout", "--branch", branch)
            git.must(base, "clone", *how, str(bare.folder), str(self.work))
            git.must(self.work, "reset", "--quiet", "--hard", commit)
        except BaseException:
            self._folder.cleanup()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.work, ignore_errors=True)
        self._folder.cleanup()

    def keep(self) -> None:
        """Commit what is there, so that the next layer's update begins clean; nobody else sees this commit."""
        for words in (("add", "--all"), ("commit", "--quiet", "--no-verify", "--allow-empty", "-m", "aside")):
            git.must(self.work, *words, more={**git.author(), **self._alone()})

    def unmerged(self) -> list[str]:
        """Return the paths on which the update left both sides."""
        said = git.must(self.work, "ls-files", "--unmerged", "-z", more=self._alone()).decode("utf-8", "replace")
        return sorted({line.partition("\t")[2] for line in said.split("\0") if line})

    def _alone(self) -> dict[str, str]:
        """Return the variables of Git here: an update may have written a program into the settings of the work tree."""
        ours = (name for name in os.environ if name not in KEPT and not name.startswith("GIT_"))
        return {**dict.fromkeys(ours, ""), "HOME": str(self.home)}
