"""The facts of one service, read from its mirror without a checkout, and kept until the commit or the day changes.

Nothing that a repository says about itself counts as proven: its policy is judged under the owner that the fleet has
pinned, its standards and waivers are what the verified ledger states. Without a pin a row shows what the answers files
claim, and says so.
"""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from aurora.fleet import top
from aurora.fleet.kept import Asked, keep, kept, supersede
from aurora.fleet.mirrors import Known, known
from aurora.fleet.parts import Layer, Trust
from aurora.fleet.proven import with_findings, with_ledger, with_receipts, with_standards
from aurora.fleet.row import Row
from aurora.foreign.cloned import opened
from aurora.foreign.objects import Tree, borrow
from aurora.foreign.unpack import SINGLE, compared, unpack
from aurora.words import one_line
from remembrancer.audit.session import Session
from remembrancer.clock import rfc3339
from remembrancer.errors import RemembrancerError, Unverifiable
from remembrancer.findings import Finding, Outcome
from remembrancer.standard.generations import ANSWERS, answers_said
from remembrancer.standard.judge import Compared, judge_drift
from remembrancer.standard.said import explained
from remembrancer.user.state import State

RENOVATE = (
    *("renovate.json", "renovate.json5", ".renovaterc", ".renovaterc.json", ".renovaterc.json5"),
    *(".github/renovate.json", ".github/renovate.json5", ".gitlab/renovate.json", ".gitlab/renovate.json5"),
)
CATALOG = ("catalog-info.yaml", "catalog-info.yml")
_RATING = re.compile(r"(?m)^\*\*Rating\*\*: (\d{1,2}(?:\.\d)?)/10\s*$", re.ASCII)
_MAX_TEXT = 1 << 20


def facts(asked: Asked) -> Row:
    """Return the row of one service; whatever is wrong with it is in the row. Raises nothing but EnvironmentTrouble."""
    there = known(asked.mirror)
    blank = Row(asked.name, asked.url, asked.branch, there.commit, synced_at=there.at)
    if not there.commit:
        return replace(blank, code=there.code, message=there.message)
    found = kept(asked, there.commit, asked.now())
    if found is None:
        supersede(asked, there.commit)
        found = _fresh(asked, there, blank)
        keep(asked, found, asked.now())
    found = replace(found, name=asked.name, url=asked.url, branch=asked.branch, synced_at=there.at)
    if there.code:  # what was read stays readable, but it is not what the repository is now
        found = replace(found, code=there.code, message=there.message)
    return found


def _fresh(asked: Asked, there: Known, blank: Row) -> Row:
    with opened(asked.mirror, there.commit) as (tree, folder):
        row = blank
        try:
            at = rfc3339(datetime.fromtimestamp(tree.seconds, UTC)) if tree.seconds else ""
            row = _shown(tree, replace(blank, committed_at=at))
            top.check(tree)
            unpack(tree, folder)
            return _judged(asked, tree, folder, row)
        except RemembrancerError as error:
            verdict = {1: "failed", 3: "unverifiable"}.get(error.exit_code, "failed")
            return replace(row, verdict=verdict, code=error.code, message=one_line(error.message))


def _shown(tree: Tree, row: Row) -> Row:
    """Return a row with what anybody sees in the files, proven or not."""
    said = (
        answers_said(name, (tree.read(name, _MAX_TEXT) or b"").decode("utf-8", "replace")) for name in ANSWERS.values()
    )
    layers = [Layer(one.layer, one_line(one.version), one_line(one.source)) for one in said if one]
    rating = _RATING.search(_text(tree, "README.md"))
    return replace(
        row,
        layers=tuple(sorted(layers, key=lambda one: one.layer)),
        rating=min(10.0, float(rating[1])) if rating else None,
        renovate=any(_is_file(tree, name) for name in RENOVATE),
        catalog=any(_is_file(tree, name) for name in CATALOG),
    )


def _text(tree: Tree, path: str) -> str:
    """Return a file's text, "" where there is none that anybody would read."""
    try:
        return (tree.read(path, _MAX_TEXT) or b"").decode("utf-8", "replace")
    except Unverifiable:
        return ""


def _is_file(tree: Tree, path: str) -> bool:
    found = tree.entry(path)
    return found is not None and found.is_file


def session_of(asked: Asked, folder: Path) -> Session:
    """Return a session that trusts the pinned owner alone, and remembers what this fleet has seen."""
    return Session(folder, owners=(asked.owner,), state=State(asked.memory), clock=asked, environ={})


def _judged(asked: Asked, tree: Tree, folder: Path, row: Row) -> Row:
    if not asked.owner:
        why = "nobody has pinned the owner of its policy in the fleet's list"
        trust = Trust("unverifiable", "trust.unpinned")
        return replace(row, verdict="unverifiable", code="trust.unpinned", message=why, trust=trust)
    session = session_of(asked, folder)
    verdict, compared_files = judge_drift(session, files=compared(tree))
    row = with_findings(row, _in_words(asked, tree, folder, verdict.findings, compared_files))
    first = verdict.findings[0]
    if first.outcome is not Outcome.VERIFIED:
        kind = "failed" if first.outcome is Outcome.FAILED else "unverifiable"
        return replace(row, trust=Trust(kind, first.code, asked.owner))
    if compared_files is not None:
        row = with_standards(row, compared_files)
    try:
        row = with_ledger(session, row)
        return with_receipts(session, row)
    except RemembrancerError as error:
        if row.code:  # what came first says why
            return row
        return replace(row, verdict="failed", code=error.code, message=one_line(error.message))


def _in_words(asked: Asked, tree: Tree, folder: Path, findings: list[Finding], found: Compared | None) -> list[Finding]:
    """Return the findings with what was said in an edited answers file; only that needs the history."""
    if found is None or not any(one.code == "drift.changed" and one.subject in SINGLE for one in findings):
        return findings
    borrow(folder / ".git", asked.mirror, tree.commit, "main")
    return explained(folder, findings, found.newest)
