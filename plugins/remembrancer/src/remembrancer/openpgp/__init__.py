"""OpenPGP: making detached signatures with the user's own gpg, and judging them with pysequoia and rules of our own.

`verify` judges a signature, `certificate` says what a certificate states about its keys, `armor` and `packets` are the
strict readers below both, `gpg` signs. Whether a key was still good at a proven time is the policy's question.
"""

from typing import TYPE_CHECKING

from remembrancer.openpgp.certificate import CertificateFacts, Revocation, certificate_facts, signing_ends
from remembrancer.openpgp.verify import SignatureFacts, verify_detached

if TYPE_CHECKING:
    from remembrancer.openpgp.gpg import create_throwaway, export_public, sign_detached

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

_SIGNING = frozenset({"create_throwaway", "export_public", "sign_detached"})


def __getattr__(name: str) -> object:
    """Import what signs when it is first asked for, because a verdict starts no programs."""
    if name not in _SIGNING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from remembrancer.openpgp import gpg  # noqa: PLC0415

    return getattr(gpg, name)
