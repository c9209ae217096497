"""`verify-signature` and `verify-timestamp`: one proof, judged by trust given on the command line."""

from datetime import datetime
from pathlib import Path

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command
from remembrancer.cli.output import Report, emit
from remembrancer.cli.times import time_option

FILE = click.Path(path_type=Path)


@click.command(
    "verify-signature",
    epilog="Example: remembrancer verify-signature --signature a.tar.gz.asc --data a.tar.gz --key signer.asc",
)
@click.option("--signature", type=FILE, required=True, help="A detached OpenPGP signature, armored or binary.")
@click.option("--data", type=FILE, required=True, help="The signed file.")
@click.option("--key", "keys", type=FILE, multiple=True, required=True, help="A public certificate that you trust.")
@time_option("--at", "When the signature provably existed, a day to its end", end=True)
@command(root=False)
def verify_signature(
    session: Session, shown: Shown, *, signature: Path, data: Path, keys: tuple[Path, ...], at: datetime | None
) -> int:
    """Check one signature by one of the given keys. An ended key counts only with --at before its end."""
    from remembrancer.system.digests import read_given, sha256_file
    from remembrancer.verify.one_proof import check_signature

    certificates = [read_given(path) for path in keys]
    sha256_file(data)
    finding = check_signature(read_given(signature), data, certificates, proven=at, now=session.clock.now())
    return emit(Report("verify-signature", str(data), "given keys", [finding]), shown.format)


@click.command(
    "verify-timestamp",
    epilog="Example: remembrancer verify-timestamp --token a.tar.gz.tsr --data a.tar.gz --root tsa-root.pem",
)
@click.option("--token", type=FILE, required=True, help="The RFC 3161 response (.tsr), or its bare token.")
@click.option("--data", type=FILE, required=True, help="The stamped file.")
@click.option(
    "--root", "roots", type=FILE, multiple=True, required=True, help="A self-signed root (PEM) that you trust."
)
@click.option(
    "--intermediate",
    "intermediates",
    type=FILE,
    multiple=True,
    help="A certificate (PEM) that helps to build the chain.",
)
@click.option("--policy", "policies", multiple=True, metavar="OID", help="An accepted policy. Default: any.")
@click.option("--nonce", metavar="HEX", help="The nonce that was asked with.")
@click.option("--allow-ess-v1", is_flag=True, help="Accept a SHA-1 signing-certificate attribute.")
@command(root=False)
def verify_timestamp(
    session: Session,
    shown: Shown,
    *,
    token: Path,
    data: Path,
    roots: tuple[Path, ...],
    intermediates: tuple[Path, ...],
    policies: tuple[str, ...],
    nonce: str | None,
    allow_ess_v1: bool,
) -> int:
    """Check one RFC 3161 token over a file, against the given roots only; what the token carries is never trusted."""
    from remembrancer.system.digests import read_given
    from remembrancer.timestamp.certificate import blocks_in, certificates_in
    from remembrancer.timestamp.model import Authority
    from remembrancer.verify.one_proof import check_timestamp

    authority = Authority(
        name="given roots",
        url="",
        roots=tuple(der for path in roots for der in blocks_in(read_given(path), str(path))),
        policy_oids=policies,
        allow_ess_v1=allow_ess_v1,
        intermediates=tuple(der for path in intermediates for der in certificates_in(read_given(path), str(path))),
    )
    finding = check_timestamp(read_given(token), data, authority, _nonce(nonce), session.clock.now())
    return emit(Report("verify-timestamp", str(data), "given roots", [finding]), shown.format)


def _nonce(text: str | None) -> int | None:
    from remembrancer.errors import BadInput

    if text is None:
        return None
    digits = text.removeprefix("0x")
    if not digits or len(digits) > 64 or any(char not in "0123456789abcdefABCDEF" for char in digits):
        raise BadInput("input.nonce", "--nonce must be hexadecimal digits")
    return int(digits, 16)
