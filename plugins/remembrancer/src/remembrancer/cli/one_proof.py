"""`verify-signature` and `verify-timestamp`: one proof, judged by trust that stands on the command line."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from remembrancer.cli.common import Session, command
from remembrancer.cli.output import Report, emit

if TYPE_CHECKING:
    from remembrancer.trust.policy import Material

FILE = click.Path(path_type=Path)
_ABSENT = "Check the path, or fetch the file from where it was published."


def read_file(path: Path, limit: int = 1 << 20) -> bytes:
    """Return a small file's bytes; raises BadInput(input.file), EnvironmentTrouble(env.io)."""
    from remembrancer.errors import BadInput, EnvironmentTrouble

    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise BadInput("input.file", f"there is no file {path}", _ABSENT) from error
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"cannot read {path}: {error.strerror}") from error
    if len(data) > limit:
        raise BadInput("input.file", f"{path} is larger than {limit} bytes")
    return data


@click.command(
    "verify-signature",
    epilog="Example: remembrancer verify-signature --signature a.tar.gz.asc --data a.tar.gz --key signer.asc",
)
@click.option("--signature", type=FILE, required=True, help="A detached OpenPGP signature, armored or binary.")
@click.option("--data", type=FILE, required=True, help="The signed file.")
@click.option("--key", "keys", type=FILE, multiple=True, required=True, help="A public certificate that you trust.")
@click.option(
    "--at", metavar="TIME", help="A time at which the signature provably existed, such as 2026-01-02T03:04:05Z."
)
@command(root=False)
def verify_signature(session: Session, signature: Path, data: Path, keys: tuple[Path, ...], at: str | None) -> int:
    """Check one signature by one of the given keys. An ended key counts only with --at before its end."""
    from remembrancer import openpgp
    from remembrancer.clock import rfc3339
    from remembrancer.errors import Rejected, Unverifiable
    from remembrancer.system.digests import sha256_file
    from remembrancer.trust.policy import Term
    from remembrancer.trust.validity import KeyFacts, judge
    from remembrancer.verify.artifact import negative, positive

    proven = moment(at, "--at")
    certificates = [read_file(path) for path in keys]
    sha256_file(data)
    try:
        facts = openpgp.verify_detached(read_file(signature), data, certificates)
        ended = facts.certificate
        trouble = judge(
            f"key {facts.primary_fingerprint}",
            Term(),
            KeyFacts(ended.revoked, ended.expires),
            claimed=facts.created,
            proven=proven,
            now=session.clock.now(),
        )
        if trouble:
            raise trouble
    except (Rejected, Unverifiable) as error:
        finding = negative("signature", str(data), error)
    else:
        message = f"signed with {facts.algorithm} and {facts.hash_algorithm}"
        who, when = facts.primary_fingerprint, rfc3339(facts.created)
        finding = positive("signature", str(data), message, who, when, signingKey=facts.signing_fingerprint)
    return emit(Report("verify-signature", str(data), "given keys", [finding]), session.output)


def moment(text: str | None, option: str) -> datetime | None:
    """Return the time that an option gives; raises BadInput(input.time)."""
    from remembrancer.clock import parse_rfc3339
    from remembrancer.errors import BadInput

    if text is None:
        return None
    try:
        return parse_rfc3339(text)
    except ValueError as error:
        raise BadInput("input.time", f"{option}: {error}") from error


@click.command(
    "verify-timestamp",
    epilog="Example: remembrancer verify-timestamp --token a.tar.gz.tsr --data a.tar.gz --root tsa-root.pem",
)
@click.option("--token", type=FILE, required=True, help="The RFC 3161 response (.tsr).")
@click.option("--data", type=FILE, required=True, help="The stamped file.")
@click.option(
    "--root", "roots", type=FILE, multiple=True, required=True, help="A root certificate (PEM) that you trust."
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
    from remembrancer.clock import rfc3339
    from remembrancer.errors import Rejected
    from remembrancer.timestamp import Authority
    from remembrancer.timestamp.checks import check_response, imprint_algorithm
    from remembrancer.verify.artifact import negative, positive

    authority = Authority(
        name="given roots",
        url="",
        roots=tuple(der for path in roots for der in _certificates(path)),
        policy_oids=policies,
        allow_ess_v1=allow_ess_v1,
        intermediates=tuple(der for path in intermediates for der in _certificates(path)),
    )
    response, asked = read_file(token), _nonce(nonce)
    _digest(data, "sha256")
    try:
        digest = _digest(data, imprint_algorithm(response))
        facts = check_response(response, digest, authority, asked, session.clock.now())
    except Rejected as error:
        finding = negative("timestamp", str(data), error)
    else:
        message = f"policy {facts.policy}, serial {facts.serial:x}"
        finding = positive("timestamp", str(data), message, facts.signer_subject, rfc3339(facts.gen_time))
    return emit(Report("verify-timestamp", str(data), "given roots", [finding]), session.output)


def materials(paths: "tuple[Path, ...]") -> "tuple[Material, ...]":
    """Return the certificates of PEM files as a policy holds them; raises BadInput(input.certificate)."""
    import hashlib

    from remembrancer.trust.policy import Material

    found = [der for path in paths for der in _certificates(path)]
    return tuple(Material(hashlib.sha256(der).hexdigest(), der) for der in found)


def _nonce(text: str | None) -> int | None:
    from remembrancer.errors import BadInput

    if text is None:
        return None
    digits = text.removeprefix("0x")
    if not digits or len(digits) > 64 or any(char not in "0123456789abcdefABCDEF" for char in digits):
        raise BadInput("input.nonce", "--nonce must be hexadecimal digits")
    return int(digits, 16)


def _digest(path: Path, algorithm: str) -> bytes:
    import hashlib

    from remembrancer.errors import BadInput, EnvironmentTrouble

    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, algorithm).digest()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise BadInput("input.file", f"there is no file {path}", _ABSENT) from error
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"cannot read {path}: {error.strerror}") from error


def _certificates(path: Path) -> list[bytes]:
    """Return the DER certificates of a PEM file; raises BadInput(input.certificate)."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from remembrancer.errors import BadInput

    try:
        return [one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates(read_file(path))]
    except ValueError as error:
        raise BadInput("input.certificate", f"{path} holds no PEM certificate") from error
