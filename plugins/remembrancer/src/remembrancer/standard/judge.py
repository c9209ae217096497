"""Which standard built this repository, and does it hold? The whole question, for every front end."""

from collections.abc import Sequence
from pathlib import Path

from remembrancer.audit.session import Session
from remembrancer.audit.verdict import Verdict, untrusted
from remembrancer.errors import Rejected, Unverifiable
from remembrancer.findings import negative
from remembrancer.named import NamedTuple
from remembrancer.paths import LEDGER
from remembrancer.standard.basis import from_ledger, from_proof, tags
from remembrancer.standard.drift import Drift, Generation, current, findings, judge
from remembrancer.standard.on_disk import Files, work_tree
from remembrancer.standard.portable import MAX_BYTES
from remembrancer.standard.proven import Recorded, listed_waivers, standard_findings
from remembrancer.standard.said import explained
from remembrancer.system.digests import read_given
from remembrancer.verify.artifact import trust_finding


class Compared(NamedTuple):
    """The files as they were compared, the newest generation of each layer, and the proven receipts behind both."""

    drift: Drift
    newest: dict[str, Generation]
    recorded: Recorded


def judge_drift(
    session: Session,
    *,
    proof: Path | None = None,
    target: Path | None = None,
    template_keys: Sequence[Path] = (),
    policy_file: Path | None = None,
    files: Files | None = None,
) -> tuple[Verdict, Compared | None]:
    """Compare every file of the standard with what the ledger (or a proof file) proves was rendered.

    Returns the verdict, and what was compared; None when it did not come to that. With `target` a proof file is written
    there; `template_keys` are certificates that must have signed the template's tag; `files` are compared instead of
    those in the work tree. Raises BadInput, EnvironmentTrouble.
    """
    try:
        trusted = session.trusted_under(policy_file)
    except (Rejected, Unverifiable) as error:
        return untrusted(str(session.root), error, policy_file), None
    verdict = Verdict(str(session.root), [trust_finding(trusted)], str(trusted.policy.profile))
    try:
        if proof:
            basis = from_proof(session, trusted, verdict.findings, read_given(proof, MAX_BYTES), str(proof))
        else:
            basis = from_ledger(session, trusted, verdict.findings, target)
    except Rejected as error:
        verdict.findings.append(negative("standard", str(proof or LEDGER), error))
        return verdict, None
    vouched = tags(session, trusted, basis, [read_given(path) for path in template_keys])
    newest = current(basis.generations)
    there = files or work_tree(session.root)
    disk, runs = there.digests(list(newest.values())), there.runnable(list(newest.values()))
    listed, recorded = listed_waivers(session.repository), basis.recorded
    result = judge(basis.generations, disk, listed, recorded.waivers(), session.clock.now(), runnable=runs)
    drifted = explained(session.root, findings(result, newest), newest)
    verdict.findings.extend([*vouched, *standard_findings(newest, recorded.size), *drifted])
    return verdict, Compared(result, newest, recorded)
