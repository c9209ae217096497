"""What of an update a person has to decide: the one rule, whoever asks (the hook, or `record update` in a copy).

Standard library only, except where answers changed: this runs inside Copier's own environment.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import answers
import deleted_upstream
import following
import manifest
from fresh import Fresh
from provenance import Start, git, git_bytes
from remembrancer.receipt.source import public_source

KEPT = "was changed here and is gone from the standard; it was kept"
MARKED = "has conflicts"
REBASED = "was changed here, and the merge began with another state than the recorded one"


def decide(root: Path, source: Path, call: Mapping[str, Any], start: Start, fresh: Fresh) -> dict[str, list[str]]:
    """Put right what Copier left wrong, and return each path that needs a person, with the reasons.

    Args:
        root: the service, after Copier's work and before any commit.
        source: the template's clone.
        call: what copier.yml says about this run.
        start: what the update starts from.
        fresh: the new version's rendering.

    Raises:
        manifest.ManifestError: the old version could not be rendered, which is only tried where no receipt tells.
        RemembrancerError: the old manifest is not what its receipt says.
    """
    found: dict[str, list[str]] = {}
    file = call["answers_file"]
    before = recorded_answers(root, start, file)
    if start.receipt is not None:
        merged = list(following.follow(root, fresh, deleted_upstream.lines_of(root, start.receipt)))
        if rebased(root, call, start, before):
            found |= {path: [REBASED] for path in merged}
    for path in deleted_upstream.keep(root, source, call, start, fresh.files):
        found.setdefault(path, []).append(KEPT)
    for path in manifest.conflicts(root, sorted(fresh.files)):
        found[path] = [MARKED]
    for change in answers.changes(root, source, call, before, call["data"]):
        found.setdefault(file, []).append(f"says something else: {change}")
    return dict(sorted(found.items()))


def recorded_answers(root: Path, start: Start, file: str) -> bytes:
    """Return the answers that the record ends with, out of Git's history, or else those of HEAD."""
    if start.receipt is not None:
        wanted = start.receipt.predicate["answers"]["sha256"]
        for commit in ["HEAD", *git(root, "log", "--format=%H", "--", file).split()]:
            data = git_bytes(root, "show", f"{commit}:./{file}")
            if hashlib.sha256(data).hexdigest() == wanted:
                return data
    return git_bytes(root, "show", f"HEAD:./{file}")


def rebased(root: Path, call: Mapping[str, Any], start: Start, before: bytes) -> bool:
    """Tell whether Copier merged from another state than the recorded one: a moved tag, address or other answers."""
    committed = git_bytes(root, "show", f"HEAD:./{call['answers_file']}")
    source = start.receipt.predicate["template"]["source"] if start.receipt else ""
    return start.moved or answers.read(committed) != answers.read(before) or source != public_source(call["source"])
