"""What an update does to the answers: each one that changed or went although nobody asked for it is a decision.

Copier takes an answer that the new version does not allow, or no longer asks for, out of the file without a word.
PyYAML is Copier's own dependency; the questions are read from the clone that Copier has made.
"""

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import manifest

LIMIT = 200  # characters of an answer that are shown


class Change(NamedTuple):
    """An answer that is not what it was: both values as compact JSON ("" for none), and why."""

    name: str
    was: str
    now: str
    why: str

    def __str__(self) -> str:
        became = f"is {self.now}" if self.now else "is gone"
        return f"{self.name} was {self.was} and {became}: {self.why}"


def changes(
    root: Path, source: Path, call: Mapping[str, Any], before: bytes, given: Mapping[str, Any]
) -> Iterator[Change]:
    """Yield the answers that an update changed or dropped, and that nobody chose while it ran.

    Args:
        root: the service, after Copier's work.
        source: the template's clone, at the new version.
        call: what copier.yml says about this run: `answers_file`, `source`, `commit`, `defaults`.
        before: the answers file that the update began with.
        given: what `--data` said, and --data-file.
    """
    old, new = read(before), read((root / call["answers_file"]).read_bytes())
    questions = _yaml((source / "copier.yml").read_text(encoding="utf-8"))
    renamed = dict(_renames(questions))
    for name, value in sorted(old.items()):
        now = renamed.get(name, name) if name not in new else name
        if now in given or (now in new and new[now] == value):
            continue
        if now not in questions:
            yield Change(name, _shown(value), "", "the new version does not have this question")
        elif now not in new:
            yield Change(name, _shown(value), "", "the new version does not ask for it with these answers")
        elif why := _refused(root, source, call, now, value):
            yield Change(name, _shown(value), _shown(new[now]), why)
        elif call["defaults"]:
            yield Change(name, _shown(value), _shown(new[now]), "nobody gave another answer")


def read(data: bytes) -> dict[str, Any]:
    """Return the answers of a file without Copier's own members; none where it is not a mapping."""
    loaded = _yaml(data.decode("utf-8", "replace"))
    return {name: value for name, value in loaded.items() if not name.startswith("_")}


def differing(said: bytes, recorded: bytes) -> list[str]:
    """Return "name: X instead of Y" for each answer in which two files differ, Copier's own members included."""
    one, other = _yaml(said.decode("utf-8", "replace")), _yaml(recorded.decode("utf-8", "replace"))
    return [
        f"{name}: {_shown(one.get(name))} instead of {_shown(other.get(name))}"
        for name in sorted({*one, *other})
        if one.get(name) != other.get(name)
    ]


def _yaml(text: str) -> dict[str, Any]:
    import yaml  # noqa: PLC0415  # only where there are answers to compare

    try:
        loaded = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return {str(name): value for name, value in loaded.items()} if isinstance(loaded, dict) else {}


def _renames(questions: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the old and new names of answers that a migration renames."""
    for migration in questions.get("_migrations") or ():
        command = migration.get("command") if isinstance(migration, dict) else None
        if isinstance(command, list) and len(command) > 3 and str(command[1]).endswith("/rename_answer.py"):
            yield str(command[2]), str(command[3])


def _refused(root: Path, source: Path, call: Mapping[str, Any], name: str, value: Any) -> str:
    """Return what the new version says against an answer, "" where it would take it: Copier is asked."""
    with tempfile.TemporaryDirectory(prefix="vaultmesh-answer.") as folder:
        data = read((root / call["answers_file"]).read_bytes()) | {name: value}
        file = Path(folder) / "answers.json"
        file.write_text(json.dumps(data, default=str), encoding="utf-8")
        options = ["--pretend", "--vcs-ref", call["commit"], "--data-file", str(file)]
        done = manifest.copy(source, call, options, Path(folder) / "x" / root.resolve().name)
    if not done.returncode:
        return ""
    last = (done.stderr.strip().splitlines() or ["it is not allowed any more"])[-1]
    return re.sub(r"^\w+(Error)?: ", "", last)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= LIMIT else f"{text[:LIMIT]}..."
