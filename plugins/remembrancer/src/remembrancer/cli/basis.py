"""What `drift` is judged by: the ledger here, or a proof file, and who vouches for the template's tag."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from remembrancer.cli.common import Session

if TYPE_CHECKING:
    from datetime import datetime

    from remembrancer.findings import Finding
    from remembrancer.standard.drift import Generation
    from remembrancer.standard.proven import Blob, Recorded
    from remembrancer.trust.establish import Trusted
    from remembrancer.verify.log import LogView


class Basis(NamedTuple):
    """What drift is judged by: proven receipts, their generations, their blobs, and when a leaf provably existed."""

    recorded: "Recorded"
    generations: "list[Generation]"
    blob: "Blob"
    dated: "Callable[[int], datetime | None]"


def from_proof(session: Session, trusted: "Trusted", findings: "list[Finding]", path: Path) -> Basis:
    """Return what a proof file proves under the policy; adds the finding about what was seen of the log before."""
    from remembrancer.audit.remembered import compare_proof, remember
    from remembrancer.cli.one_proof import read_file
    from remembrancer.standard.portable import MAX_BYTES, read

    held = read(read_file(path, MAX_BYTES))
    recorded = held.recorded(trusted.policy)
    view = held.view(trusted.policy)
    before = compare_proof(view, session.state, None)
    findings += [before] if before else []
    if before is None or before.outcome == "verified":
        notice = remember(view, session.state)
        session.notices += [notice] if notice else []
    session.notices.append(
        f"the proof covers the ledger up to size {recorded.size}; whether something newer exists, only the ledger shows"
    )
    return Basis(recorded, recorded.generations(held.blob), held.blob, lambda _: None)


def from_ledger(session: Session, trusted: "Trusted", findings: "list[Finding]", target: Path | None) -> Basis:
    """Return what the log proves; adds the findings about the log itself and about what is not in it yet."""
    from remembrancer.audit.gather import open_ledger, stamps
    from remembrancer.audit.remembered import compare, remember
    from remembrancer.errors import Rejected
    from remembrancer.standard.proven import read_log, unsealed
    from remembrancer.verify.stamps import StampedTimes

    log = open_ledger(session.repository, trusted.policy)
    if log.view is None:
        raise log.trouble or Rejected("log.missing", "there is no ledger")
    recorded = read_log(session.repository.ledger_reader, log.view.size, log.view.root)
    before = compare(log.view, session.state, session.repository, trusted.policy.seal_branch)
    findings += [before] if before else []
    if before is None or before.outcome == "verified":
        notice = remember(log.view, session.state)
        session.notices += [notice] if notice else []
    findings += unsealed(session.root, recorded)
    if target:
        _export(session, recorded, log.view, target)
    times = StampedTimes(log.view, stamps(session.repository), trusted, session.clock.now())
    blob = session.repository.blob
    of = trusted.policy.require.timestamps
    return Basis(recorded, recorded.generations(blob), blob, lambda leaf: times.earliest(leaf, of=of))


def tags(session: Session, trusted: "Trusted", basis: Basis, paths: tuple[Path, ...]) -> "list[Finding]":
    """Return who vouches for the templates' tags; a signature by a key that nobody named is a notice."""
    from remembrancer.errors import Rejected, Unverifiable
    from remembrancer.standard.drift import current
    from remembrancer.standard.tag import signs_templates
    from remembrancer.verify.artifact import negative, positive

    answers = []
    for layer, one in sorted(current(basis.generations).items()):
        template = one.receipt.predicate["template"]
        start = one.receipt.predicate.get("from", {})
        if "movedTo" in start:
            session.notices.append(
                f"the tag {start['version']} had been moved from {start['commit']} to {start['movedTo']} "
                f"when {layer} was updated"
            )
        if "tagSignature" not in template:
            if paths or signs_templates(trusted):
                error = Rejected("sig.missing", f"no signed tag is recorded for {one.version}")
                answers.append(negative("template", layer, error))
            continue
        from remembrancer.cli.one_proof import read_file
        from remembrancer.standard.tag import check, keys_of

        keys = keys_of(trusted, [read_file(path) for path in paths])
        if not keys.certificates:
            session.notices.append(f"the tag {one.version} is signed; --template-key FILE says whose signature counts")
            continue
        try:
            tag = basis.blob(template["tagSignature"])
            vouched = check(tag, template, keys, basis.dated(one.leaf), session.clock.now())
        except (Rejected, Unverifiable) as error:
            answers.append(negative("template", layer, error))
        else:
            answers.append(positive("template", layer, f"the tag {one.version} is signed", vouched.who, vouched.when))
    return answers


def _export(session: Session, recorded: "Recorded", view: "LogView", target: Path) -> None:
    from remembrancer.standard.portable import export
    from remembrancer.system.files import write_whole

    data = export(recorded, view, session.repository.blob)
    write_whole(target, data)
    session.notices.append(f"wrote {target} ({len(data)} bytes)")
