"""What the tools under ops/ know about this repository: its answers, its version, its tracked files.

Standard library only, Python 3.11 or newer; every tool is started from ops/bin and works from the repository's root.
"""

import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import neutral

ROOT = Path(__file__).resolve().parents[2]
EXIT_FAILED, EXIT_USAGE, EXIT_ENVIRONMENT = 1, 2, 4
VERSION = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})(-(alpha|beta|rc)\.(0|[1-9]\d{0,3}))?")
COMPONENT = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
RECEIPTS = "ops/receipts"
# What recording changes. A release is made of everything else, so that recording it does not change it.
RECORDS = (RECEIPTS, "ops/trust")


class Trouble(Exception):
    """Something that a person must put right: one sentence and an exit code."""

    def __init__(self, message: str, code: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.code = code


class Service(NamedTuple):
    """The answers in ops/settings.mk."""

    component: str
    first_version: str
    registry: str
    folder: Path
    test_command: str
    dist_command: str
    commit_check: bool = True

    @property
    def artifact(self) -> Path:
        """Path of the release archive, relative to the root."""
        return Path("dist") / f"{self.component}-{version(self)}.tar.gz"

    @property
    def image(self) -> str:
        """Name of the image without tag."""
        return f"{self.registry}/{self.component}"


def load(root: Path | None = None) -> Service:
    """Read ops/settings.mk below `root` (default: ROOT).

    Raises:
        Trouble: the file is missing or lacks a value.
    """
    root = root or ROOT
    path = root / "ops" / "settings.mk"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise Trouble(f"{path} cannot be read; restore it from git", EXIT_ENVIRONMENT) from error
    values = dict(line.split(" := ", 1) for line in lines if " := " in line and not line.startswith("#"))
    try:
        found = Service(
            values["COMPONENT"].strip(),
            values["FIRST_VERSION"].strip(),
            values["REGISTRY"].strip(),
            root / values["WORKING_DIRECTORY"].strip(),
            values["TEST_COMMAND"].strip(),
            values["DIST_COMMAND"].strip(),
            values.get("COMMIT_CHECK", "true").strip() != "false",
        )
    except KeyError as error:
        raise Trouble(f"ops/settings.mk has no {error.args[0]}", EXIT_USAGE) from error
    if not COMPONENT.fullmatch(found.component):
        raise Trouble("COMPONENT in ops/settings.mk is not a DNS label of 40 characters at most", EXIT_USAGE)
    return found


def version(service: Service) -> str:
    """Return the version: [project] version in pyproject.toml is the authority, else VERSION, else the first answer.

    Raises:
        Trouble: the value is not a version, or a [project] has none.
    """
    plain = service.folder / "VERSION"
    project = project_table(service.folder / "pyproject.toml")
    if project is not None and "version" not in project.get("dynamic", []):
        value, where = project.get("version"), "[project] version in pyproject.toml"
    elif plain.is_file():
        value, where = plain.read_text(encoding="utf-8").strip(), "VERSION"
    else:
        value, where = service.first_version, "FIRST_VERSION in ops/settings.mk"
    if not isinstance(value, str) or not VERSION.fullmatch(value):
        raise Trouble(f"{where} is not MAJOR.MINOR.PATCH, optionally with -alpha.N, -beta.N or -rc.N", EXIT_USAGE)
    return value


def project_table(path: Path) -> dict[str, Any] | None:
    """Return [project] of a pyproject.toml; None when there is none.

    Raises:
        Trouble: the file is not TOML.
    """
    if not path.is_file():
        return None
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("project")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Trouble(f"pyproject.toml is not valid TOML: {error}", EXIT_USAGE) from error
    return table if isinstance(table, dict) else None


def git(*arguments: str, root: Path | None = None, given: bytes = b"", hook: bool = False) -> bytes:
    """Run git in the repository and return its output.

    Args:
        arguments: the words after `git`.
        root: the folder to run in (default: ROOT).
        given: what git reads from its standard input.
        hook: ask about the index that is being committed, which git names to its hooks.

    Raises:
        Trouble: git is missing or failed; the sentence is git's own: its first `fatal:`, else its last line.
    """
    import subprocess  # noqa: PLC0415 - who only asks for the version starts no program, and starts twice as fast

    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=root or ROOT,
            env=neutral.environment(hook=hook) | {"LC_ALL": "C"},
            input=given,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise Trouble("git was not found; install it", EXIT_ENVIRONMENT) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or [f"git {arguments[0]} failed"]
        # what follows the cause is advice: how to separate paths, where git stopped looking
        cause = next((line for line in said if line.startswith("fatal: ")), said[-1])
        raise Trouble(cause.removeprefix("fatal: ").rstrip("."), EXIT_ENVIRONMENT)
    return done.stdout


def run_main(tool: str, main: Callable[[list[str]], int]) -> None:
    """End the process with what `main` returns; trouble becomes one sentence on standard error."""
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except Trouble as error:
        print(f"{tool}: {error}", file=sys.stderr)
        code = error.code
    except BrokenPipeError:
        code = 0
    except OSError as error:
        print(f"{tool}: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
        code = EXIT_ENVIRONMENT
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
