"""What drift is judged by: the ledger here, or a proof file, and who vouches for the template's tag."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from remembrancer.audit.gather import open_ledger, stamps
from remembrancer.audit.remembered import compare_proof
from remembrancer.audit.session import Session
from remembrancer.audit.travel import write_proof
from remembrancer.audit.verdict import compare_and_remember, remember_verified
from remembrancer.errors import Rejected, Unverifiable
from remembrancer.findings import Finding, negative, positive
from remembrancer.named import NamedTuple
from remembrancer.paths import RECEIPTS
from remembrancer.receipt.statement import relative_path
from remembrancer.standard import portable
from remembrancer.standard.drift import Generation, current
from remembrancer.standard.proven import Blob, Recorded, read_log, unproven, unsealed
from remembrancer.standard.tag import check, keys_of, signs_templates
from remembrancer.trust.establish import Trusted
from remembrancer.verify.log import LogView
from remembrancer.verify.stamps import StampedTimes, agreed_under
from remembrancer.verify.whole import PolicyVersions


class Basis(NamedTuple):
    """What drift is judged by: proven receipts, their generations, their blobs, and when a leaf provably existed."""

    recorded: Recorded
    generations: list[Generation]
    blob: Blob
    dated: Callable[[int], datetime | None]


def from_proof(session: Session, trusted: Trusted, findings: list[Finding], data: bytes, where: str) -> Basis:
    """Return what a proof file proves under the policy; adds the finding about what was seen of the log before.

    Raises BadInput(proof.malformed, proof.size), Rejected.
    """
    held = portable.read(data)
    recorded = held.recorded(trusted.policy)
    view = held.view(trusted.policy)
    before = compare_proof(view, session.state, None)
    known = [before] if before else []
    findings += known
    remember_verified(session, view, known)
    generations = recorded.generations(held.blob)
    findings += unproven(session.root, recorded, current(generations), where)
    if recorded.complete:
        session.notice(
            f"the proof covers the ledger up to size {recorded.size}; what it received since, only the ledger shows"
        )
    return Basis(recorded, generations, held.blob, lambda _: None)


def from_ledger(session: Session, trusted: Trusted, findings: list[Finding], target: Path | None) -> Basis:
    """Return what the log proves; adds the findings about the log itself and about what is not in it yet.

    With `target` what it proves is also written there as a proof file. Raises Rejected, EnvironmentTrouble.
    """
    log = open_ledger(session.repository, trusted.policy)
    if log.view is None:
        raise log.trouble or Rejected("log.missing", "there is no ledger")
    policies = PolicyVersions()
    recorded = read_log(session.repository.ledger_reader, log.view.size, log.view.root, policies)
    policies.refuse(trusted.policy)
    findings += compare_and_remember(session, trusted, log.view)
    findings += unsealed(session.store, recorded)
    blob = session.repository.blob
    known = recorded.generations(blob)
    for one in current(known).values():
        log.view.refuse_unwitnessed(one.leaf, f"{RECEIPTS}/{relative_path(one.receipt)}")
    if target:
        _export(session, recorded, log.view.up_to_witnessed(), target)
    times = StampedTimes(log.view, stamps(session.repository), trusted, session.clock.now())
    require = trusted.policy.require
    of = max(rule.timestamps for rule in require.rules)
    return Basis(
        recorded,
        known,
        blob,
        lambda leaf: agreed_under(times.by_authority(leaf, of=of), require),
    )


def tags(session: Session, trusted: Trusted, basis: Basis, given: Sequence[bytes]) -> list[Finding]:
    """Return who vouches for the templates' tags; a signature by a key that nobody named is a notice.

    `given` are certificates that count instead of those of the policy's signers for templates.
    """
    answers = []
    for layer, one in sorted(current(basis.generations).items()):
        template = one.receipt.predicate["template"]
        start = one.receipt.predicate.get("from", {})
        if "movedTo" in start:
            session.notice(
                f"the tag {start['version']} had been moved from {start['commit']} to {start['movedTo']} "
                f"when {layer} was updated"
            )
        if "tagSignature" not in template:
            if given or signs_templates(trusted):
                error = Rejected("sig.missing", f"no signed tag is recorded for {one.version}")
                answers.append(negative("template", layer, error))
            continue
        keys = keys_of(trusted, given)
        if not keys.certificates:
            session.notice(f"the tag {one.version} is signed; --template-key FILE says whose signature counts")
            continue
        try:
            tag = basis.blob(template["tagSignature"])
            vouched = check(tag, template, keys, basis.dated(one.leaf), session.clock.now())
        except (Rejected, Unverifiable) as error:
            answers.append(negative("template", layer, error))
        else:
            answers.append(positive("template", layer, f"the tag {one.version} is signed", vouched.who, vouched.when))
    return answers


def _export(session: Session, recorded: Recorded, view: LogView, target: Path) -> None:
    if view.size < recorded.size:
        recorded = recorded.up_to(view.size)
        session.notice(f"the proof covers the ledger up to size {view.size}, which witnesses have seen")

    def entries(start: int) -> Iterator[bytes]:
        return (entry for index, entry in session.ledger.entries(start) if index < view.size)

    data = portable.export(recorded, view, session.repository.blob, entries)
    write_proof(target, data)
    session.notice(f"wrote {target} ({len(data)} bytes)")
