"""What recording does at the end, for every front end: sign what was written, and seal it where that is wanted here."""

from pathlib import Path

from remembrancer.audit.session import Session
from remembrancer.errors import BadInput, EnvironmentTrouble, Refused, Rejected, Unverifiable
from remembrancer.ledger.seal import SealResult
from remembrancer.named import NamedTuple
from remembrancer.record.prove import Proof, recorded_as, require_key, sign_artifact, sign_recorded, stamp_artifact
from remembrancer.record.seal import refuse_sealing, seal_pending, try_pending
from remembrancer.tlog.note import SignerKey
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import Profile


class Sealed(NamedTuple):
    """What became of the receipts that wait: the result of a seal, or (None) why they stay pending, in words.

    `tried` says that the seal was only tried.
    """

    result: SealResult | None
    pending: str = ""
    tried: bool = False


def seal_now(session: Session, trusted: Trusted, *, begin: SignerKey | None = None) -> Sealed:
    """Seal everything pending under a trusted policy, the first checkpoint with `begin`; see `record.seal`."""
    result = seal_pending(session, trusted, begin=begin)
    if result is None:
        return Sealed(None, "the log key is not here: the receipts stay pending until its holder seals")
    return Sealed(result)


def try_now(session: Session, trusted: Trusted) -> Sealed:
    """Say what `seal_now` would do, without the log key; see `record.seal`."""
    return Sealed(try_pending(session, trusted), tried=True)


def seal_after(session: Session, *, wait: bool) -> Sealed:
    """What recording does at the end: in development seal at once, elsewhere (and with `wait`) leave it pending."""
    if wait:
        return Sealed(None, "pending until the next seal")
    try:
        trusted = session.trusted()
        if trusted.policy.profile is not Profile.DEVELOPMENT:
            return Sealed(None, "pending until the holder of the log key seals")
        return seal_now(session, trusted)
    except (BadInput, Refused, Rejected, Unverifiable) as error:
        return Sealed(None, f"pending: not sealed, {error.message} [{error.code}]")


def sign_receipt(session: Session, path: Path) -> str:
    """Sign a deploy receipt when the policy's signer is here; returns the sentence that says so, or why not."""
    try:
        policy = session.trusted().policy
        fingerprint = sign_recorded(session, policy, path)
    except (Rejected, Unverifiable, BadInput, EnvironmentTrouble) as error:
        return f"the receipt itself is not signed: {error.message} [{error.code}]"
    return f"signed the receipt as {fingerprint}"


def complete(session: Session, path: Path, *, sign: bool, wait: bool) -> tuple[str, Sealed]:
    """Sign a receipt that was just written, where that is wanted, then seal; see `sign_receipt` and `seal_after`.

    Returns what became of the signature ("" where none is wanted), and of the receipts that wait.
    """
    signed = sign_receipt(session, path) if sign else ""
    return signed, seal_after(session, wait=wait)


def ready(session: Session, key: str | None, *, seal: bool) -> str:
    """Ask everything that can refuse a signature or the seal after it; returns the fingerprint that would sign.

    Nothing is signed and nothing written. Raises as `Session.trusted`, `prove.sign_artifact` and `seal_after`; with
    `seal` also EnvironmentTrouble(env.log-key) where the log key is elsewhere.
    """
    policy = session.trusted().policy
    fingerprint = require_key(session, policy, key)
    if not refuse_sealing(session, policy) and seal:
        raise EnvironmentTrouble("env.log-key", "the log key is not here, so nothing could be sealed")
    return fingerprint


def sign(session: Session, artifact: Path, key: str | None, *, wait: bool) -> tuple[Proof, Sealed]:
    """Sign an artifact and record that; a named key needs no trusted policy. Raises as `prove.sign_artifact`.

    Where the artifact's deploy receipt is here already, and the policy wants it signed, a signer of the policy signs it
    as well: that is how the second of two signers vouches for a release. Raises Rejected(hash.mismatch), with nothing
    signed, where that receipt names other bytes.
    """
    try:
        policy = session.trusted().policy
    except (Rejected, Unverifiable):
        if key is None:
            raise
        policy = None
    record = recorded_as(session, artifact) if policy is not None and policy.require.deploy_signature else None
    done = sign_artifact(session, policy, artifact, key=key)
    if policy is not None and policy.signer(done.who) is None:
        session.notice(f"the policy does not list {done.who}: verify-full will not count this signature")
    elif policy is not None and record:
        sign_recorded(session, policy, record, by=done.who)
        session.notice(f"signed {record.as_posix()} too, which says what {artifact.name} is")
    return done, seal_after(session, wait=wait)


def timestamp(session: Session, artifact: Path, tsa: str | None, *, wait: bool) -> tuple[tuple[Proof, ...], Sealed]:
    """Get timestamps over an artifact and record them. Raises as `Session.trusted` and `prove.stamp_artifact`."""
    trusted = session.trusted()
    done = stamp_artifact(session, trusted, artifact, tsa=tsa)
    return done, seal_after(session, wait=wait)
