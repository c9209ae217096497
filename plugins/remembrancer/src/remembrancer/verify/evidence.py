"""What a verdict is about, as data: receipts as found, the artifact, the log. Nothing here is believed yet."""

from collections.abc import Callable
from pathlib import Path

from remembrancer.errors import RemembrancerError
from remembrancer.named import NamedTuple
from remembrancer.paths import RECEIPTS
from remembrancer.receipt.statement import Receipt, relative_path
from remembrancer.verify.log import LogView, Stamp


class Entry:
    """A receipt as it was found: its leaf index (None: not in the log), and the bytes of its file (None: no file)."""

    __slots__ = ("index", "on_disk", "receipt")

    def __init__(self, receipt: Receipt, index: int | None, on_disk: bytes | None) -> None:
        self.receipt, self.index, self.on_disk = receipt, index, on_disk

    @property
    def path(self) -> str:
        """Where the receipt belongs, from the repository's root."""
        return f"{RECEIPTS}/{relative_path(self.receipt)}"


class Artifact(NamedTuple):
    """The thing in question: a name for people, the SHA-256 (hex) of its bytes, and the bytes or the file that
    holds them."""

    name: str
    digest: str
    content: bytes | Path


class Evidence(NamedTuple):
    """Everything found about one artifact; nothing of it is believed before it is checked.

    `deploys` name the artifact's digest, `contradicting` is a deploy receipt of the same file name with another digest,
    `signs` and `timestamps` are proofs whose subject is `expected` (the recorded digest), `record_signs` those over the
    deploy receipts, `signature_times` those over signatures. `blob(sha256)` gives a blob's bytes.
    `unread` is why the log could not be searched: what is not found in it then may be there.
    """

    artifact: Artifact
    stamps: tuple[Stamp, ...]
    blob: Callable[[str], bytes]
    deploys: tuple[Entry, ...] = ()
    contradicting: Entry | None = None
    signs: tuple[Entry, ...] = ()
    timestamps: tuple[Entry, ...] = ()
    record_signs: tuple[Entry, ...] = ()
    signature_times: tuple[Entry, ...] = ()
    unread: RemembrancerError | None = None

    def before(self, size: int) -> "Evidence":
        """Return the evidence without what lies beyond the first `size` leaves of the log."""

        def kept(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
            return tuple(one for one in entries if one.index is None or one.index < size)

        return self._replace(
            stamps=tuple(stamp for stamp in self.stamps if stamp.size <= size),
            signs=kept(self.signs),
            timestamps=kept(self.timestamps),
            record_signs=kept(self.record_signs),
            signature_times=kept(self.signature_times),
        )


class Log(NamedTuple):
    """The log, or why it cannot be used."""

    view: LogView | None
    trouble: RemembrancerError | None = None
