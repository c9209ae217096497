"""How Git is asked, by every part of the package: in an environment and with settings that leave nothing to others.

Neither a variable of the caller nor a setting in the repository's own configuration may choose another repository,
fetch, write, or run a program; what writes does so in a clone of our own. Standard library only: the hooks use this.
"""

import os
from typing import TYPE_CHECKING

from remembrancer.errors import EnvironmentTrouble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from subprocess import CompletedProcess

# A hook's environment points at the repository that is being committed to, not always at the one that is asked about.
_COMMITTED_TO = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")
_REDIRECTING = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
)
_FOREIGN = frozenset((*_COMMITTED_TO, *_REDIRECTING))
_READING = {
    "LC_ALL": "C",
    "GIT_ALLOW_PROTOCOL": "none",  # an older Git does not know the next one
    "GIT_GRAFT_FILE": "/dev/null/none",  # the repository's own could take commits away from history
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
}
# each of these would run a program that the repository's configuration names, print what nobody asked for, or answer
# from a file that repeats what the commits say
_SETTINGS = (
    *("-c", "log.showSignature=false", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"),
    *("-c", "core.commitGraph=false"),
)


def command(root: "Path | str", arguments: "Sequence[str]") -> list[str]:
    """Return the command line of a Git call in a folder that only reads."""
    return ["git", "-C", str(root), *_SETTINGS, *arguments]


def environment() -> dict[str, str]:
    """Return the environment of a Git call that only reads the repository at the folder that it is given."""
    return {**{name: value for name, value in os.environ.items() if name not in _FOREIGN}, **_READING}


def outside() -> dict[str, str]:
    """Return the environment of a program that works in another repository than the one a hook is called for."""
    return {name: value for name, value in os.environ.items() if name not in _FOREIGN}


def within(root: "Path") -> bool:
    """Say whether a folder lies in a Git work tree, without asking Git, which may refuse to answer."""
    folder = root.absolute()
    return any(os.path.lexists(parent / ".git") for parent in (folder, *folder.parents))


def run(
    root: "Path", arguments: "Sequence[str]", *, data: bytes = b"", more: "Mapping[str, str] | None" = None
) -> "CompletedProcess[bytes]":
    """Run Git in a folder and return what it did. Raises EnvironmentTrouble(env.git) where it cannot be started."""
    import subprocess  # noqa: PLC0415 - most verdicts need no git

    kept = {**environment(), **(more or {})}
    try:
        return subprocess.run(command(root, arguments), input=data, capture_output=True, check=False, env=kept)
    except OSError as error:
        raise EnvironmentTrouble("env.git", f"Git cannot be run: {error.strerror}") from None


def write(arguments: "Sequence[str]") -> None:
    """Run Git where it may write, to make a clone of our own and in it; nobody's hook or program takes part.

    Raises EnvironmentTrouble(env.git).
    """
    import subprocess  # noqa: PLC0415 - only what carries an update out again writes

    settings = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "commit.gpgsign=false", "advice.detachedHead=false")
    words = [word for one in settings for word in ("-c", one)]
    try:
        done = subprocess.run(["git", *words, *arguments], capture_output=True, check=False, env=outside())
    except OSError as error:
        raise EnvironmentTrouble("env.git", f"Git cannot be run: {error.strerror}") from None
    if done.returncode:
        raise trouble(done)


def head(root: "Path") -> str:
    """Return the id of HEAD's commit, "" only where there is none: no `.git`, or a branch without a commit.

    Raises EnvironmentTrouble(env.git) where there is a `.git` that Git does not read: what it cannot be asked is
    never "no".
    """
    if not within(root):
        return ""
    done = run(root, ("rev-parse", "--verify", "--quiet", "HEAD^{commit}"))
    if not done.returncode:
        return done.stdout.decode().strip()
    branch = run(root, ("symbolic-ref", "--quiet", "HEAD"))
    if branch.returncode:
        raise trouble(run(root, ("rev-parse", "--verify", "HEAD^{commit}")))
    place = run(root, ("rev-parse", "--git-path", branch.stdout.decode("utf-8", "surrogateescape").strip()))
    named = run(root, ("show-ref", "--verify", "--quiet", branch.stdout.decode("utf-8", "surrogateescape").strip()))
    file = os.path.join(root, os.fsdecode(place.stdout.rstrip(b"\n")))  # noqa: PTH118 - pathlib costs the hooks time
    if place.returncode or not named.returncode or os.path.lexists(file):
        raise trouble(run(root, ("rev-parse", "--verify", "HEAD^{commit}")))
    return ""


def trouble(done: "CompletedProcess[bytes]") -> EnvironmentTrouble:
    """Return the failure that stands for a Git call that did not answer."""
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return EnvironmentTrouble("env.git", f"Git failed: {lines[0] if lines else 'no message'}")


def settings(values: "Mapping[str, str]") -> dict[str, str]:
    """Return the variables that give Git these settings, after those that the caller gives it in the same way."""
    count = os.environ.get("GIT_CONFIG_COUNT", "")
    first = int(count) if count.isdigit() and len(count) < 9 else 0
    found = {"GIT_CONFIG_COUNT": str(first + len(values))}
    for number, (key, value) in enumerate(values.items(), first):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return found


def hook_environment() -> dict[str, str]:
    """Return a hook's own: Git says there which index is being committed, relative to the current folder."""
    kept = {**os.environ, **_READING}
    for name in ("GIT_INDEX_FILE", "GIT_DIR", "GIT_WORK_TREE"):
        if name in kept:
            kept[name] = os.path.abspath(kept[name])  # noqa: PTH100 - pathlib costs a hook a tenth of its time
    return kept
