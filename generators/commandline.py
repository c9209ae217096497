"""The command line of the generators: what they take, and what they refuse before anything is made."""

import argparse
import re
from difflib import get_close_matches
from pathlib import Path

SERVICE = "fastapi-service"
LAYERS = (SERVICE, "k8s", "ci")
_NOT_ASKED = ("layer", "applied_layer")  # the generator's name decides them


def questions(clone: Path, layer: str) -> list[str]:
    """Return the names of the questions that copier.yml has for a layer.

    It is read without a YAML parser: a question begins a line, and `when` names the layers that have it.
    """
    text = (clone / "copier.yml").read_text("utf-8")
    names = []
    for name, block in re.findall(r"^([a-z][a-z0-9_]*):\n((?:[ #].*\n|\n)*)", text, re.MULTILINE):
        when = re.search(r"^  when: (.*)$", block, re.MULTILINE)
        only = re.search(r"layer ([!=])= '([\w-]+)'", when[1]) if when else None
        fits = (only[2] == layer) == (only[1] == "=") if only else not when or when[1] != "false"
        if fits and name not in _NOT_ASKED:
            names.append(name)
    return names


def parse(arguments: list[str], clone: Path) -> argparse.Namespace:
    """Parse the command line; argparse ends with code 2 on bad usage."""
    layer = arguments[0] if arguments else SERVICE
    known = questions(clone, layer)
    example = "../my-svc --data port=9090" if layer == SERVICE else "../my-repo --plan"
    parser = argparse.ArgumentParser(
        prog=f"generators/{layer}.sh",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Make a complete service." if layer == SERVICE else f"Add the {layer} layer to a repository.",
        epilog=f"example:\n  ./generators/{layer}.sh {example}\n\nquestions, for --data:\n  {_lines(known)}",
        allow_abbrev=False,
    )
    parser.add_argument("layer", choices=LAYERS, help=argparse.SUPPRESS)
    parser.add_argument("target", type=Path, help="folder to make, or the repository that takes a layer")
    parser.add_argument("--data", action="append", default=[], metavar="NAME=VALUE", help="answer a question")
    parser.add_argument("--defaults", action="store_true", help="ask nothing, even on a terminal")
    parser.add_argument(
        "--local-source", action="store_true", help="where this clone has no origin: name its path as the source"
    )
    if layer != SERVICE:
        parser.add_argument("--plan", action="store_true", help="show what would happen, and change nothing")
        parser.add_argument("--yes", action="store_true", help="agree to files being added to a repository that exists")
    options = parser.parse_args(arguments)
    for pair in options.data:
        refused = _refused(pair, known)
        if refused:
            parser.error(refused)
    if clone in options.target.resolve().parents:
        parser.error(f"{options.target} lies inside the collection; name a folder beside it: ../{options.target.name}")
    return options


def _refused(pair: str, known: list[str]) -> str:
    """Return why an answer cannot be taken, or ""; Copier itself drops a name that it does not know without a word."""
    name, equals, value = pair.partition("=")
    if not equals or not re.fullmatch(r"[a-z_0-9]+", name):
        return f"--data takes NAME=VALUE, not {pair!r}"
    if name == "layer":
        return "the layer is chosen by the name of the generator, not by --data"
    if name not in known:
        near = get_close_matches(name, known, n=1)
        return f"there is no question {name!r}; " + (f"did you mean {near[0]!r}?" if near else "--help names them all")
    if name in ("gpu", "advanced", "commit_check") and value not in ("true", "false"):
        return f"{name} is true or false, not {value!r}"
    return ""


def _lines(names: list[str]) -> str:
    lines = [""]
    for name in names:
        if len(lines[-1]) + len(name) > 74:
            lines.append("")
        lines[-1] += f"{', ' if lines[-1] else ''}{name}"
    return ",\n  ".join(lines)
