"""The complete audit of every service in a fleet, each under the owner that the fleet has pinned.

It is `remembrancer verify-audit` of a clone, in one pool over the mirrors: every receipt, blob, tile and proof, and the
history of the branch. What was seen of a log is remembered for the whole fleet, so that one that went back or forked
between two runs is noticed, and the evidence of a fork is kept in that memory.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from aurora.fleet import top
from aurora.fleet.audited import Audit, Audited, Problem
from aurora.fleet.evidence import digests
from aurora.fleet.facts import session_of
from aurora.fleet.kept import Asked, supersede
from aurora.fleet.listed import Fleet
from aurora.fleet.mirrors import known
from aurora.fleet.pool import Trouble, each
from aurora.fleet.row import UNREACHABLE
from aurora.fleet.shard import WHOLE, Shard
from aurora.fleet.status import questions
from aurora.foreign.cloned import Cloned, as_cloned, opened
from aurora.words import one_line
from remembrancer.audit.whole import judge_everything
from remembrancer.clock import Clock, SystemClock, rfc3339
from remembrancer.errors import RemembrancerError
from remembrancer.findings import Outcome

MOST_PROBLEMS = 20  # that are told of one service; its own verify-audit names them all
MAX_LOG = 200_000  # entries of one service's log
_VERDICTS = {0: "verified", 1: "failed", 3: "unverifiable"}


def audit(
    fleet: Fleet,
    cache: Path,
    memory: Path,
    *,
    shard: Shard = WHOLE,
    listed: str = "",
    jobs: int | None = None,
    watched: Callable[[Audited], None] = lambda _: None,
    clock: Clock | None = None,
) -> Audit:
    """Audit the services that a fleet lists, as their mirrors in `cache` have them.

    `memory` is where the fleet remembers logs and policies, and keeps evidence of forks; `shard` says which share
    `fleet.services` already is, of the list with the digest `listed`. Raises EnvironmentTrouble.
    """
    at = (clock or SystemClock()).now()
    found = []
    for asked, answer in each(judged, questions(fleet, cache, memory, at), jobs, deadline=600.0):
        blank = Audited(asked.name, asked.url, "failed")
        found.append(_refused(blank, answer) if isinstance(answer, Trouble) else answer)
        watched(found[-1])
    kept = digests(memory)
    rows = (replace(one, evidence=kept[one.origin]) if one.origin in kept else one for one in found)
    by_name = tuple(sorted(rows, key=lambda one: one.name))
    return Audit(fleet.name, rfc3339(at), by_name, str(memory), str(shard), listed)


def judged(asked: Asked) -> Audited:
    """Audit one service. Raises EnvironmentTrouble."""
    there = known(asked.mirror)
    blank = Audited(asked.name, asked.url, "unreachable", there.code, there.message, there.commit)
    if there.code:  # what it is now nobody knows; an older state's verdict would be no answer
        return blank if there.code in UNREACHABLE else _as(blank, "failed")
    if not asked.owner:
        return _as(blank, "unverifiable", "trust.unpinned", "nobody has pinned the owner of its policy")
    supersede(asked, there.commit)
    with opened(asked.mirror, there.commit) as (tree, folder):
        try:
            top.check(tree)
            as_cloned(tree, folder)
            return _judged(asked, folder, blank)
        except RemembrancerError as error:
            return _refused(blank, error)


def _judged(asked: Asked, folder: Path, blank: Audited) -> Audited:
    session = session_of(asked, folder)
    session.repository = Cloned(session.root, blank.commit)
    try:
        claimed = session.ledger.claimed()
    except RemembrancerError:
        claimed = None  # the audit names it
    if claimed and claimed.size > MAX_LOG:
        return _as(blank, "failed", "fleet.oversized", f"its log claims {claimed.size} entries")
    verdict = judge_everything(session, kept=None, watched=lambda _: nullcontext(lambda _done, _whole: None))
    bad = [one for one in verdict.findings if one.outcome is Outcome.FAILED]
    bad += [one for one in verdict.findings if one.outcome is Outcome.UNVERIFIABLE]
    problems = tuple(Problem(one.check, one.code, one_line(one.subject), one_line(one.message)) for one in bad)
    first = problems[0] if problems else Problem("", "", "", "")
    named = not first.subject or first.subject in first.message
    return Audited(
        asked.name,
        asked.url,
        _VERDICTS[verdict.exit_code],
        first.code,
        first.message if named else f"{first.subject}: {first.message}",
        blank.commit,
        one_line(claimed.origin) if claimed else "",
        int(verdict.data.get("size", 0)),
        str(verdict.data.get("root", "")),
        problems[:MOST_PROBLEMS],
        tuple(map(one_line, session.notices[:MOST_PROBLEMS])),
    )


def _refused(blank: Audited, error: RemembrancerError | Trouble) -> Audited:
    return _as(blank, "unverifiable" if error.exit_code == 3 else "failed", error.code, error.message)


def _as(blank: Audited, verdict: str, code: str = "", message: str = "") -> Audited:
    shown = one_line(message or blank.message)
    return Audited(blank.name, blank.url, verdict, code or blank.code, shown, blank.commit)
