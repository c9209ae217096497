"""Git over a network, with a deadline: what others publish is fetched into our own folder, and what is ours pushed.

Nobody is asked for a password, and no hook, filter or helper program that a repository names takes part.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import IO, Any, Self

from remembrancer.errors import EnvironmentTrouble
from remembrancer.ledger.files import MAX_FILE
from remembrancer.paths import CHECKPOINT, LEDGER
from remembrancer.tlog import TileError

DEADLINE = 120.0  # seconds of one call

_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",  # never one that runs a program of the URL's choice
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "LC_ALL": "C",
}
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "commit.gpgSign=false",
    "core.autocrlf=false",
    "gc.auto=0",
)
_SAY = "aurora"


def run(
    folder: Path, *arguments: str, data: bytes = b"", more: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """Run Git in a folder and return what it did. Raises EnvironmentTrouble(env.git) without Git and after a while."""
    process = start(command(folder, *arguments), more, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        try:
            out, err = process.communicate(data, timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            end(process)
            raise EnvironmentTrouble("env.git", f"git {arguments[0]} took longer than {DEADLINE:g} seconds") from None
        except BaseException:
            end(process)
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def command(folder: Path, *arguments: str) -> list[str]:
    """Return the command line of a Git call in a folder."""
    return ["git", "-C", str(folder), *(word for one in _SETTINGS for word in ("-c", one)), *arguments]


def start(
    words: Sequence[str],
    more: Mapping[str, str] | None = None,
    *,
    stderr: "int | IO[bytes]" = subprocess.PIPE,
    **how: Any,
) -> "subprocess.Popen[bytes]":
    """Start a call of Git in a group of its own, so that `end` reaches the programs that Git starts.

    `more` are variables, `how` is what Popen takes. Raises EnvironmentTrouble(env.git) without Git.
    """
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name == "GIT_SSH_COMMAND"
    }
    env = {**_ENVIRONMENT, **kept, **(more or {})}
    try:
        return subprocess.Popen(words, stderr=stderr, env=env, start_new_session=True, **how)
    except OSError as error:
        raise EnvironmentTrouble("env.git", f"Git cannot be run: {error.strerror}") from None


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a call of Git and the programs that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def must(folder: Path, *arguments: str, more: Mapping[str, str] | None = None) -> bytes:
    """Run Git and return its output. Raises EnvironmentTrouble(env.git) when it failed."""
    done = run(folder, *arguments, more=more)
    if done.returncode:
        raise failed(done)
    return done.stdout


def failed(done: "subprocess.CompletedProcess[bytes]") -> EnvironmentTrouble:
    """Return the failure that stands for a call."""
    lines = [line for line in done.stderr.decode(errors="replace").strip().splitlines() if line]
    return EnvironmentTrouble("env.git", f"Git failed: {lines[-1] if lines else 'no message'}")


class Snapshot:
    """The newest commit of a remote branch (default: HEAD), in a bare folder that lives as long as this object.

    Everything in it is somebody else's word. This is a log to read from: `note` and `read` are those of
    `ledger.storage.LogSource`.
    """

    def __init__(self, url: str, branch: str = "HEAD", more: Mapping[str, str] | None = None) -> None:
        """Fetch it, with further variables for Git. Raises EnvironmentTrouble(env.git)."""
        self.url = url
        self._folder = TemporaryDirectory(prefix="aurora-")
        self.folder = Path(self._folder.name)
        try:
            must(self.folder, "init", "--quiet", "--bare", ".")
            must(self.folder, "fetch", "--quiet", "--depth=1", "--no-tags", "--", place(url), branch, more=more)
            self.commit = must(self.folder, "rev-parse", "FETCH_HEAD^{commit}").decode().strip()
        except BaseException:
            self._folder.cleanup()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def file(self, path: str, limit: int = MAX_FILE) -> bytes:
        """Return a file's bytes. Raises FileNotFoundError when it is not there, or larger than `limit`."""
        return file(self.folder, self.commit, path, limit)

    def note(self) -> bytes | None:
        """Return the checkpoint of the ledger, or None when there is none."""
        try:
            return self.file(CHECKPOINT)
        except FileNotFoundError:
            return None

    def read(self, path: str) -> bytes:
        """Return a tile or bundle of the ledger (this is a tile.Reader). Raises FileNotFoundError, TileError."""
        if path.startswith("/") or ".." in path:
            raise TileError(path, "is not the path of a tile")
        return self.file(f"{LEDGER}/{path}")


def file(folder: Path, commit: str, path: str, limit: int) -> bytes:
    """Return a file of a commit. Raises FileNotFoundError when it is not there, or larger than `limit`."""
    name = f"{commit}:{path}"
    size = run(folder, "cat-file", "-s", name)
    if size.returncode or int(size.stdout) > limit:
        raise FileNotFoundError(path)
    done = run(folder, "cat-file", "blob", name)
    if done.returncode:
        raise FileNotFoundError(path)
    return done.stdout


def branch_of(url: str, branch: str) -> str:
    """Return the commit that a remote branch points to, "" when there is none. Raises EnvironmentTrouble(env.git)."""
    ref = f"refs/heads/{branch}"
    listed = must(Path.cwd(), "ls-remote", "--", place(url), ref).decode(errors="replace").split()
    return listed[0] if listed else ""


def publish(url: str, branch: str, onto: str, files: Mapping[str, bytes], message: str) -> bool:
    """Put files (path to bytes) on a remote branch as one commit behind the commit `onto` ("" begins the branch).

    The push is the one instant at which it happens, and only a fast-forward is asked for. Returns False when somebody
    else was quicker. Raises EnvironmentTrouble(env.git).
    """
    with TemporaryDirectory(prefix="aurora-") as name:
        folder = Path(name)
        must(folder, "init", "--quiet", "--bare", ".")
        if onto:
            must(folder, "fetch", "--quiet", "--depth=1", "--no-tags", "--", place(url), f"refs/heads/{branch}")
            if must(folder, "rev-parse", "FETCH_HEAD").decode().strip() != onto:
                return False
            must(folder, "read-tree", onto)
        for path, data in files.items():
            blob = run(folder, "hash-object", "-w", "--stdin", data=data)
            if blob.returncode:
                raise failed(blob)
            must(folder, "update-index", "--add", "--cacheinfo", f"100644,{blob.stdout.decode().strip()},{path}")
        tree = must(folder, "write-tree").decode().strip()
        parents: Sequence[str] = ("-p", onto) if onto else ()
        commit = must(folder, "commit-tree", tree, *parents, "-m", message, more=author()).decode().strip()
        pushed = run(folder, "push", "--quiet", "--", place(url), f"{commit}:refs/heads/{branch}")
        if pushed.returncode == 0:
            return True
        if branch_of(url, branch) != onto:
            return False
        raise failed(pushed)


def author() -> dict[str, str]:
    """Return the variables of an author and committer who is nobody in particular."""
    return {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", _SAY), ("EMAIL", "aurora@invalid"))
    }


def place(url: str) -> str:
    """Return a path as an absolute one, because Git runs elsewhere; a URL stays."""
    return url if ":" in url else str(Path(url).absolute())
