"""How the ledger and its trust stand here; nothing of it is a verdict on a proof."""

from remembrancer.audit.expiry import Ending, endings, last_stamp
from remembrancer.audit.gather import open_ledger
from remembrancer.audit.session import Session
from remembrancer.errors import Rejected, RemembrancerError, Unverifiable
from remembrancer.named import NamedTuple
from remembrancer.trust.policy import Policy
from remembrancer.verify.evidence import Log


class Status(NamedTuple):
    """The trusted policy or (None) the trouble with it; its keys' ends; the log and its stamp; how much is pending."""

    policy: Policy | None
    trouble: RemembrancerError | None
    endings: tuple[Ending, ...]
    log: Log
    stamped: str
    pending: int

    @property
    def witnessed(self) -> int | None:
        """Up to which size the policy's witnesses vouch, None where nothing lacks them."""
        if self.log.view is None:
            return 0 if self.log.trouble is not None and self.log.trouble.code == "log.unwitnessed" else None
        return self.log.view.witnessed.size if self.log.view.witnessed else None


def status(session: Session) -> Status:
    """Return how things stand. Raises BadInput, Rejected for a damaged ledger, EnvironmentTrouble."""
    pending = len(list(session.ledger.pending()))
    try:
        trusted = session.trusted()
        ends = endings(trusted, session.repository)
    except (Rejected, Unverifiable) as error:
        return Status(None, error, (), Log(None), "", pending)
    log = open_ledger(session.repository, trusted.policy)
    stamped = last_stamp(session.repository, log.view.size) if log.view else ""
    return Status(trusted.policy, None, ends, log, stamped, pending)
