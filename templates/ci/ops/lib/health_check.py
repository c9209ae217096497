"""One screen on the state of this repository: ledger, receipts, trust, hooks, template; or the thirteen quality gates.

Exits with 0 when nothing is broken (warnings are no breakage), with 1 when something is, or when a gate does not hold.
"""

import argparse
import functools
import json
import re
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import gates
import health_lines
import service
from health_lines import BROKEN, OK, WARNING, Line
from service import EXIT_FAILED, EXIT_USAGE, ROOT, Service, Trouble

RATING = re.compile(r"(?m)^(\*\*Rating\*\*: )\d+(?:\.\d+)?(/10\s*)$")


def versions(found: Service) -> Line:
    """The version is the same everywhere."""
    import bump  # noqa: PLC0415 - imported here so that a broken copy is a line, not a traceback

    current = service.version(found)
    wrong = [f"{path.relative_to(ROOT)} says {value}" for path, _, value in bump.copies(found) if value != current]
    return Line("version", BROKEN if wrong else OK, wrong[0] + f", not {current}" if wrong else f"{current} everywhere")


def thirteen_gates(found: Service, *, broken: bool = False) -> Line:
    """The rating in README.md is one that the thirteen gates can give; answering them anew takes --gates.

    It was true when it was written, and is no word on today where another line is `broken`.
    """
    shown = RATING.search(readme(found).read_text("utf-8")) if readme(found).is_file() else None
    total = len(gates.GATES)
    if shown is None:
        return Line("gates", WARNING, "README.md shows no rating; ops/bin/health-check --gates answers the gates")
    value = shown[0].strip().replace("*", "").removeprefix("Rating: ").removesuffix("/10")
    passed = {f"{count * 10 / total:.1f}": count for count in range(total + 1)}
    if value not in passed:
        return Line("gates", BROKEN, f"nothing rates {value}/10; ops/bin/health-check --gates --write computes it")
    # what a fresh service begins with; some gates hold in any service that was asked
    if not passed[value]:
        return Line("gates", WARNING, "not answered yet: make gates")
    if broken:
        said = f"rating {value}/10 was written before what is broken above"
        return Line("gates", WARNING, f"{said}; ops/bin/health-check --gates answers anew")
    said = f"{passed[value]} of {total} held, rating {value}/10"
    if passed[value] == total:
        return Line("gates", OK, said)
    return Line("gates", WARNING, f"{said}; ops/bin/health-check --gates says which")


CHECKS: tuple[Callable[[Service], Line], ...] = (
    versions,
    health_lines.ledger,
    health_lines.checkpoint,
    health_lines.pending,
    health_lines.decisions,
    health_lines.trust,
    health_lines.keys,
    health_lines.hooks,
)


def cluster(path: Path, _found: Service) -> Line:
    """The Kubernetes of a cluster's file is supported."""
    return health_lines.cluster(path)


def overview(found: Service, *, as_json: bool, online: bool) -> int:
    """Print the screen; return 0, or 1 when something is broken."""
    checks: dict[str, Callable[[Service], Line]] = {check.__name__: check for check in CHECKS}
    for path in ROOT.glob(health_lines.CLUSTERS):
        checks["cluster"] = functools.partial(cluster, path)
    lines: list[Line] = []
    checks |= {
        "template": functools.partial(health_lines.template, online=online),
        "gates": lambda found: thirteen_gates(found, broken=any(line.state == BROKEN for line in lines)),
    }
    for name, check in checks.items():
        try:
            lines.append(check(found))
        except Trouble as error:
            lines.append(Line(name, BROKEN, str(error)))
    broken = any(line.state == BROKEN for line in lines)
    if as_json:
        data = {"component": found.component, "healthy": not broken, "checks": [asdict(line) for line in lines]}
        print(json.dumps(data, indent=2))
    else:
        print(f"{found.component}\n")
        for line in lines:
            print(f"  {line.name:<12}{line.state:<9}{line.message}")
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
    parser.add_argument("--gates", action="store_true", help="run the thirteen quality gates (runs the tests)")
    parser.add_argument(
        "--only", choices=[gate.name for gate in gates.GATES], default="", help="with --gates: one gate"
    )
    parser.add_argument("--write", action="store_true", help="with --gates: write the rating into README.md")
    parser.add_argument("--online", action="store_true", help="ask the template's server for a newer version")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="for people or for programs")
    options = parser.parse_args(arguments)
    if (options.write or options.only) and not options.gates:
        parser.error("--write and --only belong to --gates")
    if options.write and options.only:
        parser.error("a rating needs all gates, so --write and --only do not go together")
    if options.online and options.gates:
        parser.error("--online belongs to the screen, not to --gates")
    found = service.load()
    if options.gates:
        return thirteen(found, as_json=options.format == "json", write=options.write, only=options.only)
    return overview(found, as_json=options.format == "json", online=options.online)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    service.run_main("ops/bin/health-check", main)
