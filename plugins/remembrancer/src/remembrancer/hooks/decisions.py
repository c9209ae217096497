"""`check-adr`: a decision has the standard's form, and a decided one is the text that its newest receipt binds."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from remembrancer.adr import form as adr
from remembrancer.adr.form import FOLDER
from remembrancer.errors import Rejected
from remembrancer.findings import Finding
from remembrancer.hooks.refusal import refusal
from remembrancer.hooks.staged import Change, Staged
from remembrancer.paths import POLICY, RECEIPTS
from remembrancer.receipt.decided import Fact, fact, in_force, same_number
from remembrancer.receipt.statement import parse

CHECK = "check-adr"
_FILE = re.compile(rf"{FOLDER}/ADR-([0-9]{{3,5}})-(.+)\.(md|receipt)")
_NUMBER = re.compile(rf"{FOLDER}/ADR-([0-9]{{3,5}})-")


def check(staged: Staged, changes: Iterable[Change]) -> list[Finding]:
    """Return the refusals for what is staged. Raises EnvironmentTrouble(env.git)."""
    numbers: set[int] = set()
    found: list[Finding] = []
    changes = list(changes)
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
        texts, newest = _index(staged, numbers)
        named = [(number, path) for number, paths in texts.items() for path in paths]
        twins = same_number(named, newest)
        found += [_same(first, last) for first, *_, last in twins]
        shared = {path for paths in twins for path in paths}
        for number in sorted(numbers):
            if not shared.intersection(texts[number]):
                found += _number(staged, number, texts[number], newest)
    if any(one.code == "adr.unrecorded" for one in found) and not _begun(staged, changes):
        return [one for one in found if one.code != "adr.unrecorded"]
    return found


def _begun(staged: Staged, changes: Iterable[Change]) -> bool:
    """Whether anything is or was recorded here: before that, a decision is a file, and its receipt comes with the
    ledger."""
    recorded = [*staged.names(RECEIPTS, POLICY), *(one.path for one in changes if one.status == "D")]
    return any(path == POLICY or path.endswith(".receipt") for path in recorded)


def _same(first: str, last: str) -> Finding:
    remedy = f"Run `remembrancer adr renumber {last}`, and stage what it changes: git add --all {FOLDER}"
    return refusal(CHECK, "adr.number", last, f"and {first} have the same number", remedy)


def _index(staged: Staged, numbers: set[int]) -> tuple[defaultdict[int, list[str]], dict[str, Fact]]:
    """Return the files of each number, and the newest fact about each path that has or had one of `numbers`."""
    texts: defaultdict[int, list[str]] = defaultdict(list)
    named: list[tuple[int, str, str]] = []
    for path in staged.names(FOLDER):
        match = _FILE.fullmatch(path)
        if match and match[3] == "md":
            texts[int(match[1])].append(path)
        elif match:
            named.append((int(match[1]), match[2].rpartition(".")[0], path))
    # a renumbered record keeps its slug, and its newer receipts have another number in their names
    slugs = {slug for number, slug, _ in named if number in numbers}
    facts = []
    for _, slug, path in named:
        if slug in slugs:
            with suppress(Rejected):  # check-receipts names it
                facts.append(fact(parse(staged.file(path) or b"")))
    return texts, in_force(facts)


def _number(staged: Staged, number: int, paths: list[str], newest: Mapping[str, Fact]) -> Iterator[Finding]:
    """Judge every record that has, or had, a number."""
    for path, said in sorted(newest.items()):
        if said.path == path and said.number == number and path not in paths:
            yield _edited(path, "is recorded and cannot be removed or renamed")
    for path in paths:
        yield from _decision(staged, path, newest.get(path))


def _decision(staged: Staged, path: str, newest: Fact | None) -> Iterator[Finding]:
    data = staged.file(path) or b""
    one = adr.read(path.removeprefix(f"{FOLDER}/"), data)
    if problems := adr.problems(one):
        yield refusal(CHECK, "adr.form", path, f"is not in the standard's form: {'; '.join(problems)}")
    elif newest is not None and newest.path != path:
        remedy = f"Run `remembrancer adr renumber {path}`, which takes it away."
        yield refusal(CHECK, "adr.number", path, f"was renumbered to {newest.path}", remedy)
    elif newest is None:
        if one.status != adr.DRAFT:
            verb = {adr.ACCEPTED: "accept", adr.REJECTED: "reject"}.get(one.status, "supersede")
            remedy = f"Run `remembrancer adr {verb} {one.number}`, and stage what it writes: git add {FOLDER}"
            yield refusal(CHECK, "adr.unrecorded", path, f"says {one.status}, and no receipt records it", remedy)
    elif hashlib.sha256(data).hexdigest() != newest.text:
        yield _edited(path, "was edited after it was recorded")


def _edited(path: str, what: str) -> Finding:
    remedy = (
        f"Take it back (git restore --source=HEAD --staged --worktree -- {path}), "
        "or write a new decision that supersedes it: remembrancer adr create."
    )
    return refusal(CHECK, "adr.edited", path, what, remedy)
