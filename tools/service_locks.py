"""Write the lock files of the generated service: one resolution, each package marked with the parts that need it.

`make lock` runs it with --upgrade; without, what is pinned keeps its version. Everything is resolved together first, so
that an optional part never changes the version of what another service has; then each combination is resolved within
that, which tells what it needs. The two templates hold each package once, below the condition under which it is there.
"""

import itertools
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, StrictUndefined

ROOT = Path(__file__).resolve().parents[1]
SERVICE = ROOT / "templates/fastapi-service"
PARTS = {"database": "postgresql", "auth": "oidc", "telemetry": "otlp", "http_client": "httpx"}
"""The questions with an optional part, and the answer that brings it; everything else is `none`."""
PIN = (
    *("uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"),
    *("--no-emit-index-url", "--no-annotate", "--custom-compile-command", "make lock"),
)
Chosen = frozenset[str]


def combinations() -> Iterator[Chosen]:
    """Every set of parts, the largest first."""
    for size in range(len(PARTS), -1, -1):
        yield from map(frozenset, itertools.combinations(PARTS, size))


def rendered(name: str, chosen: Chosen) -> str:
    """A file of a service with these parts."""
    answers = {name: PARTS[name] if name in chosen else "none" for name in PARTS}
    text = (SERVICE / f"{name}.jinja").read_text(encoding="utf-8")
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    environment.filters["to_json"] = lambda value, **_: f'"{value}"'
    return environment.from_string(text).render(component="x", version="0", description="x", **answers)


def blocks(lock: str) -> tuple[str, list[str]]:
    """The comment at the head of a lock file, and one text for each package."""
    head = re.match(r"(?:#.*\n)*", lock)
    start = head.end() if head else 0
    return lock[:start], [block.rstrip("\n") + "\n" for block in re.split(r"\n(?=\S)", lock[start:]) if block.strip()]


def condition(present: set[Chosen]) -> str:
    """The shortest expression of the questions that holds for exactly these combinations; empty for all of them."""
    every = set(combinations())
    if present == every:
        return ""
    for size in range(1, len(PARTS) + 1):
        for some in itertools.combinations(PARTS, size):
            if present == {chosen for chosen in every if chosen & set(some)}:
                return " or ".join(f"{name} == '{PARTS[name]}'" for name in some)
    exact = (
        " and ".join(f"{name} {'==' if name in chosen else '!='} '{PARTS[name]}'" for name in PARTS)
        for chosen in combinations()
        if chosen in present
    )
    return " or ".join(f"({one})" for one in exact)


def merged(locks: dict[Chosen, str]) -> str:
    """One template that renders each of these lock files."""
    head, _ = blocks(next(iter(locks.values())))
    where: dict[str, set[Chosen]] = {}
    for chosen, lock in locks.items():
        for block in blocks(lock)[1]:
            where.setdefault(block, set()).add(chosen)
    lines = [head]
    for block in sorted(where, key=lambda text: re.split(r"[=\s;]", text, maxsplit=1)[0]):
        wanted = condition(where[block])
        lines.append(f"{{% if {wanted} %}}{block}{{% endif %}}" if wanted else block)
    return "".join(lines)


def pin(*words: str | Path) -> None:
    """Run uv. Raises SystemExit with its exit code if it refuses."""
    done = subprocess.run([*PIN, *map(str, words)], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def main(upgrade: bool) -> None:
    """Write both templates; without `upgrade` what is pinned already keeps its version."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for chosen in combinations():
            (scratch / "+".join(["with", *sorted(chosen)])).mkdir()
            path = scratch / "+".join(["with", *sorted(chosen)]) / "pyproject.toml"
            path.write_text(rendered("pyproject.toml", chosen), encoding="utf-8")
        whole, everything = scratch / "whole.lock", scratch / "+".join(["with", *sorted(PARTS)]) / "pyproject.toml"
        if not upgrade:
            whole.write_text(rendered("requirements-dev.lock", frozenset(PARTS)), encoding="utf-8")
        pin(everything, "--group", f"{everything}:dev", "-o", whole, *(["--upgrade"] if upgrade else []))
        for lock, group in (("requirements.lock", False), ("requirements-dev.lock", True)):
            found: dict[Chosen, str] = {}
            for chosen in combinations():
                path = scratch / "+".join(["with", *sorted(chosen)]) / "pyproject.toml"
                words = ["--group", f"{path}:dev"] if group else []
                pin(path, *words, "--constraint", whole, "-o", path.with_name(lock))
                found[chosen] = path.with_name(lock).read_text(encoding="utf-8")
            (SERVICE / f"{lock}.jinja").write_text(merged(found), encoding="utf-8")


if __name__ == "__main__":
    main(upgrade="--upgrade" in sys.argv[1:])
