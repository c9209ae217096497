"""The verdict on everything: the trust, the log, and every receipt, blob, tile and proof in it."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from remembrancer.audit import complete
from remembrancer.audit.complete import Progress
from remembrancer.audit.gather import open_ledger
from remembrancer.audit.session import Session
from remembrancer.audit.verdict import Verdict, remember_verified, untrusted
from remembrancer.errors import Rejected, Unverifiable
from remembrancer.findings import negative
from remembrancer.paths import CHECKPOINT
from remembrancer.verify.artifact import trust_finding

Watched = Callable[[int], AbstractContextManager[Progress]]
"""From the size of the log to a context whose value is told how far the audit has come."""


def judge_everything(session: Session, *, kept: bytes | None, watched: Watched) -> Verdict:
    """Audit the repository; `kept` is a signed checkpoint of earlier that the log must extend, or None.

    Remembers the checkpoint when everything is verified. Raises as `complete.audit_everything`.
    """
    try:
        trusted = session.trusted()
    except (Rejected, Unverifiable) as error:
        return untrusted(str(session.root), error)
    verdict = Verdict(str(session.root), [trust_finding(trusted)], str(trusted.policy.profile))
    log = open_ledger(session.repository, trusted.policy)
    if log.view is None:
        trouble = log.trouble or Rejected("log.missing", "there is no ledger")
        verdict.findings.append(negative("checkpoint", CHECKPOINT, trouble))
        return verdict
    with watched(log.view.size) as progress:
        whole = complete.audit_everything(session, trusted, log.view, kept=kept, progress=progress)
    verdict.findings.extend(whole.findings)
    if log.view.witnessed:
        size, upto = log.view.size, log.view.witnessed.size
        message = (
            f"the checkpoint of size {size} lacks witnesses that the policy requires; up to size {upto} it has them"
        )
        verdict.findings.append(negative("checkpoint", CHECKPOINT, Rejected("log.unwitnessed", message)))
    session.notices += whole.notices
    remember_verified(session, log.view, verdict.findings, trusted.policy)
    data = {"size": log.view.size, "root": log.view.root.hex(), "counts": whole.counts}
    return verdict._replace(data=data)
