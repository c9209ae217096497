"""The facts of one service, read from its mirror without a checkout, and kept until the commit or the day changes.

Nothing that a repository says about itself counts as proven: its policy is judged under the owner that the fleet has
pinned, its standards and waivers are what the verified ledger states. Without a pin a row shows what the answers files
claim, and says so.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

from aurora import __version__
from aurora.fleet import row as rows
from aurora.fleet.mirrors import Known, known
from aurora.fleet.mirrors import replace as write
from aurora.fleet.objects import Objects, Tree, borrow
from aurora.fleet.row import (
    Ending,
    Layer,
    Ledger,
    Release,
    Row,
    Seeded,
    Standard,
    Step,
    Trust,
    Waiver,
    Witnesses,
    printable,
)
from aurora.fleet.unpack import SINGLE, compared, unpack
from remembrancer.audit.expiry import SOON, endings, last_stamp
from remembrancer.audit.gather import open_ledger
from remembrancer.audit.one_receipt import judge_receipt
from remembrancer.audit.session import Session
from remembrancer.clock import parse_rfc3339, rfc3339
from remembrancer.errors import EnvironmentTrouble, RemembrancerError, Unverifiable
from remembrancer.findings import Finding, Outcome
from remembrancer.paths import RECEIPTS
from remembrancer.receipt.statement import Receipt, parse, relative_path
from remembrancer.standard.drift import Drift, Generation
from remembrancer.standard.generations import ANSWERS, answers_said, in_order
from remembrancer.standard.judge import Compared, judge_drift
from remembrancer.standard.proven import Recorded
from remembrancer.standard.said import explained
from remembrancer.tlog.tile import Tile, TileError, read_bundle
from remembrancer.user.state import Remembered, State
from remembrancer.verify.log import LogView, cosigners

RENOVATE = (
    *("renovate.json", "renovate.json5", ".renovaterc", ".renovaterc.json", ".renovaterc.json5"),
    *(".github/renovate.json", ".github/renovate.json5", ".gitlab/renovate.json", ".gitlab/renovate.json5"),
)
CATALOG = ("catalog-info.yaml", "catalog-info.yml")
_RATING = re.compile(r"(?m)^\*\*Rating\*\*: (\d{1,2}(?:\.\d)?)/10\s*$", re.ASCII)
_MAX_TEXT = 1 << 20
_LONGEST = timedelta(hours=24)  # facts are read again after a day: keys end, and so do exceptions
_OK = {0: "verified", 1: "failed", 3: "unverifiable"}


class Asked(NamedTuple):
    """What a worker is asked: a service, whom it is judged under, where mirror, facts and memory are, and when it is.

    This is also the clock of everything that is judged: one run has one time.
    """

    name: str
    url: str
    branch: str
    owner: str
    mirror: Path
    kept: Path
    memory: Path
    at: datetime

    def now(self) -> datetime:
        """Return the time of the run (UTC)."""
        return self.at


def facts(asked: Asked) -> Row:
    """Return the row of one service; whatever is wrong with it is in the row. Raises nothing but EnvironmentTrouble."""
    there = known(asked.mirror)
    blank = Row(asked.name, asked.url, asked.branch, there.commit, synced_at=there.at)
    if not there.commit:
        return replace(blank, code=there.code, message=there.message)
    found = _kept(asked, there.commit, asked.now())
    if found is None:
        found = _fresh(asked, there, blank)
        _keep(asked, found, asked.now())
    found = replace(found, synced_at=there.at)
    if there.code:  # what was read stays readable, but it is not what the repository is now
        found = replace(found, code=there.code, message=there.message)
    return found


def _fresh(asked: Asked, there: Known, blank: Row) -> Row:
    with opened(asked.mirror, there.commit) as (tree, folder):
        row = blank
        try:
            at = rfc3339(datetime.fromtimestamp(tree.seconds, UTC)) if tree.seconds else ""
            row = _shown(tree, replace(blank, committed_at=at))
            unpack(tree, folder)
            return _judged(asked, tree, folder, row)
        except RemembrancerError as error:
            verdict = {1: "failed", 3: "unverifiable"}.get(error.exit_code, "failed")
            return replace(row, verdict=verdict, code=error.code, message=printable(error.message))


@contextmanager
def opened(mirror: Path, commit: str) -> Iterator[tuple[Tree, Path]]:
    """Give the tree of a mirror's commit and an empty folder, both gone at the end. Raises EnvironmentTrouble."""
    base = Path(mkdtemp(prefix="aurora-fleet-"))
    try:
        borrow(base / "git", mirror)
        folder = base / "tree"
        folder.mkdir()
        with Objects(base / "git") as objects:
            yield Tree(objects, commit), folder
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _shown(tree: Tree, row: Row) -> Row:
    """Return a row with what anybody sees in the files, proven or not."""
    said = (
        answers_said(name, (tree.read(name, _MAX_TEXT) or b"").decode("utf-8", "replace")) for name in ANSWERS.values()
    )
    layers = [Layer(one.layer, printable(one.version), printable(one.source)) for one in said if one]
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
    row = _with_findings(row, _in_words(asked, tree, folder, verdict.findings, compared_files))
    first = verdict.findings[0]
    if first.outcome is not Outcome.VERIFIED:
        kind = "failed" if first.outcome is Outcome.FAILED else "unverifiable"
        return replace(row, trust=Trust(kind, first.code, asked.owner))
    if compared_files is not None:
        row = _with_standards(row, compared_files)
    try:
        row = _with_ledger(session, row)
        return _with_receipts(session, row)
    except RemembrancerError as error:
        if row.code:  # what came first says why
            return row
        return replace(row, verdict="failed", code=error.code, message=printable(error.message))


def _in_words(asked: Asked, tree: Tree, folder: Path, findings: list[Finding], found: Compared | None) -> list[Finding]:
    """Return the findings with what was said in an edited answers file; only that needs the history."""
    if found is None or not any(one.code == "drift.changed" and one.subject in SINGLE for one in findings):
        return findings
    borrow(folder / ".git", asked.mirror, "main", tree.commit)
    return explained(folder, findings, found.newest)


def _with_findings(row: Row, findings: list[Finding]) -> Row:
    """Return a row with what the proofs come to; drift and what waits for decisions is told apart."""
    aside = [one for one in findings if one.code.startswith("drift.") or one.code == "receipt.held"]
    proofs = [one for one in findings if one not in aside]
    failed = [one for one in proofs if one.outcome is Outcome.FAILED]
    unknown = [one for one in proofs if one.outcome is Outcome.UNVERIFIABLE]
    verdict = "failed" if failed else "unverifiable" if unknown else "verified"
    unrecorded = [one for one in aside if one.code == "drift.unrecorded"]
    bad = [*failed, *unrecorded, *unknown, *(one for one in aside if one.outcome is not Outcome.VERIFIED)]
    if verdict == "verified" and unrecorded:
        verdict = "failed"
    if not bad:
        return replace(row, verdict=verdict)
    said = bad[0].message if bad[0].subject in bad[0].message else f"{bad[0].subject}: {bad[0].message}"
    return replace(row, verdict=verdict, code=bad[0].code, message=printable(said))


def _with_ledger(session: Session, row: Row) -> Row:
    trusted, repository, now = session.trusted(), session.repository, session.clock.now()
    policy = trusted.policy
    ends = tuple(Ending(printable(one.what), one.until, one.near(now)) for one in endings(trusted, repository))
    trust = Trust("verified", "", trusted.owner, str(policy.profile), policy.version, ends)
    view = open_ledger(repository, policy).view
    if view is None:
        return replace(row, trust=trust)
    ledger = Ledger(policy.origin, view.size, _newest(session, view), last_stamp(repository, view.size))
    named = len(policy.quorum.witnesses)
    upto = view.witnessed.size if view.witnessed else view.size
    witnesses = Witnesses(named, len(cosigners(view.signed, policy)), upto) if named else None
    return replace(row, trust=trust, ledger=ledger, witnesses=witnesses)


def _newest(session: Session, view: LogView) -> str:
    """Return when the log's last receipt says that it was recorded."""
    if not view.size:
        return ""
    last = view.size - 1
    try:
        bundle = read_bundle(session.repository.ledger_reader, Tile(None, last // 256, last % 256 + 1))
    except (TileError, FileNotFoundError):
        return ""  # what is wrong with the log has its own finding
    return str(parse(bundle[-1]).predicate.get("recordedAt", ""))


def _with_standards(row: Row, found: Compared) -> Row:
    drift, newest, recorded = found
    claimed = {one.layer: one for one in row.layers}
    proven = [_layer(layer, one, drift, _history(recorded, layer)) for layer, one in sorted(newest.items())]
    others = [one for layer, one in claimed.items() if layer not in newest]
    waivers = tuple(
        Waiver(printable(one.path), printable(one.waiver.owner), one.waiver.expires, one.code)
        for one in drift.files
        if one.waiver is not None
    )
    return replace(row, layers=tuple(sorted([*proven, *others], key=lambda one: one.layer)), waivers=waivers)


def _history(recorded: Recorded, layer: str) -> tuple[Step, ...]:
    """Return the versions that the log states of a layer, oldest first."""
    known = [one for one, _ in recorded.receipts if one.kind != "waiver" and one.predicate["layer"] == layer]
    said = ((str(one.predicate["recordedAt"]), one.predicate["template"]["version"]) for one in in_order(known))
    return tuple(Step(at, printable(version)) for at, version in said)


def _layer(layer: str, one: Generation, drift: Drift, history: tuple[Step, ...]) -> Layer:
    seeded = [file for file in drift.seeded if file.layer == layer]
    missing = sum(file.missing for file in seeded)
    said: Mapping[str, str] = one.receipt.predicate["template"]
    return Layer(
        layer,
        printable(one.version),
        printable(str(said["source"])),
        str(said["commit"]),
        str(one.receipt.predicate["recordedAt"]),
        proven=True,
        standard=Standard(**drift.counts(layer)),
        seeded=Seeded(len(seeded), sum(file.edited for file in seeded) - missing, missing),
        drifted=sum(bool(file.code) for file in drift.files if file.layer == layer),
        history=history,
    )


def _with_receipts(session: Session, row: Row) -> Row:
    """Return a row with what waits for a seal or for decisions, and with the newest release."""
    waiting: list[Receipt] = []
    for path in session.ledger.pending():
        with suppress(RemembrancerError):
            waiting.append(session.store.read_receipt(path))
    held = [one for one in waiting if one.held]
    conflicts = sorted({printable(str(path)) for one in held for path in one.predicate["conflicts"]})
    ledger = replace(row.ledger, pending=len(waiting)) if row.ledger else None
    return replace(row, ledger=ledger, held=len(held), conflicts=tuple(conflicts[:100]), release=_release(session))


def _release(session: Session) -> Release | None:
    found: list[Receipt] = []
    for name in session.store.walk("deploy"):
        with suppress(RemembrancerError):
            found.append(session.store.read_receipt(name))
    if not found:
        return None
    newest = max(found, key=lambda one: (str(one.predicate["recordedAt"]), one.digest))
    said = newest.predicate
    _, verdict, _ = judge_receipt(session, session.root / RECEIPTS / relative_path(newest))
    bad = next((one.code for one in verdict.findings if one.outcome is not Outcome.VERIFIED), "")
    return Release(
        printable(str(said["component"])),
        printable(str(said["version"])),
        str(said["recordedAt"]),
        _OK[verdict.exit_code],
        bad,
    )


def _kept(asked: Asked, commit: str, now: datetime) -> Row | None:
    """Return what an earlier run read of this commit under this owner, while it counts."""
    try:
        said = json.loads(asked.kept.read_bytes())
        if said["key"] == _key(asked, commit) and parse_rfc3339(said["until"]) > now:
            return rows.read_row(said["row"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError, RemembrancerError):
        pass
    return None


def _keep(asked: Asked, found: Row, now: datetime) -> None:
    """Keep what was read until something in it may end; failing to is no trouble, it is then read again."""
    if found.code.startswith("env."):
        return
    ends = [one.until for one in found.trust.endings] if found.trust else []
    times = [parse_rfc3339(one) for one in (*ends, *(waiver.expires for waiver in found.waivers)) if one]
    later = [at for end in times for at in (end, end - SOON) if at > now]
    said = {
        "key": _key(asked, found.read_commit),
        "until": rfc3339(min([now + _LONGEST, *later])),
        "row": found.document(),
    }
    with suppress(OSError):
        write(asked.kept, json.dumps(said).encode())


def _key(asked: Asked, commit: str) -> str:
    return f"{__version__} {asked.owner} {commit}"


def kept_place(cache: Path, mirror: Path, owner: str, memory: Path) -> Path:
    """Return where the facts of a mirror are kept that were judged under an owner, beside a fleet's memory."""
    key = f"{mirror.name} {owner} {memory.absolute()}"
    return cache / "facts" / f"{sha256(key.encode()).hexdigest()[:32]}.json"


def forget(cache: Path, memory: Path, origin: str) -> tuple[Remembered, ...]:
    """Forget what a fleet has seen of a log, and what was read with that in mind; returns what was forgotten.

    Raises EnvironmentTrouble(env.state, env.io).
    """
    found = State(memory).forget(origin)
    try:
        shutil.rmtree(cache / "facts")
    except FileNotFoundError:
        pass
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"cannot remove {cache / 'facts'}: {error.strerror or error}") from None
    return found
