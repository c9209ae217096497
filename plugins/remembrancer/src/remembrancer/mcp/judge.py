"""From findings and standings to a verdict in this program's own words; what names files goes to the quoted part."""

from collections.abc import Iterable, Sequence

from remembrancer.findings import Finding, Outcome
from remembrancer.mcp import shapes
from remembrancer.mcp.quoted import clean
from remembrancer.memory.standing import Seals, Standing, State
from remembrancer.reasons import REASONS


def check_of(finding: Finding) -> shapes.Check:
    """Return a finding without what it says about whom."""
    known = REASONS.get(finding.code)
    good = finding.outcome is Outcome.VERIFIED
    return shapes.Check(
        check=clean(finding.check, 40),
        outcome=finding.outcome.value,
        code=clean(finding.code, 60),
        cause="" if good or known is None else known.cause,
        remedy="" if good or known is None else known.remedy,
    )


def finding_of(finding: Finding) -> shapes.Finding:
    """Return what a finding says about whom."""
    return shapes.Finding(subject=clean(finding.subject), message=clean(finding.message))


def stands(one: Standing) -> shapes.Stands:
    """Return a standing without its sentence."""
    return shapes.Stands(state=one.state.value, code=one.code, leaf=one.leaf)


def outcome(findings: Iterable[Finding], standings: Sequence[Standing], *, needs_items: bool) -> shapes.Outcome:
    """Return the worst of all: failed before unverifiable before verified; nothing at all is never verified."""
    found = {finding.outcome for finding in findings}
    states = {one.state for one in standings}
    if Outcome.FAILED in found or State.FAILED in states:
        return "failed"
    if Outcome.UNVERIFIABLE in found or not found or states - {State.SEALED} or (needs_items and not standings):
        return "unverifiable"
    return "verified"


def verdict(
    seals: Seals,
    now: str,
    *,
    findings: Sequence[Finding] | None = None,
    standings: Sequence[Standing] = (),
    needs_items: bool = True,
    profile: str | None = None,
) -> shapes.Verdict:
    """Return the verdict on an answer; `findings` are by default those on trust and checkpoint."""
    findings = seals.findings if findings is None else findings
    view = seals.view
    said = (seals.profile if profile is None else profile) or "none"
    return shapes.Verdict(
        outcome=outcome(findings, standings, needs_items=needs_items),
        at=now,
        profile="production" if said == "production" else "development" if said == "development" else "none",
        checkpoint=None
        if view is None
        else shapes.Checkpoint(origin=clean(view.signed.checkpoint.origin), size=view.size, root=view.root.hex()),
        checks=[check_of(one) for one in findings],
        items=[stands(one) for one in standings],
    )
