"""`verify-timestamp` with what authorities really send: the words, the exit status, and nothing from a library."""

import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tsa_shapes import SHAPES, World
from tsa_support import DATA, NONCE, Entity, certify, root

VECTORS = Path(__file__).parents[2] / "vectors" / "real-tsa"
SHAPE = {shape.what: shape for shape in SHAPES}


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "remembrancer", "verify-timestamp", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def judged(folder: Path, response: bytes, *roots: Entity | bytes) -> subprocess.CompletedProcess[str]:
    (folder / "data").write_bytes(DATA)
    (folder / "token.tsr").write_bytes(response)
    pem = b"".join(one if isinstance(one, bytes) else one.pem for one in roots)
    (folder / "root.pem").write_bytes(pem)
    return run("--token", folder / "token.tsr", "--data", folder / "data", "--root", folder / "root.pem")


@pytest.mark.parametrize("name", ["digicert", "globalsign"])
def test_real_tokens(name: str) -> None:
    paths = [VECTORS / f"{name}{end}" for end in (".tsr", ".data", "-root.pem")]
    done = run("--token", paths[0], "--data", paths[1], "--root", paths[2])
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.parametrize(
    ("what", "status", "said"),
    [
        ("seven digits of fraction in genTime", 0, "2026-01-15T12:00:00"),
        ("an issuer name in another string type than its subject", 0, "VERIFIED"),
        ("a bare token where a response belongs", 0, "VERIFIED"),
        ("an RSASSA-PSS signature", 1, "not supported"),
        ("an Ed25519 signature", 1, "not supported"),
        ("signed attributes that are not in order, signed as they stand", 1, "RFC 5652 section 5.3"),
        ("an unreadable certificate beside the good ones", 1, "could not be read"),
    ],
)
def test_the_true_reason_is_given(what: str, status: int, said: str, tmp_path: Path) -> None:
    done = judged(tmp_path, SHAPE[what].honest(), root())
    assert (done.returncode, said in done.stdout, done.stderr) == (status, True, ""), done.stdout
    assert not status or not any(word in done.stdout for word in ("forged", "weak", "does not hold"))


def test_an_unusable_root_is_named_and_passed_over(tmp_path: Path) -> None:
    junk = b"-----BEGIN CERTIFICATE-----\nMAIFAA==\n-----END CERTIFICATE-----\n"
    zero = certify("Zero Root", ca=True, serial=0)
    middle = certify("Middle", root(), ca=True)
    done = judged(tmp_path, World().forge(), junk, zero, middle, root())
    assert (done.returncode, done.stderr) == (0, "")
    assert "passed over: a certificate that cannot be read" in done.stdout
    assert "passed over: CN=Middle is not self-signed" in done.stdout
    assert "CN=Zero Root" not in done.stdout


def test_a_root_with_serial_number_0_is_a_root_without_a_warning(tmp_path: Path) -> None:
    shape = SHAPE["a root with serial number 0"]
    done = judged(tmp_path, shape.honest(), ssl.DER_cert_to_PEM_cert(shape.authority.roots[0]).encode())
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_a_root_that_is_only_an_intermediate_is_told_what_to_do(tmp_path: Path) -> None:
    middle = certify("Middle", root(), ca=True, usage=("key_cert_sign",))
    done = judged(tmp_path, World().forge(signer=World().tsa(middle)), middle)
    assert done.returncode == 1
    assert "CN=Middle is not self-signed" in done.stdout
    assert "--intermediate" in done.stdout


def test_a_nonce_that_was_asked_for(tmp_path: Path) -> None:
    judged(tmp_path, World().forge(), root())
    given = ("--token", tmp_path / "token.tsr", "--data", tmp_path / "data", "--root", tmp_path / "root.pem")
    assert run(*given, "--nonce", f"{NONCE:x}").returncode == 0
