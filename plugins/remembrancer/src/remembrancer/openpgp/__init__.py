"""OpenPGP: making detached signatures with the user's own gpg, and judging them with pysequoia and rules of our own.

`verify` judges a signature, `certificate` says what a certificate states about its keys, `armor` and `packets` are the
strict readers below both, `gpg` signs. Whether a key was still good at a proven time is the policy's question.
"""

from remembrancer.openpgp.certificate import CertificateFacts, Revocation, certificate_facts
from remembrancer.openpgp.gpg import create_throwaway, export_public, sign_detached
from remembrancer.openpgp.verify import SignatureFacts, verify_detached

__all__ = [
    "CertificateFacts",
    "Revocation",
    "SignatureFacts",
    "certificate_facts",
    "create_throwaway",
    "export_public",
    "sign_detached",
    "verify_detached",
]
