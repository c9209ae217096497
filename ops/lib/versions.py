"""Show, check or change the version of the collection: pyproject.toml is the authority, other places are copies.

Its tool is the one of generated services; only the places are others. A tag of this commit must say the same version.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import shared

import bump
import service

V = service.VERSION.pattern
PLUGIN = re.compile(rf'(?m)^(__version__ = ")({V})(")$')
ROW = re.compile(rf"(?m)^(\| (?:VaultMesh templates|Remembrancer) \| )({V})( \|)")
HOOKS = re.compile(rf"(?m)^(#? *rev: v)({V})()$")
TAG = re.compile(rf"v?({V})")
DOCUMENTS = ("README.md", ".pre-commit-hooks.yaml", "plugins/remembrancer/README.md")


def places(found: service.Service) -> Iterator[tuple[Path, re.Pattern[str]]]:
    """Yield each file that states the version, with the pattern that finds it (groups: before, version, after)."""
    yield found.folder / "pyproject.toml", bump.PROJECT
    for path in sorted((found.folder / "plugins").glob("*/src/*/__init__.py")):
        yield path, PLUGIN
    for name in ("AGENTS.md", ".amazonq/rules/vaultmesh.md"):
        yield found.folder / name, ROW
    for name in DOCUMENTS:
        yield found.folder / name, HOOKS


def wrong(found: service.Service) -> list[str]:
    """Return a sentence for each place that says another version, and for each such tag of HEAD."""
    current = service.version(found)
    sentences = [
        f"{path.relative_to(shared.ROOT)} says {value}, not {current}"
        for path, _, value in bump.copies(found, places)
        if value != current
    ]
    if service.project_table(found.folder / "pyproject.toml") is None:
        sentences.append("pyproject.toml says no version")
    return list(dict.fromkeys([*sentences, *tags()]))


def tags() -> list[str]:
    """Return a sentence for each tag of HEAD that names another version than HEAD's tree states."""
    try:
        named = service.git("tag", "--points-at", "HEAD").decode().split()
        text = service.git("cat-file", "blob", "HEAD:pyproject.toml").decode() if named else ""
    except service.Trouble:  # a copy without Git has no tag
        return []
    there = bump.PROJECT.search(text)
    version = there[2] if there else "no version"
    found = {one: match[1] for one in named if (match := TAG.fullmatch(one))}
    return [f"the tag {one} is on a commit that says {version}" for one, value in found.items() if value != version]


def main(arguments: list[str]) -> int:
    """Do what `bump` does, over the places of the collection."""
    if arguments == ["--check"]:
        found = service.load()
        sentences = wrong(found)
        for one in sentences:
            print(f"bump: {one}; run 'ops/bin/bump {service.version(found)}', or take the tag away.")
        return service.EXIT_FAILED if sentences else 0
    return bump.main(arguments, places)


if __name__ == "__main__":
    service.run_main("ops/bin/bump", main)
