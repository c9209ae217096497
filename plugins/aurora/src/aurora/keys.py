"""Private keys in a file that only their owner can read: one a line, as `SignerKey.encode` writes them."""

import os
from collections.abc import Sequence
from pathlib import Path

from remembrancer.errors import BadInput, EnvironmentTrouble, Refused
from remembrancer.tlog import NoteError, SignerKey
from remembrancer.tlog.key import COSIGNATURES


def write_keys(path: Path, keys: Sequence[SignerKey]) -> None:
    """Write private keys to a new file that only this user can read.

    Raises Refused(input.file) when something is there, EnvironmentTrouble(env.io).
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("".join(f"{key.encode()}\n" for key in keys))
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise Refused("input.file", f"{path} is there already, and keys are never written over") from None
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"cannot write {path}: {error.strerror}") from None


def read_keys(path: Path) -> list[SignerKey]:
    """Return the private keys in a file that nobody else can read.

    Raises BadInput(input.file), Refused(input.file), EnvironmentTrouble(env.io).
    """
    try:
        if path.stat().st_mode & 0o077:
            raise Refused("input.file", f"{path} can be read by others", f"Run `chmod 600 {path}`.")
        return parse_keys(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        how = "Make them with `aurora witness init`, `aurora witness keys` or `aurora log key`."
        raise BadInput("input.file", f"there are no keys at {path}", how) from None
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"cannot read {path}: {error.strerror}") from None
    except ValueError:
        raise BadInput("input.file", f"{path} does not hold private keys") from None


def parse_keys(text: str) -> list[SignerKey]:
    """Return the keys in a text, one a line. Raises NoteError (a ValueError) for anything else, and for none."""
    keys = [SignerKey.parse(line) for line in text.split()]
    if not keys:
        raise NoteError("there is no key")
    return keys


def cosigners(keys: Sequence[SignerKey]) -> Sequence[SignerKey]:
    """Return the keys if all of them cosign. Raises BadInput(input.field)."""
    if any(key.algorithm not in COSIGNATURES for key in keys):
        raise BadInput("input.field", "a witness cosigns with keys of type 0x04 and 0x06 only")
    return keys
