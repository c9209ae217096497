"""What other programs say about a timestamp response over `tsa_support.DATA`: True for genuine."""

import subprocess
import warnings
from contextlib import suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyasn1.codec.der import decoder
from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

from late import Late
from remembrancer.timestamp import Authority
from remembrancer.timestamp.request import make_request
from tsa_support import DATA, DIGEST, NONCE, NOW

rfc3161ng = Late("rfc3161ng")


def rfc3161_client(
    response: bytes, authority: Authority, *, by_digest: bool = False, nonce: int | None = NONCE
) -> bool:
    """rfc3161-client with the trusted roots, the nonce and the policy; over the data or over its digest."""
    policy = x509.ObjectIdentifier(authority.policy_oids[0]) if authority.policy_oids else None
    roots = _roots(authority)
    verifier = VerifierBuilder(roots=roots, nonce=nonce, policy_id=policy).build()
    try:
        decoded = decode_timestamp_response(response)
        return verifier.verify(decoded, DIGEST) if by_digest else verifier.verify_message(decoded, DATA)
    except (VerificationError, ValueError):
        return False


def _roots(authority: Authority) -> list[x509.Certificate]:
    """Return the roots that can be read; the tools take nothing else."""
    found = []
    for der in authority.roots:
        with suppress(ValueError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found.append(x509.load_der_x509_certificate(der))
    return found


def rfc3161_ng(response: bytes, authority: Authority) -> bool:
    """rfc3161ng with the nonce and the certificate that the token carries, as its own documentation does."""
    try:
        decoded, _ = decoder.decode(response, asn1Spec=rfc3161ng.TimeStampResp())
        token = decoded.time_stamp_token
        return bool(rfc3161ng.check_timestamp(token, certificate=b"", digest=DIGEST, hashname="sha256", nonce=NONCE))
    except Exception:  # noqa: BLE001 - it reports with whatever its decoders raise
        return False


def openssl(response: bytes, authority: Authority, folder: Path, *, query: bool = False) -> bool:
    """`openssl ts -verify` with the trusted roots as of the tests' time; over the data, or with the request."""
    paths = {name: folder / name for name in ("response", "data", "query", "roots")}
    paths["response"].write_bytes(response)
    paths["data"].write_bytes(DATA)
    policy = authority.policy_oids[0] if authority.policy_oids else None
    paths["query"].write_bytes(make_request(DIGEST, NONCE, policy))
    roots = _roots(authority)
    paths["roots"].write_bytes(b"".join(root.public_bytes(Encoding.PEM) for root in roots))
    what = ["-queryfile", paths["query"]] if query else ["-data", paths["data"]]
    command = ["openssl", "ts", "-verify", "-in", paths["response"], *what, "-CAfile", paths["roots"]]
    command += ["-attime", str(int(NOW.timestamp()))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode == 0 and "Verification: OK" in done.stdout
