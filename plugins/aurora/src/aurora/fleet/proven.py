"""What the verified ledger of a service proves, as the parts of its row."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from aurora.fleet.parts import Ending, Layer, Ledger, Release, Seeded, Standard, Step, Trust, Waiver, Witnesses
from aurora.fleet.row import Row
from aurora.words import one_line
from remembrancer.audit.expiry import endings, last_stamp
from remembrancer.audit.gather import open_ledger
from remembrancer.audit.one_receipt import judge_receipt
from remembrancer.audit.session import Session
from remembrancer.errors import Rejected, RemembrancerError
from remembrancer.findings import Finding, Outcome
from remembrancer.paths import RECEIPTS
from remembrancer.receipt.statement import Receipt, parse, relative_path
from remembrancer.standard.drift import Drift, Generation
from remembrancer.standard.generations import in_order
from remembrancer.standard.judge import Compared
from remembrancer.standard.proven import Recorded
from remembrancer.tlog.tile import Tile, TileError, read_bundle
from remembrancer.verify.log import LogView, cosigners

_OK = {0: "verified", 1: "failed", 3: "unverifiable"}


def with_findings(row: Row, findings: list[Finding]) -> Row:
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
    return replace(row, verdict=verdict, code=bad[0].code, message=one_line(said))


def with_ledger(session: Session, row: Row) -> Row:
    """Return a row with the trust that its policy has, the log under it, and who has cosigned that.

    Raises RemembrancerError as reading those does.
    """
    trusted, repository, now = session.trusted(), session.repository, session.clock.now()
    policy = trusted.policy
    ends = tuple(Ending(one_line(one.what), one.until, one.near(now)) for one in endings(trusted, repository))
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


def with_standards(row: Row, found: Compared) -> Row:
    """Return a row with the layers that the log states, each with its drift, and with the waivers."""
    drift, newest, recorded = found
    claimed = {one.layer: one for one in row.layers}
    proven = [_layer(layer, one, drift, _history(recorded, layer)) for layer, one in sorted(newest.items())]
    others = [one for layer, one in claimed.items() if layer not in newest]
    waivers = tuple(
        Waiver(one_line(one.path), one_line(one.waiver.owner), one.waiver.expires, one.code)
        for one in drift.files
        if one.waiver is not None
    )
    return replace(row, layers=tuple(sorted([*proven, *others], key=lambda one: one.layer)), waivers=waivers)


def _history(recorded: Recorded, layer: str) -> tuple[Step, ...]:
    """Return the versions that the log states of a layer, oldest first."""
    known = [one for one, _ in recorded.receipts if one.kind != "waiver" and one.predicate["layer"] == layer]
    said = ((str(one.predicate["recordedAt"]), one.predicate["template"]["version"]) for one in in_order(known))
    return tuple(Step(at, one_line(version)) for at, version in said)


def _layer(layer: str, one: Generation, drift: Drift, history: tuple[Step, ...]) -> Layer:
    seeded = [file for file in drift.seeded if file.layer == layer]
    missing = sum(file.missing for file in seeded)
    said: Mapping[str, str] = one.receipt.predicate["template"]
    return Layer(
        layer,
        one_line(one.version),
        one_line(str(said["source"])),
        str(said["commit"]),
        str(one.receipt.predicate["recordedAt"]),
        proven=True,
        standard=Standard(**drift.counts(layer)),
        seeded=Seeded(len(seeded), sum(file.edited for file in seeded) - missing, missing),
        drifted=sum(bool(file.code) for file in drift.files if file.layer == layer),
        history=history,
    )


def with_receipts(session: Session, row: Row) -> Row:
    """Return a row with what waits for a seal or for decisions, and with the newest release.

    Raises RemembrancerError as reading those does.
    """
    waiting: list[Receipt] = []
    for path in session.ledger.pending(kept=False):
        with suppress(RemembrancerError):
            waiting.append(session.store.read_receipt(path))
    held = [one for one in waiting if one.held]
    conflicts = sorted({one_line(str(path)) for one in held for path in one.predicate["conflicts"]})
    ledger = replace(row.ledger, pending=len(waiting)) if row.ledger else None
    release, unread = _release(session)
    row = replace(row, ledger=ledger, held=len(held), conflicts=tuple(conflicts[:100]), release=release)
    if release and release.code and row.verdict == "verified":
        why = f"{release.component} {release.version}, the newest release, does not hold"
        row = replace(row, verdict=release.verdict, code=release.code, message=why)
    if unread and row.verdict != "failed":
        row = replace(row, verdict="failed", code=unread.code, message=one_line(unread.message))
    return row


def _release(session: Session) -> tuple[Release | None, Rejected | None]:
    """Return the newest release that can be read, and why another one cannot: it might be the newest."""
    found: list[Receipt] = []
    unread: Rejected | None = None
    for name in session.store.walk("deploy"):
        try:
            found.append(session.store.read_receipt(name))
        except Rejected as error:
            unread = unread or error
    if not found:
        return None, unread
    newest = max(found, key=lambda one: (str(one.predicate["recordedAt"]), one.digest))
    said = newest.predicate
    _, verdict, _ = judge_receipt(session, session.root / RECEIPTS / relative_path(newest))
    bad = next((one.code for one in verdict.findings if one.outcome is not Outcome.VERIFIED), "")
    named = (one_line(str(said["component"])), one_line(str(said["version"])), str(said["recordedAt"]))
    return Release(*named, _OK[verdict.exit_code], bad), unread
