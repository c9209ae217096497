"""Renewing what the policy trusts already: the same key with another certificate, the same authority with more roots.

Nobody new is trusted: a certificate counts here only with the fingerprint that the policy lists.
"""

from pathlib import Path

from remembrancer.audit.session import Session
from remembrancer.errors import BadInput, Refused
from remembrancer.openpgp.certificate import certificate_facts, merged, named_certificate
from remembrancer.openpgp.gpg import export_public
from remembrancer.record.policy_change import Change, pgp_material
from remembrancer.record.trust_change import materials
from remembrancer.system.digests import read_given
from remembrancer.trust.establish import Trusted
from remembrancer.trust.policy import Material, Policy, Signer, TimeAuthority
from remembrancer.user.keys import gpg_home, owner_home

OWNER = "owner"


def renew(
    session: Session,
    trusted: Trusted,
    name: str,
    *,
    key: Path | None = None,
    roots: tuple[Path, ...] = (),
    intermediates: tuple[Path, ...] = (),
    replace: bool = False,
) -> Policy:
    """Return the policy with the renewed certificate of a signer (by name or fingerprint), an authority or `owner`.

    A signer's certificate comes from the file `key`, else from gpg's keyring; the owner's always from there, and where
    the owner signs as well, both are renewed. An authority's `roots` and `intermediates` are added to the listed ones,
    or with `replace` take their place. Raises BadInput(input.name, input.certificate, input.file, sig.no-key),
    Refused(trust.unchanged).
    """
    policy = trusted.policy
    authority = policy.authority(name)
    if authority and name != OWNER:
        if key or not (roots or intermediates):
            raise BadInput("input.name", f"the authority {name} is renewed with --root or --intermediate")
        changed = _authority(authority, materials(roots), materials(intermediates), replace=replace)
        if changed == authority:
            raise _unchanged(name)
        return policy._replace(authorities=tuple(changed if one is authority else one for one in policy.authorities))
    if roots or intermediates or replace:
        raise BadInput("input.name", f"{name[:60]!r} is not an authority, and only that has --root or --replace")
    if name == OWNER:
        return _owner(session, trusted)
    signer = next((one for one in policy.signers if name in (one.name, one.fingerprint)), None)
    if signer is None:
        raise BadInput("input.name", f"the policy lists no signer or authority {name[:60]!r}")
    data = read_given(key) if key else export_public(signer.fingerprint, gpg_home(policy, signer, session.state))
    return _with(trusted, signer, data)


def _with(trusted: Trusted, signer: Signer, data: bytes) -> Policy:
    fingerprint = certificate_facts(data).fingerprint
    if fingerprint != signer.fingerprint:
        raise BadInput(
            "input.certificate",
            f"the certificate is of {fingerprint}, the policy lists {signer.fingerprint} as {signer.name}",
            "Another key is another signer: add it with `remembrancer trust add --signer`, then end the old one with "
            f"`remembrancer trust revoke {signer.name} --as superseded`.",
        )
    old = named_certificate(trusted.material(signer.certificate), fingerprint)
    material = pgp_material(merged(old, named_certificate(data, fingerprint)))
    if material.inline == old:
        raise _unchanged(signer.name)
    changed, policy = signer._replace(certificate=material), trusted.policy
    return policy._replace(signers=tuple(changed if one is signer else one for one in policy.signers))


def _owner(session: Session, trusted: Trusted) -> Policy:
    """The policy as it is: its next version comes with what the owner's certificate says today as well."""
    policy = trusted.policy
    data = export_public(policy.owner, owner_home(policy, policy.owner, session.state))
    signed = session.repository.signed_policy()
    old = signed.certificates.get(policy.owner) if signed else None
    if old is not None and merged(old, data) == old:
        raise _unchanged("the owner")
    signer = policy.signer(policy.owner)
    return _with(trusted, signer, data) if signer else policy


def _authority(
    old: TimeAuthority, roots: tuple[Material, ...], intermediates: tuple[Material, ...], *, replace: bool
) -> TimeAuthority:
    def merged(listed: tuple[Material, ...], given: tuple[Material, ...]) -> tuple[Material, ...]:
        if not given:
            return listed
        kept = () if replace else listed
        known = {one.sha256 for one in kept}
        return (*kept, *{one.sha256: one for one in given if one.sha256 not in known}.values())

    return old._replace(roots=merged(old.roots, roots), intermediates=merged(old.intermediates, intermediates))


def _unchanged(what: str) -> Refused:
    return Refused("trust.unchanged", f"{what} has exactly this certificate in the policy already; nothing was changed")


def refuse_loss(change: Change) -> None:
    """Raise Refused(trust.loses) for a renewal under which something recorded would no longer verify."""
    if not change.lost:
        return
    first = change.lost[0]
    count = f"{len(change.lost)} proof{'' if len(change.lost) == 1 else 's'}"
    raise Refused(
        "trust.loses",
        f"{count} would no longer verify, the first is {first.subject}: {first.message} [{first.code}]",
    )
