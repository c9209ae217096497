"""Signing with gpg: by the key that was named or not at all, whatever gpg's own configuration says."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgp_support import DATA, Gpg
from remembrancer.errors import BadInput, EnvironmentTrouble
from remembrancer.openpgp import certificate_facts, create_throwaway, export_public, sign_detached, verify_detached


@pytest.fixture
def gpg() -> Iterator[Gpg]:
    made = Gpg()
    yield made
    made.close()


@pytest.fixture
def home(gpg: Gpg) -> Path:
    """A folder for a throw-away key that is cleaned up with the agent."""
    return gpg.home


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    path = tmp_path / "artifact"
    path.write_bytes(DATA)
    return path


def test_a_throw_away_key_signs(home: Path, artifact: Path) -> None:
    fingerprint = create_throwaway(home)
    signature = sign_detached(artifact, fingerprint, home)
    certificate = export_public(fingerprint, home)
    facts = verify_detached(signature, artifact, [certificate])
    assert facts.primary_fingerprint == facts.signing_fingerprint == fingerprint
    assert (facts.algorithm, facts.hash_algorithm) == ("EdDSA", "sha256")
    assert (facts.certificate.expires, facts.certificate.revoked) == (None, "")
    assert certificate.startswith(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
    assert signature.startswith(b"-----BEGIN PGP SIGNATURE-----\n\n")


def test_the_folder_is_the_users_own_and_the_agent_ends(gpg: Gpg, artifact: Path) -> None:
    gpg.home.chmod(0o755)
    fingerprint = create_throwaway(gpg.home)
    assert stat.S_IMODE(gpg.home.stat().st_mode) == 0o700
    assert gpg.agent_ends()
    sign_detached(artifact, fingerprint, gpg.home)
    assert gpg.agent_ends()


def test_a_folder_whose_path_is_too_long_for_sockets(tmp_path: Path, artifact: Path) -> None:
    home = tmp_path / ("long" * 20) / ("longer" * 15) / "gnupg"
    fingerprint = create_throwaway(home)
    signature = sign_detached(artifact, fingerprint, home)
    assert verify_detached(signature, DATA, [export_public(fingerprint, home)]).primary_fingerprint == fingerprint
    assert not list(home.glob("S.*"))


def test_a_name_cannot_add_parameters(home: Path) -> None:
    fingerprint = create_throwaway(home, "Some\nName-Email: evil@example.invalid\n%echo hello")
    listed = subprocess.run(
        ["gpg", "--homedir", home, "--batch", "--with-colons", "--list-keys", fingerprint],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    users = [line.split(":")[9] for line in listed.splitlines() if line.startswith("uid:")]
    assert len(users) == 1
    assert users[0].startswith("SomeName-Email")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(EnvironmentTrouble) as trouble:
        create_throwaway(tmp_path / "file" / "home")
    assert trouble.value.code == "env.io"


def test_never_another_key(gpg: Gpg, artifact: Path) -> None:
    """gpg itself signs with any secret key when the default one is missing."""
    other, wanted = gpg.key("other"), gpg.key("wanted")
    public = gpg.export(wanted)
    gpg.gpg("--delete-secret-and-public-key", wanted)
    gpg.gpg("--import", stdin=public)
    for fingerprint in (wanted, other[:-1] + ("0" if other[-1] != "0" else "1")):
        with pytest.raises(BadInput) as refusal:
            sign_detached(artifact, fingerprint, gpg.home)
        assert refusal.value.code == "sig.no-key"
    assert export_public(wanted, gpg.home)


@pytest.mark.parametrize(
    "shorten",
    [
        str.lower,
        lambda one: one[-16:],
        lambda one: one[-8:],
        lambda one: "0x" + one,
        lambda one: one + "!",
        lambda _: "",
    ],
    ids=["lower case", "key id", "short id", "prefix", "exclamation", "empty"],
)
def test_only_a_complete_fingerprint_names_a_key(gpg: Gpg, artifact: Path, shorten: object) -> None:
    fingerprint = gpg.key("signer")
    for name in (shorten(fingerprint), "signer", "signer@example.invalid", "--help"):  # type: ignore[operator]
        with pytest.raises(BadInput) as refusal:
            sign_detached(artifact, name, gpg.home)
        assert refusal.value.code == "sig.no-key"


def test_a_subkey_is_not_the_key(gpg: Gpg, artifact: Path) -> None:
    primary = gpg.key("with-subkey", usage="cert")
    subkey = gpg.add_subkey(primary)
    with pytest.raises(BadInput, match=primary) as refusal:
        sign_detached(artifact, subkey, gpg.home)
    assert refusal.value.code == "sig.no-key"
    facts = verify_detached(sign_detached(artifact, primary, gpg.home), DATA, [export_public(primary, gpg.home)])
    assert (facts.primary_fingerprint, facts.signing_fingerprint) == (primary, subkey)


@pytest.mark.parametrize("end", ["expired", "revoked"])
def test_an_ended_key_does_not_sign(gpg: Gpg, artifact: Path, end: str) -> None:
    key = gpg.key("ended", lasts="1y" if end == "expired" else "never")
    if end == "revoked":
        gpg.revoke(key, 1)
    with pytest.raises(EnvironmentTrouble) as trouble:
        sign_detached(artifact, key, gpg.home)
    assert trouble.value.code == "env.gpg"
    assert key in trouble.value.message
    assert "gpg --quick-set-expire" in trouble.value.remedy


def test_a_key_with_a_passphrase_is_asked_for_and_not_guessed(gpg: Gpg, artifact: Path) -> None:
    gpg.run(
        "gpg",
        "--batch",
        "--passphrase",
        "secret",
        "--quick-generate-key",
        "locked <l@example.invalid>",
        "ed25519",
        "sign",
        "never",
    )
    key = gpg.fingerprints("locked")[0]
    (gpg.home / "gpg-agent.conf").write_text("pinentry-program /bin/false\n")
    with pytest.raises(EnvironmentTrouble) as trouble:
        sign_detached(artifact, key, gpg.home)
    assert trouble.value.code == "env.gpg"
    assert "GPG_TTY" in trouble.value.remedy


def test_a_configuration_has_no_say(gpg: Gpg, artifact: Path) -> None:
    wanted, other = gpg.key("wanted", "rsa2048"), gpg.key("other")
    lines = [
        "digest-algo SHA1",
        "textmode",
        "comment approved",
        f"local-user {other}",
        f"default-key {other}",
        "emit-version",
    ]
    (gpg.home / "gpg.conf").write_text("\n".join(lines) + "\n")
    facts = verify_detached(sign_detached(artifact, wanted, gpg.home), DATA, [export_public(wanted, gpg.home)])
    assert (facts.primary_fingerprint, facts.hash_algorithm) == (wanted, "sha256")


@pytest.mark.parametrize("algorithm", ["nistp384", "nistp521"])
def test_large_curves_get_large_hashes(gpg: Gpg, artifact: Path, algorithm: str) -> None:
    key = gpg.key("large", algorithm)
    facts = verify_detached(sign_detached(artifact, key, gpg.home), DATA, [export_public(key, gpg.home)])
    assert facts.hash_algorithm == {"nistp384": "sha384", "nistp521": "sha512"}[algorithm]


def test_the_users_own_keys_need_no_folder(gpg: Gpg, artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = gpg.key("own")
    monkeypatch.setenv("GNUPGHOME", str(gpg.home))
    assert verify_detached(sign_detached(artifact, key), DATA, [export_public(key)]).primary_fingerprint == key
    assert gpg.agent_runs()


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_a_file_that_cannot_be_read(gpg: Gpg, tmp_path: Path, kind: str) -> None:
    key = gpg.key("signer")
    with pytest.raises(EnvironmentTrouble) as trouble:
        sign_detached(tmp_path / "missing" if kind == "missing" else tmp_path, key, gpg.home)
    assert trouble.value.code == "env.io"


def test_no_gpg(home: Path, artifact: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for attempt in (
        lambda: sign_detached(artifact, "A" * 40, home),
        lambda: create_throwaway(home),
        lambda: export_public("A" * 40, home),
    ):
        with pytest.raises(EnvironmentTrouble) as trouble:
            attempt()
        assert trouble.value.code == "env.no-gpg"


def test_a_gpg_that_does_not_work(
    home: Path, artifact: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fake = tmp_path / "bin" / "gpg"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")
    with pytest.raises((EnvironmentTrouble, BadInput)):
        sign_detached(artifact, "A" * 40, home)
    assert capfd.readouterr().err == ""


def test_no_such_folder(artifact: Path, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentTrouble) as trouble:
        sign_detached(artifact, "A" * 40, tmp_path / "nowhere")
    assert trouble.value.code == "env.gpg"


def test_verifying_needs_no_gnupg() -> None:
    code = "import sys, remembrancer.openpgp; sys.exit('gnupg' in sys.modules or 'asn1crypto' in sys.modules)"
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


def test_exports_are_minimal(home: Path) -> None:
    fingerprint = create_throwaway(home)
    assert certificate_facts(export_public(fingerprint, home)).fingerprint == fingerprint
    with pytest.raises(BadInput):
        export_public("A" * 40, home)
