"""`trust add|revoke|rotate|require|quorum`: a new policy version that its owner signs, recorded. All have a dry run."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.output import Report, say
from remembrancer.cli.seal import sealed_data, sealed_lines
from remembrancer.cli.times import time_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from remembrancer.record.policy_change import Change, Rotation
    from remembrancer.trust.establish import Trusted
    from remembrancer.trust.policy import Policy

FILE = click.Path(path_type=Path)
DRY_RUN = click.option("--dry-run", is_flag=True, help="Change nothing; say what would no longer verify.")
REASON = click.option("--reason", metavar="TEXT", default="", help="Why, for the record.")


@click.command(epilog="Example: remembrancer trust add --signer alice --key alice.asc --component my-svc")
@click.option("--signer", metavar="NAME", help="Add a signer of this name.")
@click.option("--key", metavar="FILE|VKEY", help="The signer's armored public key, or the witness's verifier key.")
@click.option("--component", "components", multiple=True, metavar="NAME", help="What it may sign. Default: everything.")
@click.option("--authority", metavar="NAME", help="Add a timestamp authority of this name.")
@click.option("--witness", metavar="NAME", help="Add a witness of this name, as the quorum calls it.")
@click.option("--url", metavar="URL", help="Where the authority or the witness answers.")
@click.option("--root", "roots", type=FILE, multiple=True, metavar="FILE", help="The authority's root (PEM).")
@click.option(
    "--intermediate", "intermediates", type=FILE, multiple=True, metavar="FILE", help="Chain certificate (PEM)."
)
@click.option("--policy-oid", "oids", multiple=True, metavar="OID", help="A policy of the authority that is accepted.")
@click.option("--allow-ess-v1", is_flag=True, help="Accept its SHA-1 signing-certificate attribute.")
@click.option("--self-asserted", is_flag=True, help="The authority is run by the signer itself.")
@click.option("--repository", "root", type=FILE, metavar="DIR", help="The repository. Default: found upwards.")
@DRY_RUN
@REASON
@command(trust=True, root=False)
def add(
    session: Session,
    shown: Shown,
    *,
    signer: str | None,
    key: str | None,
    components: tuple[str, ...],
    authority: str | None,
    witness: str | None,
    url: str | None,
    roots: tuple[Path, ...],
    intermediates: tuple[Path, ...],
    oids: tuple[str, ...],
    allow_ess_v1: bool,
    self_asserted: bool,
    dry_run: bool,
    reason: str,
) -> int:
    """Add a signer (--signer, --key), a timestamp authority (--authority, --url, --root) or a witness to the policy.

    A witness (--witness, --key, --url) is asked from then on by `remembrancer witness`; that it must have cosigned is
    said by `remembrancer trust quorum`.
    """
    from remembrancer.errors import BadInput
    from remembrancer.record.policy_change import with_authority
    from remembrancer.record.trust_change import add_signer, anchors, materials
    from remembrancer.record.witnesses import with_witness
    from remembrancer.trust.policy import Term, TimeAuthority

    trusted = session.trusted()
    if signer and key and not authority and not witness:
        changed = add_signer(session, trusted, signer, Path(key), components)
    elif witness and key and url and not signer and not authority:
        changed = with_witness(trusted.policy, witness, key, url)
    elif authority and url and roots and not signer and not witness:
        listed = TimeAuthority(
            name=authority,
            url=url,
            roots=anchors(roots),
            intermediates=materials(intermediates),
            policy_oids=oids,
            self_asserted=self_asserted,
            allow_ess_v1=allow_ess_v1,
            term=Term(),
        )
        changed = with_authority(trusted.policy, listed)
    else:
        either = "--signer with --key, --authority with --url and --root, or --witness with --key and --url"
        raise BadInput("input.name", f"say either {either}")
    return _change(session, shown, trusted, changed, "add", dry_run=dry_run, reason=reason)


@click.command(epilog="Example: remembrancer trust revoke alice --as retired --dry-run")
@click.argument("name")
@click.option(
    "--as", "ended", type=click.Choice(["superseded", "retired", "compromised"]), required=True, help="How it ended."
)
@time_option("--until", "When it ended, by default now", end=True)
@time_option("--compromised-at", "Since when it may be in wrong hands, by default always")
@DRY_RUN
@REASON
@command(trust=True)
def revoke(
    session: Session,
    shown: Shown,
    *,
    name: str,
    ended: str,
    until: datetime | None,
    compromised_at: datetime | None,
    dry_run: bool,
    reason: str,
) -> int:
    """End the signer or timestamp authority NAME; what it made before stands where its time is proven."""
    from remembrancer.record import trust_change
    from remembrancer.trust.policy import Ended

    trusted = session.trusted()
    changed = trust_change.revoke(
        session,
        trusted,
        name,
        Ended(ended),
        until=until,
        compromised_at=compromised_at,
    )
    return _change(session, shown, trusted, changed, "revoke", dry_run=dry_run, reason=reason)


@click.command(epilog="Example: remembrancer trust rotate --log-key-file ../new-log.key")
@click.option("--log-key-file", type=FILE, metavar="FILE", help="The new private log key; made when it does not exist.")
@click.option("--owner", metavar="FPR", help="Hand the policy to this owner; both owners' keys must be here.")
@DRY_RUN
@REASON
@command(trust=True)
def rotate(
    session: Session, shown: Shown, *, log_key_file: Path | None, owner: str | None, dry_run: bool, reason: str
) -> int:
    """Change to another log key (from the current tree size on, which both keys sign), or to another owner."""
    from remembrancer.errors import BadInput
    from remembrancer.record.trust_change import rotate_log_key
    from remembrancer.user import state

    trusted = session.trusted()
    if (log_key_file is None) == (owner is None):
        raise BadInput("input.name", "say either --log-key-file or --owner")
    if owner is not None:
        changed = trusted.policy._replace(owner=state.fingerprint(owner))
        return _change(session, shown, trusted, changed, "rotate", dry_run=dry_run, reason=reason)
    assert log_key_file is not None  # noqa: S101 - one of the two is given
    changed, rotation = rotate_log_key(session, trusted, log_key_file, dry_run=dry_run)
    return _change(session, shown, trusted, changed, "rotate", dry_run=dry_run, reason=reason, rotation=rotation)


@click.command(epilog="Example: remembrancer trust renew alice --key alice.asc --dry-run")
@click.argument("name")
@click.option("--key", type=FILE, metavar="FILE", help="The signer's armored public key. Default: from gpg's keyring.")
@click.option("--root", "roots", type=FILE, multiple=True, metavar="FILE", help="One more root of the authority (PEM).")
@click.option(
    "--intermediate", "intermediates", type=FILE, multiple=True, metavar="FILE", help="One more chain certificate."
)
@click.option("--replace", is_flag=True, help="Take the authority's old roots or intermediates out.")
@click.option("--repository", "root", type=FILE, metavar="DIR", help="The repository. Default: found upwards.")
@DRY_RUN
@REASON
@command(trust=True, root=False)
def renew(
    session: Session,
    shown: Shown,
    *,
    name: str,
    key: Path | None,
    roots: tuple[Path, ...],
    intermediates: tuple[Path, ...],
    replace: bool,
    dry_run: bool,
    reason: str,
) -> int:
    """Take over a new certificate of the same signer, the same authority, or the `owner`: extended, another subkey.

    NAME is as `trust show` lists it. A renewal that would leave recorded proofs behind is refused.
    """
    from remembrancer.record import renew as renewing

    trusted = session.trusted()
    changed = renewing.renew(session, trusted, name, key=key, roots=roots, intermediates=intermediates, replace=replace)
    return _change(
        session, shown, trusted, changed, "renew", dry_run=dry_run, reason=reason, check=renewing.refuse_loss
    )


@click.command(epilog="Example: remembrancer trust require --signatures 2 --timestamps 2 --dry-run")
@click.option("--signatures", type=click.IntRange(1, 100), metavar="N", help="By how many distinct signers.")
@click.option("--timestamps", type=click.IntRange(1, 100), metavar="N", help="By how many distinct authorities.")
@time_option("--from", "From when on, by default now", ahead=True, into="start")
@DRY_RUN
@REASON
@command(trust=True)
def require(
    session: Session,
    shown: Shown,
    *,
    signatures: int | None,
    timestamps: int | None,
    start: datetime | None,
    dry_run: bool,
    reason: str,
) -> int:
    """Require so many signatures and timestamps of every release from a moment on; older ones keep their rule.

    When a release was made says the proven time of its leaf in the log. A dry run names those that nothing dates
    before that moment and that have too few; `remembrancer sign` and `remembrancer timestamp --tsa` add to them.
    """
    from remembrancer.errors import BadInput
    from remembrancer.record import require as requiring

    if signatures is None and timestamps is None:
        raise BadInput("input.name", "say --signatures, --timestamps or both")
    trusted = session.trusted()
    changed = requiring.require(session, trusted, signatures=signatures, timestamps=timestamps, start=start)
    return _change(session, shown, trusted, changed, "require", dry_run=dry_run, reason=reason)


@click.command(epilog="Example: remembrancer trust quorum 2 --dry-run")
@click.argument("required", metavar="[N|all|any|none|NAME]", required=False)
@click.option("--file", type=FILE, metavar="FILE", help="Take this published witness policy (c2sp.org/tlog-policy).")
@DRY_RUN
@REASON
@command(trust=True)
def quorum(
    session: Session, shown: Shown, *, required: str | None, file: Path | None, dry_run: bool, reason: str
) -> int:
    """Require that so many of the listed witnesses (or those of a group's NAME) have cosigned the ledger.

    Have the published checkpoint cosigned first (`remembrancer witness`): a dry run says whether enough of them have.
    """
    from remembrancer.errors import BadInput
    from remembrancer.record import witnesses
    from remembrancer.system.digests import read_given

    if (required is None) == (file is None):
        raise BadInput("input.name", "say how many witnesses are required, or give a published policy with --file")
    trusted = session.trusted()
    if file is not None:
        changed = witnesses.published(trusted.policy, read_given(file, witnesses.MAX_TEXT))
    else:
        changed = witnesses.with_quorum(trusted.policy, str(required))
    for name in changed.other_logs:
        session.notice(f"the log {name} of the witness policy is another one and does not count here")
    for name, why in changed.quorum.unusable.items():
        session.notice(f"the witness {name} cannot be used: {why}")
    return _change(session, shown, trusted, changed, "quorum", dry_run=dry_run, reason=reason)


def _change(
    session: Session,
    shown: Shown,
    trusted: "Trusted",
    changed: "Policy",
    action: str,
    *,
    dry_run: bool,
    reason: str,
    rotation: "Rotation | None" = None,
    check: "Callable[[Change], None]" = lambda _: None,
) -> int:
    from remembrancer.errors import counted
    from remembrancer.record.trust_change import change_policy

    done = change_policy(
        session, trusted, changed, action, dry_run=dry_run, reason=reason, rotation=rotation, check=check
    )
    change = done.change
    lost = [f"would no longer verify: {one.subject}: {one.message} [{one.code}]" for one in change.lost]
    data: dict[str, object] = {
        "version": change.policy.version,
        "digest": change.policy.digest,
        "dryRun": dry_run,
        "lost": [{"subject": one.subject, "code": one.code, "message": one.message} for one in change.lost],
    }
    name = f"trust {action}"
    lines = [f"{counted(len(change.lost), 'proof')} would no longer verify", *lost]
    if change.waiting:
        lines.append("some of them only wait to be sealed: seal and publish first, then make the change")
    if done.receipt is None or done.sealed is None:
        lines.append("nothing was changed")
    else:
        receipt = done.receipt.as_posix()
        data.update(receipt=receipt, **sealed_data(done.sealed))
        lines += [
            f"policy version {change.policy.version} is in force",
            f"recorded {receipt}",
            *sealed_lines(done.sealed),
        ]
        if change.policy.owner != trusted.owner:
            lines.append(f"from now on the owner is {change.policy.owner}: everybody who verifies must pin it")
    return say(Report(name, data=data, notices=session.notices), shown.format, *lines)
