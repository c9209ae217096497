"""Finding the evidence in a repository, and judging it. Writes nothing into the repository.

A session is a repository and whom its user trusts there. Here a release is made first, with throw-away keys:

>>> from pathlib import Path
>>> from remembrancer.audit import Session, judge_artifact
>>> from remembrancer.record import Given, record_deploy, seal_after, sign, start_development, timestamp
>>> from remembrancer.user import State
>>> root = Path("my-svc").resolve()
>>> (root / "dist").mkdir(parents=True)
>>> artifact = root / "dist/my-svc-1.0.0.tar.gz"
>>> _ = artifact.write_bytes(b"what is released")
>>> session = Session(root, state=State(root.parent / "state"))
>>> _ = start_development(session, "my-svc")
>>> _ = sign(session, artifact, None, wait=True), timestamp(session, artifact, None, wait=True)
>>> _ = record_deploy(session, Given("my-svc", "1.0.0"))
>>> _ = seal_after(session, wait=False)

A verdict is a list of findings, each verified, failed or unverifiable, and the exit code that they add up to:

>>> verdict = judge_artifact(session, artifact, full=True)
>>> verdict.exit_code, [finding.check for finding in verdict.findings]
(0, ['trust', 'hash', 'signature', 'timestamp', 'inclusion', 'checkpoint'])

For whoever has not pinned the owner the same release is unverifiable:

>>> stranger = Session(root, state=State(root.parent / "elsewhere"))
>>> verdict = judge_artifact(stranger, artifact, full=True)
>>> verdict.exit_code, verdict.findings[0].code
(3, 'trust.unpinned')

Other bytes under the same name are refused, whatever lies beside them:

>>> _ = artifact.write_bytes(b"what was never released")
>>> verdict = judge_artifact(session, artifact, full=True)
>>> verdict.exit_code, verdict.findings[1].code
(1, 'hash.mismatch')
"""

from typing import TYPE_CHECKING

from remembrancer.lazy import attach

if TYPE_CHECKING:
    from remembrancer.audit.gather import gather as gather_evidence
    from remembrancer.audit.gather import open_ledger
    from remembrancer.audit.one_receipt import judge_receipt
    from remembrancer.audit.session import Session
    from remembrancer.audit.status import Status
    from remembrancer.audit.status import status as status_of
    from remembrancer.audit.travel import export_proof, export_trust, judge_proof
    from remembrancer.audit.verdict import Verdict, judge_artifact
    from remembrancer.audit.whole import judge_everything
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "gather": "gather as gather_evidence, open_ledger",
            "one_receipt": "judge_receipt",
            "session": "Session",
            "status": "Status, status as status_of",
            "travel": "export_proof, export_trust, judge_proof",
            "verdict": "Verdict, judge_artifact",
            "whole": "judge_everything",
        },
    )

__all__ = [
    "Session",
    "Status",
    "Verdict",
    "export_proof",
    "export_trust",
    "gather_evidence",
    "judge_artifact",
    "judge_everything",
    "judge_proof",
    "judge_receipt",
    "open_ledger",
    "status_of",
]
