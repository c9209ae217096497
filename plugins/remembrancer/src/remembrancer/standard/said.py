"""What an answers file says beside what is recorded: a hand-edited answer changes no file, and is named as one."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from remembrancer.findings import Finding
from remembrancer.standard.drift import Generation
from remembrancer.system import git as gitcall

_ANSWER = re.compile(r"^(\w+):(.*\n(?:(?![\w#]).*\n)*)", re.MULTILINE)
_SHOWN = 200  # characters of an answer


def answers_in_text(data: bytes) -> dict[str, str]:
    """Return name to text for each top-level member of an answers file, the line breaks at its end included."""
    text = data.decode("utf-8", "replace")
    return {found[1]: found[2] for found in _ANSWER.finditer(text if text.endswith("\n") else f"{text}\n")}


def explained(root: Path, found: Sequence[Finding], newest: Mapping[str, Generation]) -> list[Finding]:
    """Return drift's findings with those about an answers file in the words of its answers."""
    paths = {str(one.receipt.predicate["answers"]["path"]): one for one in newest.values()}
    return [
        _explained(root, one, paths[one.subject]) if one.code == "drift.changed" and one.subject in paths else one
        for one in found
    ]


def _explained(root: Path, finding: Finding, generation: Generation) -> Finding:
    recorded = _recorded(root, finding.subject, str(generation.receipt.predicate["answers"]["sha256"]))
    if recorded is None:
        return finding
    was, now = answers_in_text(recorded), answers_in_text((root / finding.subject).read_bytes())
    other = [name for name in sorted({*was, *now}) if was.get(name) != now.get(name)]
    if not other or "_commit" in other:  # another version is an update that waits, or that has no receipt
        return finding
    said = ", ".join(f"{name}: {_shown(now.get(name))}" for name in other)
    made = ", ".join(f"{name}: {_shown(was.get(name))}" for name in other)
    return finding._replace(
        code="drift.answers", message=f"{finding.subject} says {said}; the files were made with {made}"
    )


def _recorded(root: Path, path: str, digest: str) -> bytes | None:
    """Return the answers file that a receipt states, out of Git's history."""
    for commit in gitcall.run(root, ("log", "--format=%H", "--", path)).stdout.decode().split():
        data = gitcall.run(root, ("cat-file", "blob", f"{commit}:./{path}")).stdout
        if hashlib.sha256(data).hexdigest() == digest:
            return data
    return None


def _shown(text: str | None) -> str:
    """Return an answer as one line."""
    if text is None:
        return "nothing"
    line = " ".join(text.split())
    line = "".join(char if char.isprintable() else repr(char)[1:-1] for char in line)
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."
