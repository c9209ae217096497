"""One screen on the state of this repository: ledger, receipts, trust, hooks, template; or the thirteen quality gates.

Ends with 0 when nothing is broken (warnings are no breakage), with 1 when something is, or when a gate does not hold.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import gates
import service
from evidence import remembrancer, remembrancer_json
from service import EXIT_FAILED, EXIT_USAGE, ROOT, Service, Trouble

OK, WARNING, BROKEN = "ok", "warning", "broken"
RATING = re.compile(r"(?m)^(\*\*Rating\*\*: )\d+(?:\.\d+)?(/10\s*)$")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the screen."""

    name: str
    state: str
    message: str


def ledger(_found: Service) -> Line:
    """The ledger is there and sound."""
    checkpoint = ROOT / "ops" / "receipts" / "ledger" / "checkpoint"
    if not checkpoint.is_file():
        if (ROOT / "ops" / "trust" / "policy.toml").is_file() or known_to_git("ops/receipts/ledger/checkpoint"):
            return Line(
                "ledger", BROKEN, "ops/receipts/ledger is missing; restore it with git restore ops/receipts/ledger"
            )
        return Line("ledger", WARNING, "none yet; begin one with ops/bin/remembrancer init --dev")
    code, said = remembrancer("verify-audit")
    size = checkpoint.read_text(encoding="utf-8", errors="replace").splitlines()[1:2] or ["?"]
    if code == 0:
        return Line("ledger", OK, f"{size[0]} receipts sealed; everything recomputed and equal")
    if code == 3:
        return Line("ledger", WARNING, f"{size[0]} receipts sealed; not proven here: {said}")
    if code == 1:
        return Line("ledger", BROKEN, f"{said} (ops/bin/remembrancer verify-audit)")
    return Line("ledger", WARNING, f"not checked: {said}")


def pending(_found: Service) -> Line:
    """Receipts that wait for a seal, and receipts that somebody changed."""
    receipts = ROOT / "ops" / "receipts"
    if not receipts.is_dir():
        return Line("receipts", WARNING, "none; ops/bin/remembrancer record spawn writes the first one")
    try:
        changed = service.git(
            "diff", "--name-only", "--diff-filter=MDT", "HEAD", "--", "ops/receipts/*.receipt", "ops/receipts/blobs"
        )
    except Trouble as error:
        return Line("receipts", WARNING, f"not compared with git: {error}")
    if names := changed.decode(errors="replace").splitlines():
        return Line("receipts", BROKEN, f"{names[0]} was edited or removed; git restore {names[0]}")
    status = remembrancer_json("status")
    inner = status.get("data", status)
    waiting = inner.get("pending") if isinstance(inner, dict) else None
    if waiting is None:
        return Line("receipts", OK, "unchanged since they were committed")
    return Line("receipts", OK, f"unchanged since they were committed; {waiting or 'none'} pending")


def trust(_found: Service) -> Line:
    """Somebody outside the repository says whom it trusts."""
    if not (ROOT / "ops" / "trust" / "policy.toml").is_file():
        return Line("trust", WARNING, "no policy yet; ops/bin/remembrancer init writes one")
    code, said = remembrancer("trust", "show")
    if code == 0:
        return Line("trust", OK, "the policy's owner is pinned on this machine")
    if code == 3:
        return Line("trust", WARNING, "unpinned; ops/bin/remembrancer trust pin FINGERPRINT, which the owner tells you")
    return Line("trust", BROKEN if code == 1 else WARNING, said)


def hooks(_found: Service) -> Line:
    """The commit hooks are installed."""
    if not (ROOT / ".pre-commit-config.yaml").is_file():
        return Line("hooks", WARNING, "this repository has no .pre-commit-config.yaml")
    try:
        folder = ROOT / service.git("rev-parse", "--git-path", "hooks").decode().strip()
    except Trouble as error:
        return Line("hooks", WARNING, str(error))
    missing = [name for name in ("pre-commit", "commit-msg") if not (folder / name).is_file()]
    if missing:
        return Line("hooks", WARNING, f"{' and '.join(missing)} not installed; run: pre-commit install")
    return Line("hooks", OK, "pre-commit and commit-msg are installed")


def versions(found: Service) -> Line:
    """The version is the same everywhere."""
    import bump  # noqa: PLC0415 - imported here so that a broken copy is a line, not a traceback

    current = service.version(found)
    wrong = [f"{path.relative_to(ROOT)} says {value}" for path, _, value in bump.copies(found) if value != current]
    return Line("version", BROKEN if wrong else OK, wrong[0] + f", not {current}" if wrong else f"{current} everywhere")


def known_to_git(path: str) -> bool:
    """Tell whether HEAD has a file."""
    try:
        return bool(service.git("ls-tree", "--name-only", "HEAD", "--", path).strip())
    except Trouble:
        return False


CHECKS: tuple[Callable[[Service], Line], ...] = (versions, ledger, pending, trust, hooks)


def overview(found: Service, *, as_json: bool) -> int:
    """Print the screen; return 0, or 1 when something is broken."""
    lines = []
    for check in CHECKS:
        try:
            lines.append(check(found))
        except Trouble as error:
            lines.append(Line(check.__name__, BROKEN, str(error)))
    shown = RATING.search(readme(found).read_text("utf-8")) if readme(found).is_file() else None
    broken = any(line.state == BROKEN for line in lines)
    if as_json:
        data = {"component": found.component, "healthy": not broken, "checks": [asdict(line) for line in lines]}
        print(json.dumps(data, indent=2))
    else:
        print(f"{found.component}\n")
        for line in lines:
            print(f"  {line.name:<10}{line.state:<9}{line.message}")
        said = shown[0].strip().replace("*", "").partition(": ")[2] if shown else "not in README.md"
        print(f"  {'rating':<10}{'':<9}{said} (ops/bin/health-check --gates)")
    return EXIT_FAILED if broken else 0


def readme(found: Service) -> Path:
    """Return the path of the README."""
    return found.folder / "README.md"


def write_rating(found: Service, rating: str) -> None:
    """Write the rating into README.md.

    Raises:
        Trouble: README.md has no such line.
    """
    text = readme(found).read_text(encoding="utf-8")
    new, count = RATING.subn(lambda match: f"{match[1]}{rating}{match[2]}", text)
    if count != 1:
        raise Trouble("README.md has no line '**Rating**: N/10' to write to", EXIT_USAGE)
    if new != text:
        readme(found).write_text(new, encoding="utf-8")


def thirteen(found: Service, *, as_json: bool, write: bool, only: str) -> int:
    """Answer the gates; return 0 when all hold, else 1."""
    answers = gates.answer(found, only)
    rating = gates.rating(answers)
    if write:
        write_rating(found, rating)
    if as_json:
        rows = [
            {"gate": gate.name, "group": gate.group, "question": gate.question, "passed": not said, "message": said}
            for gate, said in answers
        ]
        passed = sum(not said for _, said in answers)
        data = {
            "component": found.component,
            "rating": rating,
            "passed": passed,
            "total": len(gates.GATES),
            "gates": rows,
        }
        print(json.dumps(data, indent=2))
    else:
        for gate, said in answers:
            print(f"  {'no ' if said else 'yes'}  {gate.question:<42}{gate.name}")
            if said:
                print(f"       {said}")
        if not only:
            print(f"\nRating: {rating}/10")
    return EXIT_FAILED if any(said for _, said in answers) else 0


def main(arguments: list[str]) -> int:
    """Print the screen or answer the gates."""
    parser = argparse.ArgumentParser(prog="ops/bin/health-check", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gates", action="store_true", help="answer the thirteen quality gates (runs the tests)")
    parser.add_argument(
        "--only", choices=[gate.name for gate in gates.GATES], default="", help="with --gates: one gate"
    )
    parser.add_argument("--write", action="store_true", help="with --gates: write the rating into README.md")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="for people or for programs")
    options = parser.parse_args(arguments)
    if (options.write or options.only) and not options.gates:
        parser.error("--write and --only belong to --gates")
    if options.write and options.only:
        parser.error("a rating needs all gates, so --write and --only do not go together")
    found = service.load()
    if options.gates:
        return thirteen(found, as_json=options.format == "json", write=options.write, only=options.only)
    return overview(found, as_json=options.format == "json")


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    service.run_main("ops/bin/health-check", main)
