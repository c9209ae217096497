"""Where private keys are: the development keys of this user, or what a pipeline is given in its environment."""

import os
import stat
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from remembrancer.errors import BadInput, EnvironmentTrouble
from remembrancer.tlog.note import NoteError, SignerKey
from remembrancer.trust.policy import LOCAL_URL, Policy, Profile, Signer
from remembrancer.user.state import State, write_private

LOG_KEY_VARIABLE = "REMEMBRANCER_LOG_KEY"
LOG_KEY_FILE_VARIABLE = "REMEMBRANCER_LOG_KEY_FILE"


def log_key(policy: Policy, state: State, size: int, environ: Mapping[str, str] = os.environ) -> SignerKey | None:
    """Return the private log key for sealing at a tree size, or None when it is not here.

    Looks at REMEMBRANCER_LOG_KEY, REMEMBRANCER_LOG_KEY_FILE, then this user's development keys. Raises
    BadInput(input.log-key) for one that is malformed, not the policy's, or in a file that others can read.
    """
    text, where = environ.get(LOG_KEY_VARIABLE, "").strip(), f"the secret {LOG_KEY_VARIABLE}"
    file = environ.get(LOG_KEY_FILE_VARIABLE, "")
    if not text:
        path = Path(file) if file else state.keys_folder(policy.origin) / "log.key"
        if not file and not path.exists():
            return None
        text, where = _text(path), f"the file {path}"
    key = _parsed(text, where)
    public = key.verifier()
    if not any(listed.key == public and listed.covers(size) for listed in policy.log_keys):
        message = f"{where} holds the key {key.key_id}, which is not the policy's for a tree of size {size}"
        raise BadInput("input.log-key", message)
    return key


def read_log_key(path: Path) -> SignerKey:
    """Return the private log key in a file. Raises BadInput(input.log-key), EnvironmentTrouble(env.io)."""
    return _parsed(_text(path), f"the file {path}")


def write_log_key(path: Path, key: SignerKey) -> None:
    """Write a private log key to a new file with mode 0600. Raises EnvironmentTrouble(env.io)."""
    try:
        write_private(path, (key.encode() + "\n").encode())
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"cannot write the log key to {path}: {error.strerror}") from error


def refuse_inside(root: Path, path: Path) -> None:
    """Raise BadInput(input.log-key) for a key file in the repository, where the next commit would publish it."""
    if path.resolve().is_relative_to(root.resolve()):
        where = "Name a place that is never committed, such as --log-key-file ../log.key."
        raise BadInput("input.log-key", "the private log key must lie outside the repository", where)


def keep_development_key(state: State, policy: Policy, key: SignerKey) -> None:
    """Make a new log key the one that this user's development ledger is sealed with; the old one stays beside it."""
    path = state.keys_folder(policy.origin) / "log.key"
    if policy.profile is Profile.DEVELOPMENT and path.exists():
        path.replace(path.with_name(f"log.key.{read_log_key(path).key_id}"))
        write_log_key(path, key)


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if os.name == "posix" and mode & 0o077:
                how = f"chmod 600 {path}; if somebody may have read it, run `remembrancer trust rotate --log-key-file`."
                raise BadInput("input.log-key", f"the log key {path} can be read by others (mode {mode:04o})", how)
            return file.read().strip()
    except FileNotFoundError as error:
        raise BadInput("input.log-key", f"there is no log key file {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentTrouble("env.io", f"cannot read the log key in {path}") from error


def _parsed(text: str, where: str) -> SignerKey:
    try:
        return SignerKey.parse(text)
    except NoteError as error:
        raise BadInput("input.log-key", f"{where} does not hold a log key") from error


def owner_home(policy: Policy, owner: str, state: State) -> Path | None:
    """Return the GnuPG folder of a policy's owner: this user's development folder if the key is there, else None."""
    return _development_home(policy, owner, state)


def gpg_home(policy: Policy, signer: Signer, state: State) -> Path | None:
    """Return the GnuPG folder of a signer: this user's development folder if the key is there, else the default
    (None)."""
    return _development_home(policy, signer.fingerprint, state)


def _development_home(policy: Policy, fingerprint: str, state: State) -> Path | None:
    folder = state.keys_folder(policy.origin)
    try:
        if (folder / "signer").read_text(encoding="utf-8").strip() == fingerprint:
            return folder / "gnupg"
    except OSError:
        return None
    return None


def default_signer(policy: Policy, now: datetime, component: str = "") -> Signer:
    """Return the policy's signer: the first whose term has not ended and who may sign the component, if one is given.

    Raises BadInput(input.key).
    """
    for signer in policy.signers:
        term = signer.term
        if (
            term.ended is None
            and (term.until is None or now <= term.until)
            and (term.start is None or term.start <= now)
            and (not component or signer.may_sign(component))
        ):
            return signer
    raise BadInput("input.key", f"no signer of the policy is valid now{f' for {component}' if component else ''}")


def is_local(url: str) -> bool:
    """Return whether an authority is this user's own development authority."""
    return url == LOCAL_URL
