"""`check-adr`: a decision has the standard's form, and a decided one is the text that its newest receipt binds."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from remembrancer.adr import form as adr
from remembrancer.adr.decide import newest_of
from remembrancer.adr.form import FOLDER
from remembrancer.errors import Rejected
from remembrancer.findings import Finding
from remembrancer.hooks.refusal import refusal
from remembrancer.hooks.staged import Change, Staged
from remembrancer.receipt.statement import Receipt, parse

CHECK = "check-adr"
_NUMBER = re.compile(rf"{FOLDER}/ADR-([0-9]{{3,5}})-")


def check(staged: Staged, changes: Iterable[Change]) -> list[Finding]:
    """Return the refusals for what is staged. Raises EnvironmentTrouble(env.git)."""
    numbers: set[int] = set()
    found: list[Finding] = []
    for change in changes:
        name = change.path.removeprefix(f"{FOLDER}/")
        if not change.path.startswith(f"{FOLDER}/") or name == "README.md":
            continue
        if match := _NUMBER.match(change.path):
            numbers.add(int(match[1]))
        elif name.endswith(".md") and change.status != "D":
            message = "is not named ADR-{three digits}-{slug}.md"
            found.append(refusal(CHECK, "adr.form", change.path, message, "Make it with `remembrancer adr create`."))
    if numbers:
        texts, receipts = _index(staged, numbers)
        for number in sorted(numbers):
            found += _decision(staged, number, texts[number], newest_of(receipts[number]).get(number))
    return found


def _index(staged: Staged, numbers: set[int]) -> tuple[defaultdict[int, list[str]], defaultdict[int, list[Receipt]]]:
    """Return the files and the receipts that the index has about some numbers."""
    texts: defaultdict[int, list[str]] = defaultdict(list)
    receipts: defaultdict[int, list[Receipt]] = defaultdict(list)
    for path in staged.names(FOLDER):
        match = _NUMBER.match(path)
        if match is None or int(match[1]) not in numbers:
            continue
        if path.endswith(".md"):
            texts[int(match[1])].append(path)
        elif path.endswith(".receipt"):
            try:
                receipts[int(match[1])].append(parse(staged.file(path) or b""))
            except Rejected:
                continue  # check-receipts names it
    return texts, receipts


def _decision(staged: Staged, number: int, paths: list[str], newest: Receipt | None) -> Iterator[Finding]:
    if len(paths) > 1:
        remedy = "Give the newer one the next free number, in its name and in its title."
        yield refusal(CHECK, "adr.form", paths[1], f"and {paths[0]} have the same number", remedy)
        return
    if not paths:
        if newest is not None:
            path = f"{FOLDER}/{adr.file_name(number, str(newest.predicate['slug']))}"
            yield _edited(path, "is recorded and cannot be removed or renamed")
        return
    (path,) = paths
    data = staged.file(path) or b""
    one = adr.read(path.removeprefix(f"{FOLDER}/"), data)
    if problems := adr.problems(one):
        yield refusal(CHECK, "adr.form", path, f"is not in the standard's form: {'; '.join(problems)}")
    elif newest is None:
        if one.status != adr.DRAFT:
            verb = {adr.ACCEPTED: "accept", adr.REJECTED: "reject"}.get(one.status, "supersede")
            remedy = f"Run `remembrancer adr {verb} {number}`, and stage what it writes: git add {FOLDER}"
            yield refusal(CHECK, "adr.unrecorded", path, f"says {one.status}, and no receipt records it", remedy)
    elif newest.predicate["slug"] != one.slug:
        yield _edited(path, f"is recorded as {adr.file_name(number, str(newest.predicate['slug']))}")
    elif hashlib.sha256(data).hexdigest() != newest.predicate["text"]:
        yield _edited(path, "was edited after it was recorded")


def _edited(path: str, what: str) -> Finding:
    remedy = (
        f"Take it back (git restore --source=HEAD --staged --worktree -- {path}), "
        "or write a new decision that supersedes it: remembrancer adr create."
    )
    return refusal(CHECK, "adr.edited", path, what, remedy)
