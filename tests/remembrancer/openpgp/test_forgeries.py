"""Every trap of DESIGN section 7 for OpenPGP: our verdict, and beside it what gpg, gpgv and pysequoia say."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pysequoia
import pytest

from pgp_forgeries import FORGERIES, Case, Forgery
from pgp_support import DATA, Gpg
from remembrancer.errors import RemembrancerError
from remembrancer.openpgp import verify_detached

each = pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.what)


@pytest.fixture
def gpg() -> Iterator[Gpg]:
    made = Gpg()
    yield made
    made.close()


def _dearmored(gpg: Gpg, case: Case) -> tuple[Path, Path, Path]:
    """Write what gpg and gpgv need, with the trusted certificates in a keyring of their own."""
    ring, signature, data = gpg.home / "ring", gpg.home / "signature", gpg.home / "signed"
    plain = [gpg.gpg("--dearmor", stdin=one) if one[:1] == b"-" else one for one in case.certificates]
    ring.write_bytes(b"".join(plain))
    signature.write_bytes(case.signature)
    data.write_bytes(DATA)
    return ring, signature, data


def by_gpg(gpg: Gpg, case: Case) -> bool:
    ring, signature, data = _dearmored(gpg, case)
    command = ["gpg", "--homedir", gpg.home, "--batch", "--no-default-keyring", "--keyring", ring]
    return subprocess.run([*command, "--verify", signature, data], capture_output=True, check=False).returncode == 0


def by_gpgv(gpg: Gpg, case: Case) -> bool:
    ring, signature, data = _dearmored(gpg, case)
    command = ["gpgv", "--homedir", gpg.home, "--keyring", ring, signature, data]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def by_pysequoia(case: Case) -> bool:
    try:
        certificates = [pysequoia.Cert.from_bytes(one) for one in case.certificates]
        signature = pysequoia.Sig.from_bytes(case.signature)
        pysequoia.verify(bytes=DATA, store=lambda _: certificates, signature=signature)
    except Exception:  # noqa: BLE001 - it reports with whatever its bindings raise
        return False
    return True


@each
def test_a_forgery_is_refused_for_its_own_reason(gpg: Gpg, forgery: Forgery) -> None:
    case = forgery.make(gpg)
    with pytest.raises(RemembrancerError) as refusal:
        verify_detached(case.signature, DATA, case.certificates)
    assert refusal.value.code == forgery.code
    assert not refusal.value.message.endswith(".")
    assert "\n" not in refusal.value.message
    accepted = {name for name, verdict in (("gpg", by_gpg(gpg, case)), ("pysequoia", by_pysequoia(case))) if verdict}
    assert accepted <= forgery.accepted_by


def test_the_honest_signature_passes_everywhere(gpg: Gpg) -> None:
    key = gpg.key("signer")
    case = Case(gpg.sign(key), (gpg.export(key),))
    assert verify_detached(case.signature, DATA, case.certificates).primary_fingerprint == key
    assert by_gpg(gpg, case)
    assert by_pysequoia(case)


@pytest.mark.system
@each
def test_gpgv_is_fooled_by_no_more_than_the_table_says(gpg: Gpg, forgery: Forgery) -> None:
    assert not by_gpgv(gpg, forgery.make(gpg)) or "gpgv" in forgery.accepted_by


@pytest.mark.system
def test_gpgv_accepts_the_honest_signature(gpg: Gpg) -> None:
    key = gpg.key("signer")
    assert by_gpgv(gpg, Case(gpg.sign(key), (gpg.export(key),)))
