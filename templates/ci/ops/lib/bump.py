"""Show, check or change the version. pyproject.toml (or VERSION) is the authority; the other places are checked copies.

An overlay that pins this image by digest is no copy: it says which version it runs, and `make pin` moves it on.

ops/bin/bump --show          print the version
ops/bin/bump --check         say which copies differ
ops/bin/bump 1.2.0           write it everywhere
ops/bin/bump patch|minor|major
ops/bin/bump --lower 1.1.1   go back on purpose: only a branch release/1.1 releases it
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import service
from service import EXIT_FAILED, EXIT_USAGE, ROOT, VERSION, Service, Trouble

V = VERSION.pattern
PROJECT = re.compile(rf'(?ms)(^\[project\]\n(?:(?!^\[).)*?^version\s*=\s*")({V})(")')
PLAIN = re.compile(rf"(\A)({V})(\s*\Z)")
DATA = re.compile(rf'("version"\s*:\s*")({V})(")')
README = re.compile(rf"(?m)^(\*\*Version\*\*: )({V})(\s*)$")

LABEL = re.compile(rf"(?m)^(\s+app\.kubernetes\.io/version: [\"']?)({V})([\"']?\s*)$")


def image_tag(image: str) -> re.Pattern[str]:
    """Return a pattern for this image's tag in a kustomization: its `newTag` after its own `name` or `newName`."""
    name = rf"(?:name|newName):\s*[\"']?(?:{re.escape(image)}|{re.escape(image.rsplit('/', 1)[-1])})[\"']?\s*\n"
    return re.compile(rf"(-?\s*{name}(?:\s+newName:[^\n]*\n)?\s+newTag:\s*[\"']?)({V})([\"']?)")


def pins(image: str, text: str) -> bool:
    """Tell whether a kustomization names this image by digest."""
    name = rf"(?:name|newName):\s*[\"']?(?:{re.escape(image)}|{re.escape(image.rsplit('/', 1)[-1])})[\"']?\s*\n"
    after = rf"{name}(?:\s+(?:newName|newTag):[^\n]*\n)*\s+digest:"
    # kustomize itself writes the keys of an entry in the order of the alphabet
    before = rf"-\s+digest:[^\n]*\n\s+{name}"
    return re.search(f"{after}|{before}", text) is not None


def places(found: Service) -> Iterator[tuple[Path, re.Pattern[str]]]:
    """Yield each file that repeats the version, with the pattern that finds it (groups: before, version, after)."""
    yield found.folder / "pyproject.toml", PROJECT
    yield found.folder / "VERSION", PLAIN
    yield found.folder / "app" / "service.json", DATA
    yield found.folder / "README.md", README
    for path in sorted((ROOT / "ops" / "k8s").glob("**/kustomization.yaml")):
        if not pins(found.image, path.read_text(encoding="utf-8")):
            yield path, image_tag(found.image)
            yield path, LABEL


Places = Callable[[Service], Iterator[tuple[Path, re.Pattern[str]]]]


def copies(found: Service, where: Places = places) -> list[tuple[Path, str, str]]:
    """Return path, text and version of every place that has one."""
    result = []
    for path, pattern in where(found):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            result += [(path, text, match[2]) for match in pattern.finditer(text)]
    return result


def following(current: str, part: str) -> str:
    """Return the next patch, minor or major version; a pre-release's own final version counts as the next."""
    plain, pre = current.split("-", maxsplit=1)[0], "-" in current
    major, minor, patch = (int(number) for number in plain.split("."))
    if pre and (part == "patch" or (part == "minor" and patch == 0) or (part == "major" and minor == patch == 0)):
        return plain
    return {
        "major": f"{major + 1}.0.0",
        "minor": f"{major}.{minor + 1}.0",
        "patch": f"{major}.{minor}.{patch + 1}",
    }[part]


def write(found: Service, wanted: str, where: Places = places) -> list[str]:
    """Write the version into every place that has one; return the changed files, relative to the root."""
    changed = []
    if not copies(found, where):
        (found.folder / "VERSION").write_text(f"{wanted}\n", encoding="utf-8")
        changed.append(str((found.folder / "VERSION").relative_to(ROOT)))
    for path, pattern in where(found):
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        new = pattern.sub(lambda match: f"{match[1]}{wanted}{match.groups()[-1]}", text)
        if path.name == "service.json":
            json.loads(new)
        if new != text:
            path.write_text(new, encoding="utf-8")
            changed.append(str(path.relative_to(ROOT)))
    return list(dict.fromkeys(changed))  # an overlay has it in two places


def main(arguments: list[str], where: Places = places) -> int:
    """Show, check or write the version; return 0, 1 (copies differ) or 2 (bad input)."""
    if arguments == ["--show"]:  # each script asks this, some twice; no parser is imported for it
        print(service.version(service.load()))
        return 0
    import argparse  # noqa: PLC0415

    import lines  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="ops/bin/bump", description=__doc__.splitlines()[0])
    parser.add_argument("version", nargs="?", help="the new version, or patch, minor or major")
    parser.add_argument("--show", action="store_true", help="print the version")
    parser.add_argument("--check", action="store_true", help="say which copies differ from the authority")
    parser.add_argument("--lower", action="store_true", help="the version may be lower than the one that is here")
    options = parser.parse_args(arguments)
    if bool(options.version) + options.show + options.check != 1:
        parser.error("say one of: a version, patch, minor, major, --show, --check")
    found = service.load()
    current = service.version(found)
    if options.show:
        print(current)
        return 0
    if options.check:
        wrong = [
            f"{path.relative_to(ROOT)} says {value}" for path, _, value in copies(found, where) if value != current
        ]
        for line in dict.fromkeys(wrong):
            print(f"bump: {line}, but the version is {current}; run 'make bump VERSION={current}'.")
        return EXIT_FAILED if wrong else 0
    wanted = following(current, options.version) if options.version in ("patch", "minor", "major") else options.version
    if not VERSION.fullmatch(wanted):
        raise Trouble(
            f"{wanted[:40]!r} is not MAJOR.MINOR.PATCH, optionally with -alpha.N, -beta.N or -rc.N", EXIT_USAGE
        )
    if lines.order(wanted) < lines.order(current) and not options.lower:
        line = ".".join(wanted.split(".")[:2])
        raise Trouble(
            f"{wanted} is lower than {current}; a fix of {line} is made on the branch release/{line}, and "
            f"'ops/bin/bump --lower {wanted}' goes back all the same",
            EXIT_USAGE,
        )
    changed = write(found, wanted, where)
    print(f"{current} -> {wanted}: {', '.join(changed) or 'nothing to change'}")
    return 0


if __name__ == "__main__":
    service.run_main("ops/bin/bump", main)
