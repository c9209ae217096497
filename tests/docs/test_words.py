"""The words of the programs: messages in one style, counts in the right number, one spelling for one thing."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from collection import ROOT

FAILURES = {"BadInput", "EnvironmentTrouble", "ManifestError", "Refused", "Rejected", "StepFailed", "Unverifiable"}
# names that keep their capital at the beginning of a message
NAMES = re.compile(
    "ADR|Copier|Docker|Ed25519|Git|HTTP|JSON|Kubernetes|OpenPGP|OpenSSL|PEM|Python|RFC|RSA|SHA|TOML|Trivy|URL"
)
COUNTED = "receipt|signature|timestamp|file|version|commit|checkpoint|decision|deployment|conflict|waiver|witness|leave"


def sources() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    places = ("plugins/", "hooks/", "generators/", "templates/", "ops/")
    found = [ROOT / name for name in listed.stdout.split("\0") if name.startswith(places)]
    return [path for path in found if path.is_file() and not path.is_symlink()]


def shown(node: ast.expr) -> Iterator[str]:
    """The texts that an expression can become, with {} for what is put in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from shown(node.body)
        yield from shown(node.orelse)


def messages(text: str) -> Iterator[tuple[int, str]]:
    """Line and text of every message: what a failure says, and what is printed to standard error."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in FAILURES:
            place = 0 if called in {"ManifestError", "StepFailed"} else 1
        elif called == "print" and any(word.arg == "file" for word in node.keywords):
            place = 0
        else:
            continue
        if len(node.args) > place:
            for said in shown(node.args[place]):
                yield node.lineno, said


def faults(said: str) -> list[str]:
    """What is wrong with a message; [] for one in style."""
    found = []
    if said[:1].isupper() and not NAMES.match(said):
        found.append("begins with a capital")
    if said.rstrip().endswith("."):
        found.append("ends with a full stop")
    if re.search(r"time-stamp|\bnoted?\b the deployment|\bends? with \{\}", said, re.IGNORECASE):
        found.append("uses a word that another one replaces")
    return found


def test_messages_are_in_one_style() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {said!r} {', '.join(faults(said))}"
        for path in sources()
        for line, said in messages(path.read_text(encoding="utf-8"))
        if faults(said)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("The file is missing", "begins with a capital"),
        ("the file is missing.", "ends with a full stop"),
        ("the time-stamp is missing", "uses a word that another one replaces"),
        ("{} is missing", ""),
        ("Git cannot be run: {}", ""),
    ],
)
def test_a_message_out_of_style_is_named(said: str, wrong: str) -> None:
    assert faults(said) == ([wrong] if wrong else [])


def test_the_messages_are_found_in_each_kind_of_call() -> None:
    text = 'raise Rejected("a.b", f"x {y}")\nprint("said", file=sys.stderr)\nraise StepFailed("z" if a else "w")\n'
    assert [said for _, said in messages(text)] == ["x {}", "said", "z", "w"]


def test_counts_have_the_right_number() -> None:
    """A number with a fixed plural says "1 receipts" one day; `errors.counted` does not."""
    pattern = re.compile(r"(?:sealed|recorded|wrote|holds?|read) \{\} (?:" + COUNTED + r")s\b")
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {said!r}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.JoinedStr)
        for said in shown(node)
        if pattern.search(said)
    ]
    assert not [one for one in found if "instead of one" not in one], "\n".join(found)


def test_one_word_for_one_thing() -> None:
    listed = subprocess.run(
        [
            "git",
            "grep",
            "-nIi",
            "-e",
            r"[^a-z-]time-stamp",
            "--",
            ":!tests/vectors",
            ":!*.lock",
            ":!*.svg",
            ":!tests/docs",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line for line in listed.stdout.splitlines() if "Time-Stamp Protocol" not in line] == []
