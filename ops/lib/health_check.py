"""One screen on the state of this checkout; or the quality gates, asked of a service that it generates.

Exits with 0 when nothing is broken (warnings are no breakage), with 1 when something is. Standard library only.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OK, WARNING, BROKEN = "ok", "warning", "broken"
EXIT_FAILED, EXIT_ENVIRONMENT = 1, 4
VERSIONS = {
    "pyproject.toml": r'(?m)^version = "([^"]+)"$',
    "plugins/remembrancer/src/remembrancer/__init__.py": r'(?m)^__version__ = "([^"]+)"$',
    "templates/ci/ops/remembrancer.json.jinja": r'"version": "([^"]+)"',
}
RULES = (
    "vaultmesh",
    "four-covenants",
    "philosophical-foundation",
    "operational-rituals",
    "adr-pattern",
    "psi-field-awareness",
    "evolution-roadmap",
)
Line = tuple[str, str, str]


def git(*arguments: str, folder: Path = ROOT) -> list[str]:
    """Run git and return its lines; nothing when it fails, as in a copy that is no repository."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []


def versions() -> Line:
    """The parts that state the version agree."""
    stated = {}
    for name, pattern in VERSIONS.items():
        path = ROOT / name
        found = re.search(pattern, path.read_text(encoding="utf-8")) if path.is_file() else None
        stated[name] = found[1] if found else "nothing"
    values = set(stated.values())
    if len(values) == 1:
        return ("version", OK, f"{values.pop()} everywhere")
    return ("version", BROKEN, ", ".join(f"{name} says {value}" for name, value in stated.items()))


def links() -> Line:
    """Every link below templates/ and .amazonq/ is a link and leads to a file of this checkout."""
    tracked = git("ls-files", "--stage", "--", "templates", ".amazonq")
    names = [line.split("\t", 1)[1] for line in tracked if line.startswith("120000 ")]
    for name in names:
        path = ROOT / name
        if not path.is_symlink():
            return ("links", BROKEN, f"{name} is not a link here; clone with git and core.symlinks=true")
        if not path.exists() or not path.resolve().is_relative_to(ROOT):
            return ("links", BROKEN, f"{name} leads nowhere; git restore {name}")
    return ("links", OK if names else WARNING, f"{len(names)} lead to files" if names else "git names none")


def rules() -> Line:
    """The assistants' rules are here."""
    names = ["AGENTS.md", *(f".amazonq/rules/{name}.md" for name in RULES)]
    missing = [name for name in names if not (ROOT / name).is_file()]
    if missing:
        return ("rules", BROKEN, f"{missing[0]} is missing; git restore {missing[0]}")
    return ("rules", OK, f"AGENTS.md and {len(RULES)} files in .amazonq/rules")


def receipts() -> Line:
    """No recorded receipt or blob was changed."""
    where = ("ops/receipts/*.receipt", "ops/receipts/blobs")
    changed = git("diff", "--name-only", "--diff-filter=MDT", "HEAD", "--", *where)
    if changed:
        return ("receipts", BROKEN, f"{changed[0]} was edited or removed; git restore {changed[0]}")
    return ("receipts", OK, "unchanged since they were committed")


def ledger() -> Line:
    """Where there is a ledger, the audit does not fail; unpinned trust is only a warning."""
    if not (ROOT / "ops/receipts/ledger/checkpoint").is_file():
        return ("ledger", WARNING, "none; decisions are files under version control")
    command = [ROOT / "ops/bin/remembrancer", "verify-audit"]
    code = subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode
    state = {0: OK, 1: BROKEN}.get(code, WARNING)
    return ("ledger", state, f"ops/bin/remembrancer verify-audit ends with {code}")


def hooks() -> Line:
    """The commit hooks are installed."""
    folder = ROOT / "".join(git("rev-parse", "--git-path", "hooks"))
    missing = [name for name in ("pre-commit", "commit-msg") if not (folder / name).is_file()]
    if missing:
        return ("hooks", WARNING, f"{' and '.join(missing)} not installed; run: pre-commit install")
    return ("hooks", OK, "pre-commit and commit-msg are installed")


def overview(*, as_json: bool) -> int:
    """Print the screen; return 0, or 1 when something is broken."""
    lines = [check() for check in (versions, links, rules, receipts, ledger, hooks)]
    healthy = all(state != BROKEN for _, state, _ in lines)
    if as_json:
        rows = [{"name": name, "state": state, "message": message} for name, state, message in lines]
        print(json.dumps({"component": "vaultmesh", "healthy": healthy, "checks": rows}, indent=2))
    else:
        print("VaultMesh, the collection\n")
        for name, state, message in lines:
            print(f"  {name:<10}{state:<9}{message}")
    return 0 if healthy else EXIT_FAILED


def gates(arguments: list[str]) -> int:
    """Generate a service from this checkout and ask its gates; return what its health check returns."""
    python = ROOT / ".venv" / "bin" / "python"
    if not python.exists():
        print("ops/bin/health-check: the gates need this checkout's environment; run make test once", file=sys.stderr)
        return EXIT_ENVIRONMENT
    with tempfile.TemporaryDirectory() as scratch:
        service = Path(scratch) / "my-svc"
        copy = [python, "-m", "copier", "copy", "--trust", "--defaults", "--quiet", "--vcs-ref", "HEAD"]
        made = subprocess.run([*copy, ROOT, service], capture_output=True, text=True, check=False)
        if made.returncode:
            said = (made.stderr.strip().splitlines() or ["copier failed"])[-1]
            print(f"ops/bin/health-check: no service could be generated: {said}", file=sys.stderr)
            return EXIT_ENVIRONMENT
        git("init", "--quiet", "--initial-branch", "main", folder=service)
        git("add", "--all", folder=service)
        identity = ("-c", "user.name=Gates", "-c", "user.email=gates@example.invalid", "-c", "commit.gpgsign=false")
        git(*identity, "commit", "--quiet", "--message", "[my-svc] feat: generate", folder=service)
        # so that the service's own ops/bin/remembrancer takes the plugin of this checkout
        env = os.environ | {"PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
        return subprocess.run(
            [service / "ops/bin/health-check", "--gates", *arguments], env=env, check=False
        ).returncode


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
