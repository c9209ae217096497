"""Where private keys are: the development keys of this user, or what a pipeline is given in its environment."""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from remembrancer.errors import BadInput, EnvironmentTrouble
from remembrancer.note import NoteError, SignerKey
from remembrancer.policy import LOCAL_URL, Policy, Signer
from remembrancer.state import State

LOG_KEY_VARIABLE = "REMEMBRANCER_LOG_KEY"
LOG_KEY_FILE_VARIABLE = "REMEMBRANCER_LOG_KEY_FILE"


def log_key(policy: Policy, state: State, size: int, environ: Mapping[str, str] = os.environ) -> SignerKey | None:
    """Return the private log key for sealing at a tree size, or None when it is not here.

    Looks at REMEMBRANCER_LOG_KEY, REMEMBRANCER_LOG_KEY_FILE, then this user's development keys. Raises
    BadInput(input.log-key) for one that is malformed or not the policy's.
    """
    text = environ.get(LOG_KEY_VARIABLE, "").strip()
    file = environ.get(LOG_KEY_FILE_VARIABLE, "")
    if not text:
        path = Path(file) if file else state.keys_folder(policy.origin) / "log.key"
        try:
            text = path.read_text(encoding="utf-8").strip()
        except FileNotFoundError as error:
            if file:
                raise BadInput("input.log-key", f"there is no log key file {file}") from error
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise EnvironmentTrouble("env.io", f"cannot read the log key in {path}") from error
    try:
        key = SignerKey.parse(text)
    except NoteError as error:
        raise BadInput("input.log-key", "the log key is malformed") from error
    public = key.verifier()
    if not any(listed.key == public and listed.covers(size) for listed in policy.log_keys):
        raise BadInput("input.log-key", f"the log key {key.key_id} is not the policy's for a tree of size {size}")
    return key


def gpg_home(policy: Policy, signer: Signer, state: State) -> Path | None:
    """Return the GnuPG folder of a signer: this user's development folder if the key is there, else the default
    (None)."""
    folder = state.keys_folder(policy.origin) / "gnupg"
    marker = state.keys_folder(policy.origin) / "signer"
    try:
        if marker.read_text(encoding="utf-8").strip() == signer.fingerprint:
            return folder
    except OSError:
        return None
    return None


def default_signer(policy: Policy, now: datetime) -> Signer:
    """Return the policy's signer: the first whose term has not ended. Raises BadInput(input.key)."""
    for signer in policy.signers:
        term = signer.term
        if (
            term.ended is None
            and (term.until is None or now <= term.until)
            and (term.start is None or term.start <= now)
        ):
            return signer
    raise BadInput("input.key", "no signer of the policy is valid now")


def is_local(url: str) -> bool:
    """Return whether an authority is this user's own development authority."""
    return url == LOCAL_URL
