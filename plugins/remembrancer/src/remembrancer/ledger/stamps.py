"""RFC 3161 tokens over checkpoints: what is stamped, where it lies, and what happens when an authority is down.

`timestamps/<size>.note` keeps the log-signed note (text and log signatures, no cosignatures) of that size, because
the checkpoint itself moves on; `timestamps/<size>.<authority>.tsr` is an authority's response over exactly that file.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from remembrancer.errors import RemembrancerError
from remembrancer.findings import Finding, Outcome
from remembrancer.ledger.files import LedgerFiles
from remembrancer.paths import LEDGER
from remembrancer.receipt.fields import AUTHORITY
from remembrancer.repository.lock import SCRATCH, exclusive
from remembrancer.system.files import put
from remembrancer.tlog.note import NoteError, VerifierKey, log_signed_bytes
from remembrancer.tlog.tile import TileError

FOLDER = "timestamps"
Stamp = Callable[[bytes], bytes]
"""The bytes to stamp to one authority's checked response; raises RemembrancerError when there is none."""


def stamp(
    root: Path, note: bytes, size: int, keys: Sequence[VerifierKey], authorities: Mapping[str, Stamp]
) -> tuple[Finding, ...]:
    """Have a checkpoint stamped by every authority that has not done so; return `time.pending` for each that failed.

    Asks without holding the lock, because an authority may take its time. Raises EnvironmentTrouble for I/O,
    FieldError (a ValueError) for an authority's name that no file can have.
    """
    files = LedgerFiles(root)
    signed = _kept(files, size, log_signed_bytes(note, *keys), keys)
    tokens: dict[str, bytes] = {}
    late: list[Finding] = []
    for name, ask in authorities.items():
        AUTHORITY.check(name, "an authority's name")
        path = f"{FOLDER}/{size}.{name}.tsr"
        if (files.folder / path).exists():
            continue
        try:
            tokens[f"ledger/{path}"] = ask(signed)
        except RemembrancerError as error:
            late.append(
                Finding(
                    "timestamp",
                    Outcome.UNVERIFIABLE,
                    "time.pending",
                    f"{LEDGER}/{path}",
                    f"The authority {name} gave no timestamp: {error.message}",
                    details={"cause": error.code},
                )
            )
    if tokens:
        with exclusive(root) as local:
            put(files.receipts, {f"ledger/{FOLDER}/{size}.note": signed, **tokens}, local / SCRATCH)
    return tuple(late)


def _kept(files: LedgerFiles, size: int, signed: bytes, keys: Sequence[VerifierKey]) -> bytes:
    """Return the note that was stamped at this size already, else the one of now.

    A rotation adds a signature to the checkpoint, and a token over other bytes than the kept ones is worth nothing.
    """
    try:
        kept = files.read(f"{FOLDER}/{size}.note")
        same = kept.partition(b"\n\n")[0] == signed.partition(b"\n\n")[0] and log_signed_bytes(kept, *keys) == kept
    except (FileNotFoundError, TileError, NoteError):
        return signed
    return kept if same else signed
