"""OpenPGP: making detached signatures with the user's own gpg, and judging them with pysequoia and rules of our own.

`verify` judges a signature, `certificate` says what a certificate states about its keys, `armor` and `packets` are the
strict readers below both, `gpg` signs. Whether a key was still good at a proven time is the policy's question.

>>> from pathlib import Path
>>> from remembrancer.openpgp import create_throwaway, export_public, sign_detached, verify_detached
>>> home = Path("gnupg")
>>> fingerprint = create_throwaway(home)
>>> _ = Path("release.tar.gz").write_bytes(b"what is released")
>>> signature = sign_detached(Path("release.tar.gz"), fingerprint, home)
>>> certificate = export_public(fingerprint, home)

A signature is judged against certificates that the caller trusts; no keyring is asked:

>>> facts = verify_detached(signature, Path("release.tar.gz"), [certificate])
>>> facts.primary_fingerprint == fingerprint
True
>>> verify_detached(signature, b"something else", [certificate])
Traceback (most recent call last):
remembrancer.errors.Rejected: ...
"""

from typing import TYPE_CHECKING

from remembrancer.lazy import attach

if TYPE_CHECKING:
    from remembrancer.openpgp.certificate import CertificateFacts, Revocation, certificate_facts, signing_ends
    from remembrancer.openpgp.gpg import create_throwaway, export_public, sign_detached
    from remembrancer.openpgp.verify import SignatureFacts, verify_detached
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "certificate": "CertificateFacts, Revocation, certificate_facts, signing_ends",
            "gpg": "create_throwaway, export_public, sign_detached",
            "verify": "SignatureFacts, verify_detached",
        },
    )

__all__ = [
    "CertificateFacts",
    "Revocation",
    "SignatureFacts",
    "certificate_facts",
    "create_throwaway",
    "export_public",
    "sign_detached",
    "signing_ends",
    "verify_detached",
]
