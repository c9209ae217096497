"""Write the assistants' rules of this repository from the template's: one source, two places.

generators/rules.py          write AGENTS.md and .amazonq/rules/vaultmesh.md
generators/rules.py --check  change nothing; end with 1 when they differ from the template

Files of the rules that hold no answers are relative links and need no writing.
"""

import argparse
import sys
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

ROOT = Path(__file__).resolve().parent.parent
SOURCE = "templates/fastapi-service"
WRITTEN = ("AGENTS.md", ".amazonq/rules/vaultmesh.md")
# The defaults of copier.yml for a service named my-svc, and the mark that this is the collection itself.
ANSWERS = {
    "collection": True,
    "component": "my-svc",
    "namespace": "aurora-staging",
    "production_namespace": "aurora-production",
    "environments": ["development", "staging", "staging-eks", "production"],
    "eks": True,
}


def rendered(name: str, root: Path = ROOT) -> str:
    """Return what a file of this repository must say."""
    # the text is Markdown for people and assistants, never HTML
    environment = Environment(
        loader=FileSystemLoader(root),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701
    )
    return environment.get_template(f"{SOURCE}/{name}.jinja").render(ANSWERS)


def stale(root: Path = ROOT) -> list[str]:
    """Return the files of this repository that differ from the template."""
    return [
        name
        for name in WRITTEN
        if not (root / name).is_file() or (root / name).read_text(encoding="utf-8") != rendered(name, root)
    ]


def main(arguments: list[str]) -> int:
    """Write the files, or check them; return the exit status."""
    parser = argparse.ArgumentParser(prog="generators/rules.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a file differs")
    check = parser.parse_args(arguments).check
    for name in stale():
        if check:
            print(f"{name} differs from its template; run: .venv/bin/python generators/rules.py", file=sys.stderr)
        else:
            (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / name).write_text(rendered(name), encoding="utf-8")
            print(f"wrote {name}")
    return 1 if check and stale() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
