"""Signing with the user's own gpg, agent, smartcard and keys; and throw-away keys for development.

Every call names a fingerprint: a key is never chosen by chance, and no gpg.conf has a say in what is signed how.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from remembrancer.errors import BadInput, EnvironmentTrouble

_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
# a socket's path holds 103 bytes on macOS and 107 on Linux; the agent's longest socket name is S.gpg-agent.browser
_LONGEST_HOME = 80
_SECONDS = 60
_ASKED = (
    "The key has a passphrase that gpg could not ask for: say `export GPG_TTY=$(tty)` in a terminal and run it again, "
    "or unlock the key first by signing anything with gpg."
)
# what gpg says when it cannot sign, and what helps
_REMEDIES = {
    "Inappropriate ioctl": _ASKED,
    "No pinentry": _ASKED,
    "Timeout": _ASKED,
    "Operation cancelled": "Run it again and give the passphrase.",
    "Bad passphrase": "Run it again and give the right passphrase.",
    "Unusable secret key": "The key has expired, was revoked or may not sign: `gpg --list-secret-keys` tells which; "
    "extend it with `gpg --quick-set-expire`, or use another key.",
}


def sign_detached(path: Path, fingerprint: str, homedir: Path | None = None) -> bytes:
    """Return an armored detached signature over a file by the key with this primary fingerprint.

    Without `homedir` the user's own keys and agent are used; a given one is taken for ours, so its agent is ended.
    Raises BadInput `sig.no-key` if there is no such secret key; EnvironmentTrouble `env.no-gpg` without gpg,
    `env.gpg` if gpg refuses or fails, `env.io` if the file cannot be read.
    """
    with _gpg(homedir) as gpg:
        _require_key(gpg, fingerprint, secret=True)
        try:
            with path.open("rb") as file:
                # python-gnupg names the key as a default only, for which gpg may take another one
                arguments = ["--local-user", fingerprint, "--personal-digest-preferences", "SHA256 SHA384 SHA512"]
                made = gpg.sign_file(file, keyid=fingerprint, detach=True, binary=False, extra_args=arguments)
        except OSError as error:
            raise EnvironmentTrouble("env.io", f"{path} cannot be read: {error.strerror or error}") from error
    signature = bytes(made.data or b"")
    if not signature.startswith(b"-----BEGIN PGP SIGNATURE-----"):
        said = _complaint(made)
        remedy = next((advice for words, advice in _REMEDIES.items() if words in said), "")
        raise EnvironmentTrouble("env.gpg", f"gpg could not sign with key {fingerprint}: {said}", remedy)
    return signature


def require_secret_key(fingerprint: str, homedir: Path | None = None) -> None:
    """Check that gpg holds this primary key's secret part; raises as `sign_detached`, and signs nothing."""
    with _gpg(homedir) as gpg:
        _require_key(gpg, fingerprint, secret=True)


def create_throwaway(homedir: Path, name: str = "Remembrancer development key (throw-away)") -> str:
    """Make an Ed25519 signing key without passphrase or expiry in a folder of its own, and return its fingerprint.

    The folder is made with mode 0700; gpg's agent for it is ended. Raises EnvironmentTrouble `env.no-gpg`, `env.gpg`
    or `env.io`.
    """
    try:
        homedir.mkdir(mode=0o700, parents=True, exist_ok=True)
        homedir.chmod(0o700)
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"{homedir} cannot be made: {error.strerror or error}") from error
    parameters = [
        "Key-Type: eddsa",
        "Key-Curve: ed25519",
        "Key-Usage: sign",
        f"Name-Real: {''.join(letter for letter in name if letter.isprintable())}",
        "Expire-Date: 0",
        "%no-protection",
        "%commit",
    ]
    with _gpg(homedir) as gpg:
        made = gpg.gen_key("\n".join(parameters) + "\n")
    if not _FINGERPRINT.fullmatch(made.fingerprint or ""):
        raise EnvironmentTrouble("env.gpg", f"gpg could not make a development key: {_complaint(made)}")
    return str(made.fingerprint)


def export_public(fingerprint: str, homedir: Path | None = None) -> bytes:
    """Return the armored public certificate of the key with this primary fingerprint, without others' certifications.

    Raises BadInput `sig.no-key` if there is none, EnvironmentTrouble `env.no-gpg` or `env.gpg`.
    """
    with _gpg(homedir) as gpg:
        _require_key(gpg, fingerprint, secret=False)
        exported = gpg.export_keys([fingerprint], minimal=True)
    if not exported:
        raise EnvironmentTrouble("env.gpg", f"gpg could not export key {fingerprint}")
    return str(exported).encode("ascii")


def _require_key(gpg: Any, fingerprint: str, *, secret: bool) -> None:
    """Check that gpg holds a key with exactly this primary fingerprint."""
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise BadInput("sig.no-key", f"{fingerprint!r} is not a complete fingerprint (40 or 64 upper-case hex digits)")
    kind = "secret" if secret else "public"
    listed = [key["fingerprint"] for key in gpg.list_keys(secret, keys=[fingerprint])]
    if not listed:
        raise BadInput("sig.no-key", f"gpg has no {kind} key with the fingerprint {fingerprint}")
    if listed != [fingerprint]:
        raise BadInput("sig.no-key", f"{fingerprint} is a subkey; name its primary key {listed[0]}")


@contextmanager
def _gpg(homedir: Path | None) -> Iterator[Any]:
    """Yield python-gnupg's object for the user's keys or for a folder, whose agent is ended at the end."""
    program = shutil.which("gpg")
    if program is None:
        raise EnvironmentTrouble("env.no-gpg", "gpg is needed for signing, and is not installed")
    # imported here, because verifying needs none of it
    import gnupg  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        if homedir is None:
            yield gnupg.GPG(program, options=["--no-options"])
            return
        with _short_name(homedir) as home:
            try:
                yield gnupg.GPG(program, gnupghome=str(home), options=["--no-options"])
            finally:
                _end_agent(home)
    except (OSError, ValueError) as error:
        raise EnvironmentTrouble("env.gpg", f"gpg cannot be used: {error}") from error


@contextmanager
def _short_name(homedir: Path) -> Iterator[Path]:
    """Yield a path of the folder that is short enough for the agent's sockets, which are named after it."""
    absolute = homedir.absolute()
    if len(str(absolute).encode()) <= _LONGEST_HOME:
        yield absolute
        return
    # TMPDIR itself may be long, as on macOS
    with tempfile.TemporaryDirectory(prefix="rmb-", dir="/tmp") as folder:
        link = Path(folder, "g")
        link.symlink_to(absolute, target_is_directory=True)
        yield link


def _end_agent(home: Path) -> None:
    program = shutil.which("gpgconf")
    if program is not None:
        arguments = [program, "--homedir", str(home), "--kill", "all"]
        subprocess.run(arguments, check=False, timeout=_SECONDS, stdin=subprocess.DEVNULL, capture_output=True)


def _complaint(result: Any) -> str:
    """Return gpg's last own line about what went wrong."""
    lines = [line for line in str(result.stderr or "").splitlines() if line.startswith("gpg: ")]
    return lines[-1].removeprefix("gpg: ").rstrip(".") if lines else str(result.status or "it gave no reason")
