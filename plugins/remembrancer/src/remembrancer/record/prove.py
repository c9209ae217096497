"""Making proofs: a signature or a timestamp beside the artifact, its bytes as a blob, and a receipt that names
both."""

import hashlib
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from remembrancer.audit.session import Session
from remembrancer.clock import rfc3339
from remembrancer.errors import BadInput, EnvironmentTrouble, Rejected
from remembrancer.openpgp.gpg import require_secret_key, sign_detached
from remembrancer.paths import RECEIPTS
from remembrancer.receipt.statement import MAX_BYTES, parse
from remembrancer.record import statements as recording
from remembrancer.system.digests import sha256_file
from remembrancer.system.files import appearing
from remembrancer.timestamp.authority import LocalAuthority
from remembrancer.timestamp.model import Authority
from remembrancer.timestamp.obtain import obtain_from_first, over_http
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import Policy, Signer
from remembrancer.user.keys import default_signer, gpg_home, is_local
from remembrancer.user.state import State
from remembrancer.verify.asked import stem
from remembrancer.verify.log import authority_of


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that was made: its file beside the artifact, its receipt, who vouches, and when."""

    file: Path
    receipt: Path
    who: str
    when: str


def sign_artifact(session: Session, policy: Policy | None, path: Path, *, key: str | None) -> Proof:
    """Sign a file with the policy's signer, or with a named key; writes FILE.asc, a blob and a sign receipt.

    Raises BadInput(input.file, input.key), EnvironmentTrouble; nothing is written then.
    """
    digest = sha256_file(path)
    fingerprint, home = _key(policy, session.state, key, session.clock.now())
    signature = sign_detached(path, fingerprint, home)
    store, now = session.store, session.clock.now()
    with _beside(path, ".asc", signature) as file:
        data = recording.signature((path.name, digest), fingerprint, store.write_blob(signature), now)
        receipt = store.write_receipt(data).relative_to(session.root)
    return Proof(file, receipt, fingerprint, rfc3339(now))


def sign_recorded(session: Session, policy: Policy, receipt: Path, *, by: str = "") -> str:
    """Sign a deploy receipt's file with the policy's signer of its component, or the signer with the fingerprint `by`,
    and record that; returns the fingerprint."""
    data, now = session.repository.read(receipt.as_posix(), MAX_BYTES), session.clock.now()
    signer = policy.signer(by) or default_signer(policy, now, str(parse(data).predicate["component"]))
    fingerprint, home = signer.fingerprint, gpg_home(policy, signer, session.state)
    signature = sign_detached(session.root / receipt, fingerprint, home)
    store = session.store
    subject = (receipt.as_posix(), hashlib.sha256(data).hexdigest())
    store.write_receipt(recording.signature(subject, fingerprint, store.write_blob(signature), now))
    return fingerprint


def recorded_as(session: Session, artifact: Path) -> Path | None:
    """Return the deploy receipt that goes by an artifact's file name, None without one.

    Raises Rejected(hash.mismatch) where it is about other bytes.
    """
    path = f"{RECEIPTS}/deploy/{stem(artifact.name)}.receipt"
    try:
        receipt = parse(session.repository.read(path, MAX_BYTES))
    except (FileNotFoundError, Rejected):
        return None
    recorded, here = receipt.subject[0].sha256, sha256_file(artifact)
    if recorded != here:
        raise Rejected(
            "hash.mismatch",
            f"{artifact} has the digest {here}, and {path} records {recorded}",
            "Make the archive of the commit that was released again (make dist), and sign that one.",
        )
    return Path(path)


def require_key(session: Session, policy: Policy, key: str | None) -> str:
    """Check that what would sign is here; returns the fingerprint. Raises as `sign_artifact`; nothing is signed."""
    fingerprint, home = _key(policy, session.state, key, session.clock.now())
    require_secret_key(fingerprint, home)
    return fingerprint


def _key(policy: Policy | None, state: State, key: str | None, now: datetime) -> tuple[str, Path | None]:
    if key is None:
        if policy is None:
            raise BadInput("input.key", "there is no trusted policy that names a signer; choose the key with --key")
        signer = default_signer(policy, now)
    else:
        listed = _listed(policy, key)
        if listed is None:
            return _own_key(key), None
        signer = listed
    home = gpg_home(policy, signer, state) if policy else None
    return signer.fingerprint, home


def _listed(policy: Policy | None, key: str) -> Signer | None:
    """The policy's signer that a name, fingerprint or key id of at least 16 digits means."""
    wanted = "".join(key.split()).upper().removeprefix("0X")
    for signer in policy.signers if policy else ():
        if key == signer.name or (len(wanted) >= 16 and signer.fingerprint.endswith(wanted)):
            return signer
    return None


def _own_key(key: str) -> str:
    """The primary fingerprint of the one secret key in the user's keyring that `key` means."""
    if key.startswith("-") or not key.strip():
        raise BadInput("input.key", f"{key[:60]!r} is not a key id")
    program = shutil.which("gpg")
    if program is None:
        raise EnvironmentTrouble("env.no-gpg", "gpg is needed for signing, and is not installed")
    command = [program, "--batch", "--with-colons", "--list-secret-keys", "--", key]
    done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    lines = [line.split(":") for line in done.stdout.decode(errors="replace").splitlines()]
    found = [after[9] for line, after in pairwise(lines) if line[0] == "sec" and after[0] == "fpr"]
    if len(found) != 1:
        raise BadInput("input.key", f"gpg has {len(found)} secret keys for {key[:60]!r}; exactly one is needed")
    return found[0]


def stamp_artifact(session: Session, trusted: Trusted, path: Path, *, tsa: str | None) -> tuple[Proof, ...]:
    """Get timestamps over a file: writes FILE.tsr, a blob and a timestamp receipt for each.

    Without `tsa` by as many authorities as the policy requires now; the later ones are beside it as FILE.NAME.tsr.
    Nothing is written unless all of them answered. Raises BadInput(input.file, input.authority), Rejected(time.*),
    EnvironmentTrouble.
    """
    digest = sha256_file(path)
    needed = 1 if tsa else trusted.policy.require.at(session.clock.now()).timestamps
    found: list[Got] = []
    while len(found) < needed:
        others = [one.authority for one in found]
        found.append(stamp(session, trusted, bytes.fromhex(digest), tsa, apart_from=others))
    return tuple(
        _stamped(session, path, digest, one, ".tsr" if one is found[0] else f".{one.authority}.tsr") for one in found
    )


def _stamped(session: Session, path: Path, digest: str, got: "Got", suffix: str) -> Proof:
    store = session.store
    with _beside(path, suffix, got.response) as file:
        blob = store.write_blob(got.response)
        data = recording.timestamp(
            (path.name, digest),
            authority=got.authority,
            gen_time=got.gen_time,
            nonce=got.nonce,
            blob=blob,
            now=session.clock.now(),
        )
        receipt = store.write_receipt(data).relative_to(session.root)
    return Proof(file, receipt, got.authority, rfc3339(got.gen_time))


@dataclass(frozen=True, slots=True)
class Got:
    """A checked timestamp: who gave it, the response's bytes, genTime and the nonce that was asked with."""

    authority: str
    response: bytes
    gen_time: datetime
    nonce: int


def stamp(session: Session, trusted: Trusted, digest: bytes, tsa: str | None, *, apart_from: Sequence[str] = ()) -> Got:
    """Return a timestamp over a SHA-256 digest by one of the policy's authorities that have not ended, in their
    order; `apart_from` names those that are not asked."""

    policy = trusted.policy
    listed = [
        one
        for one in policy.authorities
        if one.term.ended is None and one.name not in apart_from and (tsa is None or tsa in (one.name, one.url))
    ]
    if not listed and apart_from:
        raise BadInput("input.authority", f"the policy has no authority in use beside {', '.join(apart_from)}")
    if not listed:
        what = f"the policy lists no authority {tsa[:80]!r}" if tsa else "every authority of the policy has ended"
        raise BadInput("input.authority", what)

    def transport(authority: Authority, request: bytes) -> bytes:
        if is_local(authority.url):
            return LocalAuthority.load(session.state.keys_folder(policy.origin) / "tsa", session.clock).respond(request)
        return over_http(authority, request)

    got = obtain_from_first(digest, [authority_of(trusted, one.name)[0] for one in listed], transport)
    if got.facts.nonce is None:
        raise EnvironmentTrouble("env.authority", f"{got.authority.name} answered without the nonce")
    return Got(got.authority.name, got.response, got.facts.gen_time, got.facts.nonce)


@contextmanager
def _beside(path: Path, suffix: str, data: bytes) -> Iterator[Path]:
    """Put a proof's file beside its artifact once the block has recorded it; neither of the two without the other."""
    file = path.with_name(path.name + suffix)
    with appearing(file, data):
        yield file
