"""Git over a network, with a deadline and limits: calls of it, and what others publish fetched into our own folder.

Nobody is asked for a password, and no hook, filter or helper program that a repository names takes part.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from remembrancer.errors import BadInput, EnvironmentTrouble

DEADLINE = 120.0  # seconds of one call
MOST_SAID = 64 << 20  # bytes of one answer that are read
LIMIT = "AURORA_FETCH_LIMIT"  # the variable that says another number of MiB
_MIB = 2048  # what one call may write into one file; a fetch writes one pack
_MEMORY = 4 << 20  # KiB that a call may fill, so that a delta of a few bytes does not become all there is

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
    "fetch.unpackLimit=1",  # what comes is one pack and never thousands of files, so that a file's limit is its limit
    "core.bigFileThreshold=1m",
    "pack.threads=1",
)
# the shell only lowers its own limits; where one is lower already, that one stays. A write beyond it fails, so that Git
# says why and removes what it has begun
_LIMITED = (
    "sh",
    "-c",
    """trap "" XFSZ
    ulimit -d "$1" 2>/dev/null || :
    ulimit -f "$0" 2>/dev/null || [ "$(ulimit -H -f)" != unlimited ] || exit 126
    shift
    exec "$@\"""",
)
_REMOTE = frozenset({"fetch", "push", "ls-remote", "clone"})
_CHECK = "Try `git ls-remote URL`: the address, the network and Git's credential helper are the usual reasons."
_TOO_MUCH = re.compile(rb"File too large|[Oo]ut of memory|Cannot allocate memory")
# as `git check-ref-format --branch`
_NO_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|(?:^|/)\.|\.lock(?:/|$)|^-|^/|[/.]$|^@$")
_LONGEST_BRANCH = 200
_SAY = "aurora"


def run(
    folder: Path, *arguments: str, data: bytes = b"", more: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """Run Git in a folder and return what it did, with the end of what it said on stderr.

    Raises EnvironmentTrouble: env.git without Git and after a while, env.oversized when it would write or say too much.
    """
    with TemporaryFile() as out, TemporaryFile() as err:
        words = limited(command(folder, *arguments))
        process = start(words, more, stdin=subprocess.PIPE, stdout=out, stderr=err)
        with process:
            try:
                process.communicate(data, timeout=DEADLINE)
            except subprocess.TimeoutExpired:
                end(process)
                message = f"git {_verb(arguments)} took longer than {DEADLINE:g} seconds"
                raise EnvironmentTrouble("env.git", message) from None
            except BaseException:
                end(process)
                raise
        said = tail(err)
        if is_oversized(process.returncode, said) or out.seek(0, os.SEEK_END) > MOST_SAID:
            raise EnvironmentTrouble("env.oversized", f"git {_verb(arguments)} met more than {too_much()}")
        out.seek(0)
        return subprocess.CompletedProcess(process.args, process.returncode, out.read(), said)


def limited(words: Sequence[str]) -> list[str]:
    """Return a command line whose program, and all that it starts, may write and fill only so much.

    Raises BadInput(input.field) for a limit in the environment that is none.
    """
    return [*_LIMITED, str(_mebibytes() << 11), str(_MEMORY), *words]


def _verb(arguments: Sequence[str]) -> str:
    return next(word for before, word in pairwise(("", *arguments)) if "-c" not in (before, word))


def _mebibytes() -> int:
    said = os.environ.get(LIMIT, "") or str(_MIB)
    if not (said.isascii() and said.isdigit() and len(said) < 9 and int(said) > 0):
        raise BadInput("input.field", f"{LIMIT} is a number of MiB, not {said[:40]!r}")
    return int(said)


def too_much() -> str:
    """Return in words what is more than a repository may send."""
    return f"{_mebibytes()} MiB at once, or more memory than that is worth"


def is_oversized(status: int | None, said: bytes) -> bool:
    """Say whether a call ended because of what `limited` allows; what a remote says does not count."""
    ours = [line for line in said.splitlines() if not line.startswith(b"remote:")]
    return status != 0 and any(map(_TOO_MUCH.search, ours))


def tail(said: IO[bytes]) -> bytes:
    """Return the end of what was written into a file."""
    said.seek(max(0, said.seek(0, os.SEEK_END) - 4096))
    return said.read()


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
    reasons = [line for line in lines if line.startswith(("fatal:", "error:", "ssh:", "remote:"))]
    why = (reasons or lines[-1:] or ["no message"])[0]
    if any(word in _REMOTE for word in done.args):
        return EnvironmentTrouble("env.git", f"Git failed: {why}", _CHECK)
    return EnvironmentTrouble("env.git", f"Git failed: {why}")


def receive(folder: Path, url: str, *words: str, more: Mapping[str, str] | None = None) -> None:
    """Make a bare repository at `folder` (which is empty) and fetch into it; `words` are options, then refspecs.

    Objects may be named by SHA-1 or SHA-256. Raises EnvironmentTrouble(env.git, env.oversized).
    """
    origin = ("-c", f"remote.origin.url={place(url)}", "-c", "remote.origin.tagOpt=--no-tags")
    at = next((number for number, word in enumerate(words) if not word.startswith("--")), len(words))
    fetch = (*origin, "fetch", "--quiet", "--no-recurse-submodules", *words[:at], "origin", *words[at:])
    must(folder, "init", "--quiet", "--bare", "--template=", ".")
    done = run(folder, *fetch, more=more)
    if done.returncode and b"server sha256" in done.stderr:
        _renew(folder)
        done = run(folder, *fetch, more=more)
    if done.returncode:
        raise failed(done)


def _renew(folder: Path) -> None:
    """Make an empty repository one whose objects are named by SHA-256."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    must(folder, "init", "--quiet", "--bare", "--template=", "--object-format=sha256", ".")


def branch_of(url: str, branch: str) -> str:
    """Return the commit that a remote branch points to, "" when there is none. Raises EnvironmentTrouble(env.git)."""
    ref = f"refs/heads/{branch}"
    listed = must(Path.cwd(), "ls-remote", "--", place(url), ref).decode(errors="replace").split()
    return listed[0] if listed else ""


def is_branch(name: str) -> bool:
    """Say whether Git could have a branch of this name."""
    return 0 < len(name) <= _LONGEST_BRANCH and not _NO_BRANCH.search(name)


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
