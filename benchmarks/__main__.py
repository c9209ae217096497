"""Run the benchmarks and print one table; exit 1 where a budget is missed."""

import argparse
import dataclasses
import importlib
import json
import pkgutil
import sys

import benchmarks
from benchmarks.measure import Row

NOT_BENCHMARKS = {"__main__", "measure"}


def names() -> list[str]:
    """Return the modules that hold benchmarks: those with a `rows` function."""
    found = (module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return sorted(name for name in found if name not in NOT_BENCHMARKS and not name.startswith("_"))


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| what | measured | budget | against | detail |", "|---|---|---|---|---|"]
    for row in rows:
        sign = "≤" if row.at_most else "≥"
        mark = "" if row.met else " **missed**"
        value, budget = f"{row.value:,.2f} {row.unit}", f"{sign} {row.budget:,g} {row.unit}"
        lines.append(f"| {row.what} | {value}{mark} | {budget} | {row.floor} | {row.detail} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=benchmarks.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of: {', '.join(names())}")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    options = parser.parse_args()
    unknown = set(options.names) - set(names())
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    rows: list[Row] = []
    for name in options.names or names():
        print(f"{name} …", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"benchmarks.{name}").rows()
    if options.format == "json":
        print(json.dumps([dataclasses.asdict(row) | {"met": row.met} for row in rows], indent=2, ensure_ascii=False))
    else:
        print(table(rows))
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
