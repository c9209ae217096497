"""What the quality gates look at: files, a run of the service, and commands; expensive answers are kept."""

import functools
import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import neutral
import service
from service import ROOT, Service

if TYPE_CHECKING:
    import probe


class Evidence:
    """The repository under question; expensive answers are kept for the next gate."""

    def __init__(self, found: Service) -> None:
        self.service = found

    @functools.cached_property
    def running(self) -> "probe.Answers":
        """What the service answered when it ran once."""
        import probe  # noqa: PLC0415 - an HTTP client is half of what a tool takes to start, and few run the service

        return probe.run_service(self.service.folder, ("/health", "/ready", "/metrics"))

    @functools.cached_property
    def tracked(self) -> list[str]:
        """Paths of all files that git tracks or would track, relative to the root."""
        listing = service.git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        names = listing.decode("utf-8", "surrogateescape").split("\0")
        return sorted({name for name in names if name and (ROOT / name).is_file()})

    def manifest(self, name: str) -> str:
        """Return the text of a manifest of the base, without comments; "" when it is missing."""
        path = ROOT / "ops" / "k8s" / "base" / name
        return re.sub(r"(?m)^\s*#.*\n", "", path.read_text(encoding="utf-8")) if path.is_file() else ""

    def readme(self) -> str:
        """Return the text of README.md, or ""."""
        return self.file("README.md")

    def file(self, name: str) -> str:
        """Return the text of a file in the service's folder, or ""."""
        path = self.service.folder / name
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    @property
    def port(self) -> int | None:
        """The port in app/service.json; None where there is none."""
        try:
            value = json.loads(self.file("app/service.json"))["port"]
        except (ValueError, KeyError, TypeError):
            return None
        return value if isinstance(value, int) else None


def run(command: list[str], cwd: Path = ROOT, seconds: float = 900) -> tuple[int, str]:
    """Run a command; return its code and the last line that it printed. A missing program has code 127."""
    code, output = program(command, cwd, seconds)
    lines = [line for line in output.splitlines() if line.strip()]
    return code, lines[-1].strip()[:200] if lines else "no output"


def program(command: list[str], cwd: Path = ROOT, seconds: float = 900) -> tuple[int, str]:
    """Run a command; return its code and what it printed, standard error last."""
    inherited = neutral.environment()
    environment = {name: value for name, value in inherited.items() if not name.startswith(("MAKE", "MFLAGS"))}
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError:
        return 127, f"{command[0]} was not found"
    except subprocess.TimeoutExpired:
        return 124, f"{command[0]} took longer than {seconds:.0f} s"
    return done.returncode, f"{done.stdout}\n{done.stderr}"


def recorder() -> Path | None:
    """Return the program of layer 2 in this repository, or None where it was taken out."""
    path = ROOT / "ops" / "bin" / "remembrancer"
    return path if path.is_file() else None


def remembrancer(*arguments: str) -> tuple[int, str]:
    """Run ops/bin/remembrancer; a missing one has code 127 and says so."""
    path = recorder()
    if path is None:
        return 127, "the Remembrancer (layer 2) is not part of this repository"
    return run([str(path), *arguments])


def remembrancer_json(*arguments: str) -> dict[str, object]:
    """Return what ops/bin/remembrancer prints with --format json; {} when it printed no object."""
    path = recorder()
    return {} if path is None else parsed(program([str(path), *arguments, "--format", "json"])[1])


# What a person has to know first: the log was forked, taken back, or is not what was signed; what waits comes last.
GRAVEST = ("log.split-view", "log.rollback", "log.root", "trust.policy-signature", "log.missing", "log.tile")
LAST = "log.pending"


def verdict(*arguments: str) -> tuple[int, str, set[str]]:
    """Run a verdict of ops/bin/remembrancer; return its code, a sentence, and the codes of what is not verified.

    The sentence is about the gravest of them. There are no codes where the program itself could not be had.
    """
    path = recorder()
    if path is None:
        return *remembrancer(), set()
    code, output = program([str(path), *arguments, "--format", "json"])
    report = parsed(output)
    found = report.get("findings", [])
    negative = [one for one in found if one.get("outcome") != "verified"] if isinstance(found, list) else []
    error = report.get("error")
    negative += [error] if isinstance(error, dict) else []
    negative.sort(key=lambda one: gravity(str(one.get("code"))))
    lines = [line for line in output.splitlines() if line.strip()] or ["no output"]
    said = str(negative[0].get("message", "")) if negative else "" if report else lines[-1].strip()
    return code, said[:200], {str(one.get("code")) for one in negative}


def gravity(code: str) -> int:
    """Return a key by which reason codes sort, the gravest first."""
    if code in GRAVEST:
        return GRAVEST.index(code)
    return len(GRAVEST) + (code == LAST)


def parsed(output: str) -> dict[str, Any]:
    """Return the JSON object in what a program printed, {} where there is none."""
    begin, end = output.find("{"), output.rfind("}")
    try:
        value = json.loads(output[begin : end + 1])
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
