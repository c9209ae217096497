"""One screen on the state of this checkout; or the quality gates, asked of a service that it generates.

Exits with 0 when nothing is broken (warnings are no breakage), with 1 when something is. Standard library only.
"""

import argparse
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared import CLUSTER, ROOT

import health_lines
import service
import versions
from health_lines import BROKEN, OK, WARNING, Line

EXIT_FAILED, EXIT_ENVIRONMENT = 1, 4
BEGUN = (health_lines.CHECKPOINT, "ops/trust/policy.toml")
RULES = (
    "vaultmesh",
    "four-covenants",
    "philosophical-foundation",
    "operational-rituals",
    "adr-pattern",
    "psi-field-awareness",
    "evolution-roadmap",
)


def git(*arguments: str, folder: Path = ROOT) -> list[str]:
    """Run git and return its lines; nothing when it fails, as in a copy that is no repository."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []


def version() -> Line:
    """The parts that state the version agree, and a tag of this commit with them."""
    found = service.load()
    wrong = versions.wrong(found)
    return Line("version", BROKEN if wrong else OK, wrong[0] if wrong else f"{service.version(found)} everywhere")


def links() -> Line:
    """Every link is a link and leads to a file of this checkout."""
    tracked = git("ls-files", "--stage", "--", "templates", "ops", ".amazonq")
    names = [line.split("\t", 1)[1] for line in tracked if line.startswith("120000 ")]
    for name in names:
        path = ROOT / name
        if not path.is_symlink():
            return Line("links", BROKEN, f"{name} is not a link here; clone with git and core.symlinks=true")
        if not path.exists() or not path.resolve().is_relative_to(ROOT):
            return Line("links", BROKEN, f"{name} leads nowhere; git restore {name}")
    return Line("links", OK if names else WARNING, f"{len(names)} lead to files" if names else "git names none")


def rules() -> Line:
    """The assistants' rules are here."""
    names = ["AGENTS.md", *(f".amazonq/rules/{name}.md" for name in RULES)]
    missing = [name for name in names if not (ROOT / name).is_file()]
    if missing:
        return Line("rules", BROKEN, f"{missing[0]} is missing; git restore {missing[0]}")
    return Line("rules", OK, f"AGENTS.md and {len(RULES)} files in .amazonq/rules")


def began() -> bool:
    """Tell whether this repository has or had a ledger: what was there and is gone is broken, and not "not begun"."""
    return any((ROOT / path).is_file() or health_lines.known_to_git(path) for path in BEGUN)


def not_begun() -> Line:
    """Nothing is sealed here yet, and whether what was recorded is still there only Git can tell."""
    listed = git("log", "-1", "--diff-filter=D", "--name-only", "--format=", "HEAD", "--", "ops/receipts/*.receipt")
    if gone := [path for path in listed if not (ROOT / path).exists()]:
        return Line("ledger", BROKEN, f"{gone[0]} was recorded and is gone; restore it from git")
    return Line("ledger", WARNING, "not begun; docs/RELEASE.md begins it: make begin")


def pins() -> Line:
    """No pinned package has been here for more than a year without anybody looking at it."""
    dates = json.loads((ROOT / "tools/pin_dates.json").read_text(encoding="utf-8"))
    bound = (datetime.now(UTC) - timedelta(days=365)).date().isoformat()
    aged = sorted(pin for pin, day in dates.items() if day < bound)
    if aged:
        return Line(
            "pins", WARNING, f"{len(aged)} of {len(dates)} came over a year ago, the first is {aged[0]}; make lock"
        )
    return Line("pins", OK, f"none of {len(dates)} came over a year ago")


def kubernetes() -> Line:
    """The Kubernetes that services get for a new cluster is supported for a while; AWS gives each one 14 months."""
    return health_lines.cluster(CLUSTER)


def checks() -> Iterator[Callable[[], Line]]:
    """Yield what is looked at; the record is a service's, and its lines are those of a service."""
    yield from (version, links, rules, pins, kubernetes)
    found = service.load()
    lines: list[Callable[[service.Service], Line]]
    lines = [health_lines.ledger, health_lines.checkpoint, health_lines.pending, health_lines.trust, health_lines.keys]
    if not began():
        yield not_begun
    else:  # of a ledger without its policy, or the other way round, the rest cannot be asked
        if not all((ROOT / path).is_file() for path in BEGUN):
            lines = [health_lines.ledger, health_lines.trust]
        yield from (functools.partial(line, found) for line in lines)
    yield from (functools.partial(health_lines.decisions, found), functools.partial(health_lines.hooks, found))


def overview(*, as_json: bool) -> int:
    """Print the screen; return 0, or 1 when something is broken."""
    lines = [said(check) for check in checks()]
    healthy = all(line.state != BROKEN for line in lines)
    if as_json:
        rows = [asdict(line) for line in lines]
        print(json.dumps({"component": "vaultmesh", "healthy": healthy, "checks": rows}, indent=2))
    else:
        print("VaultMesh, the collection\n")
        for line in lines:
            print(f"  {line.name:<12}{line.state:<9}{line.message}")
    return 0 if healthy else EXIT_FAILED


def said(check: Callable[[], Line]) -> Line:
    """Return a line; what keeps one from being looked at is broken, and no traceback."""
    try:
        return check()
    except service.Trouble as error:
        return Line("checkout", BROKEN, str(error))


def gates(arguments: list[str]) -> int:
    """Generate a service from this checkout and ask its gates; return what its health check returns."""
    python = ROOT / ".venv" / "bin" / "python"
    if not python.exists():
        print("ops/bin/health-check: the gates need this checkout's environment; run make test once", file=sys.stderr)
        return EXIT_ENVIRONMENT
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "my-svc"
        copy = [str(python), "-m", "copier", "copy", "--trust", "--defaults", "--quiet", "--vcs-ref", "HEAD"]
        made = subprocess.run([*copy, str(ROOT), str(target)], capture_output=True, text=True, check=False)
        if made.returncode:
            said = (made.stderr.strip().splitlines() or ["copier failed"])[-1]
            print(f"ops/bin/health-check: no service could be generated: {said}", file=sys.stderr)
            return EXIT_ENVIRONMENT
        git("init", "--quiet", "--initial-branch", "main", folder=target)
        git("add", "--all", folder=target)
        identity = ("-c", "user.name=Gates", "-c", "user.email=gates@example.invalid", "-c", "commit.gpgsign=false")
        git(*identity, "commit", "--quiet", "--message", "[my-svc] feat: generate", folder=target)
        # so that the service's own ops/bin/remembrancer takes the plugin of this checkout
        env = os.environ | {"PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
        return subprocess.run([target / "ops/bin/health-check", "--gates", *arguments], env=env, check=False).returncode


def main(arguments: list[str]) -> int:
    """Print the screen, or ask the gates."""
    parser = argparse.ArgumentParser(prog="ops/bin/health-check", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gates", action="store_true", help="run the thirteen gates of a service generated from here")
    parser.add_argument("--only", default="", metavar="GATE", help="with --gates: one gate")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="for people or for programs")
    options = parser.parse_args(arguments)
    if options.only and not options.gates:
        parser.error("--only belongs to --gates")
    if shutil.which("git") is None:
        print("ops/bin/health-check: git was not found; install it", file=sys.stderr)
        return EXIT_ENVIRONMENT
    if options.gates:
        return gates([*(["--only", options.only] if options.only else []), "--format", options.format])
    return overview(as_json=options.format == "json")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except OSError as error:
        print(f"ops/bin/health-check: {error.filename or 'a file'}: {error.strerror or error}", file=sys.stderr)
        sys.exit(EXIT_ENVIRONMENT)
