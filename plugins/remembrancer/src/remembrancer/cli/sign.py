"""`sign` and `timestamp`: make a proof of an artifact, put it beside the artifact, and record it."""

from pathlib import Path

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.output import Report, say
from remembrancer.cli.record import NO_SEAL
from remembrancer.cli.seal import sealed_data, sealed_lines

ARTIFACT = click.argument("artifact", type=click.Path(path_type=Path))


@click.command(epilog="Example: remembrancer sign dist/my-svc-1.0.0.tar.gz")
@ARTIFACT
@click.option("--key", metavar="KEY", help="Key id or fingerprint. Default: the policy's signer, never any other key.")
@click.option(
    "--check",
    is_flag=True,
    help="Only say whether it can be signed and sealed here (--no-seal: signed); write nothing.",
)
@NO_SEAL
@command(trust=True)
def sign(session: Session, shown: Shown, artifact: Path, *, key: str | None, check: bool, no_seal: bool) -> int:
    """Sign ARTIFACT with OpenPGP: writes ARTIFACT.asc and a sign receipt."""
    from remembrancer.record import finish

    if check:
        who = finish.ready(session, key, seal=not no_seal)
        report = Report("sign", str(artifact), data={"fingerprint": who}, notices=session.notices)
        return say(report, shown.format, f"{artifact} can be signed here, by {who}")
    done, sealed = finish.sign(session, artifact, key, wait=no_seal)
    data = {"receipt": str(done.receipt), "file": str(done.file), "fingerprint": done.who, **sealed_data(sealed)}
    return say(
        Report("sign", str(artifact), data=data, notices=session.notices),
        shown.format,
        f"signed {artifact} as {done.who}: {done.file}",
        f"recorded {done.receipt}",
        *sealed_lines(sealed),
    )


@click.command(epilog="Example: remembrancer timestamp dist/my-svc-1.0.0.tar.gz")
@ARTIFACT
@click.option(
    "--tsa", metavar="NAME", help="An authority of the policy, by name or URL. Default: the first that answer."
)
@NO_SEAL
@command(trust=True)
def timestamp(session: Session, shown: Shown, artifact: Path, tsa: str | None, no_seal: bool) -> int:
    """Get an RFC 3161 timestamp over ARTIFACT, check it, and write ARTIFACT.tsr and a timestamp receipt.

    Where the policy requires several, each of as many authorities gives one; the later files are ARTIFACT.NAME.tsr.
    """
    from remembrancer.record import finish

    found, sealed = finish.timestamp(session, artifact, tsa, wait=no_seal)
    first, *others = [
        {"receipt": str(one.receipt), "file": str(one.file), "authority": one.who, "genTime": one.when} for one in found
    ]
    data = {**first, **({"others": others} if others else {}), **sealed_data(sealed)}
    lines = [
        line
        for one in found
        for line in (f"stamped {artifact} at {one.when} by {one.who}: {one.file}", f"recorded {one.receipt}")
    ]
    report = Report("timestamp", str(artifact), data=data, notices=session.notices)
    return say(report, shown.format, *lines, *sealed_lines(sealed))
