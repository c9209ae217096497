"""What a seal is about to write, so that the next seal can take away what a killed one left behind."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from remembrancer.ledger.files import LedgerFiles, is_live
from remembrancer.repository.lock import SCRATCH
from remembrancer.system.files import put, read_regular
from remembrancer.tlog.tile import parse_tile_path

NAME = "journal"


def write(local: Path, files: Mapping[str, bytes], obsolete: Sequence[str]) -> None:
    """Note durably which files (path inside the ledger to bytes) will appear and which will go."""
    plan = {"files": {path: sha256(data).hexdigest() for path, data in files.items()}, "obsolete": list(obsolete)}
    put(local, {NAME: json.dumps(plan).encode()}, local / SCRATCH)


def heal(files: LedgerFiles, local: Path, size: int) -> None:
    """Remove what the journal names and a log of `size` entries does not need, then the journal.

    Called under the lock with the size of the checkpoint that is in place: after a kill before the checkpoint that
    removes the new tiles, after a kill behind it the old partial ones. Only tiles are ever removed, and only when
    they hold the bytes that the journal says or have been superseded.
    """
    try:
        plan = json.loads(read_regular(local / NAME))
        new = {parse_tile_path(path).path: digest for path, digest in plan["files"].items()}
        obsolete = [parse_tile_path(path).path for path in plan["obsolete"]]
    except FileNotFoundError:
        return
    except (ValueError, TypeError, KeyError, AttributeError):
        new, obsolete = {}, []
    for path, digest in new.items():
        if not is_live(path, size):
            with suppress(FileNotFoundError):
                if sha256(files.read(path)).hexdigest() == digest:
                    remove(files, path)
    for path in obsolete:
        if not is_live(path, size):
            remove(files, path)
    with suppress(OSError):
        (local / NAME).unlink()


def remove(files: LedgerFiles, path: str) -> None:
    """Remove a file of the ledger, and its folder of partial tiles when that is empty then."""
    target = files.folder / path
    with suppress(OSError):
        target.unlink()
    if target.parent.name.endswith(".p"):
        with suppress(OSError):
            target.parent.rmdir()
