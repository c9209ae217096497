"""Beginning a ledger: who is trusted for it, written as a signed policy; and the trust receipt that says so."""

import hashlib
import json
import re
import shutil
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

from remembrancer.audit.session import Session
from remembrancer.clock import rfc3339
from remembrancer.errors import BadInput, EnvironmentTrouble, Refused
from remembrancer.openpgp.gpg import create_throwaway, export_public, sign_detached
from remembrancer.paths import CHECKPOINT, POLICY, TRUST
from remembrancer.receipt import statement as receipt
from remembrancer.record.statements import recorded_by
from remembrancer.repository.reader import Repository
from remembrancer.system.files import make_folder, trouble, write_whole
from remembrancer.timestamp.authority import LocalAuthority
from remembrancer.tlog.note import SignerKey
from remembrancer.tlog.quorum import Quorum
from remembrancer.trust import policy
from remembrancer.trust.policy import (
    LOCAL_URL,
    LogKey,
    Material,
    Policy,
    Profile,
    Requirements,
    Signer,
    Term,
    TimeAuthority,
)
from remembrancer.trust.render import render
from remembrancer.user.state import State, write_private

DEVELOPMENT_DOMAIN = "dev.invalid"
_COMPONENT = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")


def component_of(root: Path, given: str | None) -> str:
    """Return the component's name: the given one, else from app/service.json, pyproject.toml or the folder's name.

    Raises BadInput(input.component) when none of them is a DNS-1123 label of at most 40 characters.
    """
    name = given or _from_service(root) or _from_pyproject(root) or root.resolve().name
    if not _COMPONENT.fullmatch(name):
        raise BadInput("input.component", f"{name[:60]!r} is not a component name; give one with --component")
    return name


def _from_service(root: Path) -> str:
    try:
        value = json.loads((root / "app" / "service.json").read_text(encoding="utf-8"))["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return str(value)


def _from_pyproject(root: Path) -> str:
    try:
        value = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return str(value)


def begin_development(session: Session, component: str, *, archive: Callable[[], None] | None = None) -> Policy:
    """Make throw-away keys in this user's state and write the policy that names them, signed and pinned here only.

    `archive` takes a ledger that is there out of the way, last before the policy is written; without it one is refused.
    Returns the policy. Nothing is written to the repository unless all keys could be made. Raises
    Refused(trust.exists), EnvironmentTrouble.
    """
    repository, state = session.repository, session.state
    if archive is None:
        refuse_existing(repository)
    seed = SignerKey.generate(DEVELOPMENT_DOMAIN)
    key_id = hashlib.sha256(seed.verifier().public).hexdigest()[:16]
    origin = f"{DEVELOPMENT_DOMAIN}/{component}/{key_id}"
    log_key = SignerKey.from_seed(origin, seed.seed)
    folder = state.keys_folder(origin)
    try:
        with trouble(f"write keys to {folder}"):
            write_private(folder / "log.key", (log_key.encode() + "\n").encode())
        home = folder / "gnupg"
        fingerprint = create_throwaway(home)
        certificate = export_public(fingerprint, home)
        with trouble(f"write keys to {folder}"):
            write_private(folder / "signer", f"{fingerprint}\n".encode())
        authority = LocalAuthority.create(folder / "tsa", session.clock)
        made = development_policy(origin, log_key, fingerprint, certificate, authority)
        data = render(made)
        signature = sign_policy(data, fingerprint, home, folder)
        parsed = policy.parse(data)
        if archive is not None:
            archive()
        write_policy(repository, data, {fingerprint: signature}, {fingerprint: certificate})
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    state.pin(fingerprint, origin)
    record_change(session, "init", data, {fingerprint: signature})
    return parsed


def refuse_existing(repository: Repository) -> None:
    """Raise Refused(trust.exists) when the repository already has a policy or a ledger."""
    for path in (POLICY, CHECKPOINT):
        if (repository.root / path).exists():
            how = (
                "Use it, change it with `remembrancer trust`, or, where it is another user's development trust, begin "
                "your own with `remembrancer init --dev --again`."
            )
            raise Refused("trust.exists", f"{path} exists already; nothing was changed", how)


def refuse_seen(state: State, owners: Iterable[str], wanted: Policy) -> None:
    """Raise Refused when this user has seen other published policies or logs than those that `wanted` goes on from.

    Comes before anything is written: afterwards nobody here would accept it. `trust.policy-fork` for a version that was
    seen before, or that follows another one than the seen; `log.behind` for the first version over a log that was seen.
    """
    how = f"If nobody else has seen that, `remembrancer trust forget {wanted.origin}` says what forgetting it means."
    for owner in owners:
        version, digest = state.newest_policy(owner, wanted.origin)
        follows = wanted.version > version + 1 or (wanted.version == version + 1 and wanted.previous == digest)
        if version and not follows and (wanted.version, wanted.digest) != (version, digest):
            raise Refused(
                "trust.policy-fork",
                f"version {version} of the policy of {wanted.origin} was seen before, and version {wanted.version} "
                "would not follow it; nothing was changed",
                how,
            )
    for log_key in wanted.log_keys if wanted.version == 1 else ():
        if seen := state.seen(wanted.origin, log_key.key.key_id):
            raise Refused(
                "log.behind",
                f"a log of {wanted.origin} with this key and size {seen.size} was seen before; nothing was changed",
                how,
            )


def development_policy(
    origin: str, log_key: SignerKey, fingerprint: str, certificate: bytes, authority: LocalAuthority
) -> Policy:
    """Return version 1 of a development policy: one signer, one self-asserted authority, one log key."""
    listed = authority.as_authority("development", LOCAL_URL)
    roots = tuple(Material(hashlib.sha256(root).hexdigest(), root) for root in listed.roots)
    return Policy(
        version=1,
        previous="",
        profile=Profile.DEVELOPMENT,
        owner=fingerprint,
        origin=origin,
        seal_branch="main",
        log_keys=(LogKey(log_key.verifier(), 0, None),),
        signers=(
            Signer(
                "development",
                fingerprint,
                Material(hashlib.sha256(certificate).hexdigest(), certificate),
                ("*",),
                Term(),
            ),
        ),
        authorities=(TimeAuthority("development", LOCAL_URL, roots, (), listed.policy_oids, True, False, Term()),),
        quorum=Quorum(),
        require=Requirements(1, 1, False),
        digest="",
    )


def sign_policy(data: bytes, fingerprint: str, home: Path | None, scratch: Path) -> bytes:
    """Return an armored detached signature of a policy's bytes by its owner."""
    copy = scratch / "policy.toml.new"
    try:
        write_private(copy, data)
        return sign_detached(copy, fingerprint, home)
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"cannot write {copy}: {error.strerror}") from error
    finally:
        copy.unlink(missing_ok=True)


def write_policy(
    repository: Repository, data: bytes, signatures: dict[str, bytes], certificates: dict[str, bytes]
) -> None:
    """Write ops/trust: certificates first, the policy last, signatures of owners that no longer sign taken away."""
    folder = repository.root / TRUST
    with trouble(f"write {folder}"):
        make_folder(repository.root, f"{TRUST}/keys")
        for fingerprint, certificate in certificates.items():
            write_whole(folder / "keys" / f"{fingerprint}.asc", certificate)
        for fingerprint, signature in signatures.items():
            write_whole(folder / f"policy.toml.{fingerprint}.asc", signature)
        write_whole(folder / "policy.toml", data)
        for path in folder.glob("policy.toml.*.asc"):
            if path.name.split(".")[2] not in signatures:
                path.unlink()


def record_change(
    session: Session,
    action: str,
    data: bytes,
    signatures: dict[str, bytes],
    *,
    previous: str = "",
    reason: str = "",
) -> Path:
    """Write the trust receipt of a policy, with the policy and its signatures as blobs; returns the receipt's path."""
    store = session.store
    parsed = policy.parse(data)
    predicate = {
        "recordedAt": rfc3339(session.clock.now()),
        "recordedBy": recorded_by(session.repository),
        "action": action,
        "policyVersion": parsed.version,
        "policy": store.write_blob(data),
        "signatures": [
            {"fingerprint": owner, "signature": store.write_blob(signature)} for owner, signature in signatures.items()
        ],
        **({"previous": previous} if previous else {}),
        **({"reason": reason} if reason else {}),
    }
    return store.write_receipt(receipt.build("trust", [("policy.toml", parsed.digest)], predicate))
