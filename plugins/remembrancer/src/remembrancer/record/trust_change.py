"""Changes of trust, for every front end: what the owner wants becomes a policy, is signed, recorded and sealed."""

import hashlib
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from remembrancer.audit.gather import open_ledger
from remembrancer.audit.session import Session
from remembrancer.errors import BadInput, Rejected
from remembrancer.named import NamedTuple
from remembrancer.record import policy_change
from remembrancer.record.finish import Sealed, seal_after
from remembrancer.record.policy_change import Change, Rotation, ended, new_log_key, with_log_key, with_signer
from remembrancer.system.digests import read_given
from remembrancer.timestamp.certificate import certificates_in
from remembrancer.timestamp.chain import unusable_anchors
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import Ended, Material, Policy, Term
from remembrancer.user.keys import keep_development_key, read_log_key, refuse_inside, write_log_key


class Changed(NamedTuple):
    """A change with what would no longer verify; its receipt and what became of it, None when nothing was written."""

    change: Change
    receipt: Path | None = None
    sealed: Sealed | None = None


def add_signer(session: Session, trusted: Trusted, name: str, key: Path, components: tuple[str, ...]) -> Policy:
    """Return the policy with one more signer, from now on. Raises BadInput(input.file, input.certificate)."""
    term = Term(start=_second(session.clock.now()))
    return with_signer(trusted.policy, name, read_given(key), components, term)


def revoke(
    session: Session,
    trusted: Trusted,
    name: str,
    how: Ended,
    *,
    until: datetime | None = None,
    compromised_at: datetime | None = None,
) -> Policy:
    """Return the policy in which a signer or authority has ended, now or at `until`; a compromise has no such end.

    Now is the next full second: an authority tells whole seconds, and proves a moment that is up to one later.

    Raises BadInput(input.name, input.time).
    """
    if compromised_at and how is not Ended.COMPROMISED:
        raise BadInput("input.time", "--compromised-at is for --as compromised", "Leave one of the two out.")
    end = until or _second(session.clock.now()) + timedelta(seconds=1)
    term = Term(until=None if how is Ended.COMPROMISED else end, ended=how, compromised_at=compromised_at)
    return ended(trusted.policy, name, term)


def rotate_log_key(session: Session, trusted: Trusted, file: Path, *, dry_run: bool) -> tuple[Policy, Rotation]:
    """Return the policy in which the key in a file signs from the current size on; a missing file is made.

    Raises BadInput(input.log-key), Rejected(log.*), EnvironmentTrouble.
    """
    refuse_inside(session.root, file)
    log = open_ledger(session.repository, trusted.policy)
    if log.view is None:
        raise log.trouble or Rejected("log.missing", "there is no ledger")
    key = read_log_key(file) if file.exists() else new_log_key(trusted.policy)
    changed = with_log_key(trusted.policy, key.verifier(), log.view.size)
    if not dry_run and not file.exists():
        write_log_key(file, key)
    return changed, Rotation(log.view, key)


def change_policy(
    session: Session,
    trusted: Trusted,
    changed: Policy,
    action: str,
    *,
    dry_run: bool,
    reason: str,
    rotation: Rotation | None = None,
    check: Callable[[Change], None] = lambda _: None,
) -> Changed:
    """Sign, write, record and seal a changed policy; a dry run only says what would no longer verify.

    `check` may refuse the change once that is known, before anything is signed. Raises as `policy_change.prepare`
    and `policy_change.apply`.
    """
    change = policy_change.prepare(session, trusted, changed)
    if dry_run:
        return Changed(change)
    check(change)
    with tempfile.TemporaryDirectory(prefix="remembrancer.") as folder:
        path = policy_change.apply(
            session, trusted, change, action=action, reason=reason, scratch=Path(folder), rotation=rotation
        )
    if rotation:
        keep_development_key(session.state, trusted.policy, rotation.key)
    return Changed(change, path.relative_to(session.root), seal_after(session, wait=False))


def materials(paths: tuple[Path, ...]) -> tuple[Material, ...]:
    """Return the certificates of PEM files as a policy holds them; raises BadInput(input.file, input.certificate)."""
    found = [der for path in paths for der in certificates_in(read_given(path), str(path))]
    return tuple(Material(hashlib.sha256(der).hexdigest(), der) for der in found)


def anchors(paths: tuple[Path, ...]) -> tuple[Material, ...]:
    """Return as `materials`, after checking that each can be a trusted root; raises BadInput(input.certificate)."""
    found = materials(paths)
    for why in unusable_anchors(tuple(one.inline for one in found if one.inline)):
        raise BadInput("input.certificate", f"a root of the authority cannot be used: {why}")
    return found


def _second(instant: datetime) -> datetime:
    return instant.replace(microsecond=0)
