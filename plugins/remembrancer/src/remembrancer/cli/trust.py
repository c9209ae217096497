"""`trust show|pin|unpin|forget|export`: whom this user trusts here."""

from pathlib import Path

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import PathName, Shown, command
from remembrancer.cli.output import Report, emit, say
from remembrancer.cli.terminal import put
from remembrancer.errors import counted
from remembrancer.paths import POLICY


@click.command(epilog="Example: remembrancer trust show --format json")
@command(trust=True)
def show(session: Session, shown: Shown) -> int:
    """Show the policy, whether a pinned owner has signed it, and every key and authority that it lists."""
    from remembrancer.errors import Rejected, Unverifiable
    from remembrancer.findings import negative
    from remembrancer.verify.artifact import trust_finding

    try:
        trusted = session.trusted()
    except (Rejected, Unverifiable) as error:
        signed = session.repository.signed_policy()
        if signed and error.code == "trust.unpinned" and shown.format == "text":
            for owner in sorted(signed.signatures):
                put(f"signed by {owner}: if the owner published that, `remembrancer trust pin {owner}`")
        finding = negative("trust", POLICY, error)
        return emit(Report("trust show", POLICY, "", findings=[finding]), shown.format)
    data = _described(trusted.policy)
    if shown.format == "text":
        for name, value in data.items():
            for line in value if isinstance(value, list) else [value]:
                put(f"{name}: {line}")
    report = Report("trust show", POLICY, str(trusted.policy.profile), findings=[trust_finding(trusted)], data=data)
    return emit(report, shown.format)


def _described(policy: object) -> dict[str, object]:
    from remembrancer.clock import rfc3339
    from remembrancer.trust.policy import Policy, Term

    assert isinstance(policy, Policy)  # noqa: S101 - for the type checker; imported late

    def term(term: Term) -> str:
        parts = [
            f"from {rfc3339(term.start)}" if term.start else "",
            f"until {rfc3339(term.until)}" if term.until else "",
        ]
        parts.append(f"{term.ended}" if term.ended else "")
        parts.append(f"compromised at {rfc3339(term.compromised_at)}" if term.compromised_at else "")
        return " ".join(["", *[part for part in parts if part]])

    return {
        "version": policy.version,
        "origin": policy.origin,
        "owner": policy.owner,
        "profile": str(policy.profile),
        "seal branch": policy.seal_branch,
        "log key": [
            f"{one.key} for sizes {one.first} to {'any' if one.last is None else one.last}" for one in policy.log_keys
        ],
        "signer": [
            f"{one.name} {one.fingerprint} for {', '.join(one.components)}{term(one.term)}" for one in policy.signers
        ],
        "authority": [
            f"{one.name} {one.url}{' (self-asserted)' if one.self_asserted else ''}{term(one.term)}"
            for one in policy.authorities
        ],
        "witness": [
            *(
                " ".join(one for one in (name, str(key), policy.quorum.urls.get(name, "")) if one)
                for name, key in policy.quorum.witnesses.items()
            ),
            *(f"{name} cannot be used: {why}" for name, why in policy.quorum.unusable.items()),
        ],
        "other log": [f"{name} is in the witness policy and does not count here" for name in policy.other_logs],
        "required": [
            f"{counted(one.signatures, 'signature')}, {counted(one.timestamps, 'timestamp')}, "
            f"{'signed' if policy.require.deploy_signature else 'unsigned'} deploy receipts, "
            f"quorum {policy.quorum.required}{f', from {rfc3339(one.start)} on' if one.start else ''}"
            for one in policy.require.rules
        ],
    }


@click.command(epilog="Example: remembrancer trust pin 0123456789ABCDEF0123456789ABCDEF01234567")
@click.argument("fingerprint")
@click.option(
    "--origin", metavar="ORIGIN", help="Only for this ledger. Default: that of the repository that you are in."
)
@click.option("--any", "everywhere", is_flag=True, help="For every ledger that nobody is pinned for.")
@command(root=False)
def pin(session: Session, shown: Shown, fingerprint: str, origin: str | None, *, everywhere: bool) -> int:
    """Trust the policies that this owner signs. Get the full FINGERPRINT from the owner, not from the repository.

    Whoever is pinned for one ledger excludes there those who are pinned for any. Outside of a repository, and without
    --origin, the owner is pinned for any.
    """
    from remembrancer.errors import BadInput
    from remembrancer.user import state

    owner = state.fingerprint(fingerprint)
    if origin is not None and everywhere:
        raise BadInput("input.name", "--origin names one ledger and --any means all; give one of them")
    if origin is None:
        origin = "" if everywhere else _origin_here(session)
    session.state.pin(owner, origin)
    where = f" for {origin}" if origin else " for any ledger"
    return say(Report("trust pin", data={"owner": owner, "origin": origin}), shown.format, f"pinned {owner}{where}")


def _origin_here(session: Session) -> str:
    """The origin of the repository that the user is in, "" outside of one or where it has no policy."""
    from remembrancer.trust import policy

    here = session.within()
    signed = here.signed_policy() if here else None
    return policy.parse(signed.text).origin if signed else ""


@click.command(epilog="Example: remembrancer trust unpin 0123456789ABCDEF0123456789ABCDEF01234567")
@click.argument("fingerprint")
@command(root=False)
def unpin(session: Session, shown: Shown, fingerprint: str) -> int:
    """Trust this owner no longer."""
    from remembrancer.errors import BadInput
    from remembrancer.user import state

    owner = state.fingerprint(fingerprint)
    if not session.state.unpin(owner):
        raise BadInput("input.fingerprint", f"{owner} is not pinned")
    return say(Report("trust unpin", data={"owner": owner}), shown.format, f"unpinned {owner}")


@click.command(epilog="Example: remembrancer trust forget example.com/my-svc --dry-run")
@click.argument("origin", required=False)
@click.option("--dry-run", is_flag=True, help="Forget nothing; say what would no longer be noticed.")
@command()
def forget(session: Session, shown: Shown, origin: str | None, *, dry_run: bool) -> int:
    """Forget which policies and checkpoints of ORIGIN (default: this repository's log) were seen.

    For a log or a policy that was taken back before anybody relied on it. Pins and keys stay.
    """
    from remembrancer.errors import BadInput
    from remembrancer.trust import policy

    if origin is None:
        try:
            origin = policy.parse(session.repository.read(POLICY)).origin
        except FileNotFoundError:
            how = "Give it: remembrancer trust forget example.com/my-svc"
            raise BadInput("input.name", f"there is no {POLICY} that names the origin", how) from None
    found = session.state.remembered(origin) if dry_run else session.state.forget(origin)
    verb = "would no longer be noticed" if dry_run else "is no longer noticed"
    lines = [
        f"{verb}: another policy than version {one.newest}, or an older one, signed by {one.whose}"
        if one.kind == "policies"
        else f"{verb}: another log than the one of size {one.newest}, or a shorter one, signed by log key {one.whose}"
        for one in found
    ]
    lines += [] if found else [f"nothing of {origin} was remembered"]
    if found and not dry_run:
        lines.append("the next verdict on it remembers what it finds; compare its size with somebody else's first")
    listed = [{"kind": one.kind, "of": one.whose, "newest": one.newest} for one in found]
    data = {"origin": origin, "dryRun": dry_run, "forgotten": listed}
    return say(Report("trust forget", data=data), shown.format, *lines)


@click.command(epilog="Example: remembrancer trust export -o ../my-svc.trust.json")
@click.option("-o", "--output", "target", type=PathName(), metavar="FILE", help="Default: trust-bundle.json.")
@command(trust=True)
def export(session: Session, shown: Shown, target: Path | None) -> int:
    """Write one file with the policy, its signatures, the owner's and signers' certificates and the roots.

    An auditor needs it besides the artifact and its proof: `remembrancer verify-proof --trust-bundle FILE`. It is worth
    what the owner's fingerprint is that the auditor has from elsewhere.
    """
    from remembrancer.audit.travel import export_trust

    file, trusted = export_trust(session, target)
    policy = trusted.policy
    data = {"file": str(file), "origin": policy.origin, "version": policy.version, "owner": policy.owner}
    return say(
        Report("trust export", data=data, notices=session.notices),
        shown.format,
        f"wrote {file}: version {policy.version} of the policy of {policy.origin}",
        f"tell the auditor the owner's fingerprint by another way than the file: {policy.owner}",
    )
