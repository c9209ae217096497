"""The ledger's folder as files: reading them, and which of them a log of a given size needs."""

from dataclasses import dataclass
from pathlib import Path

from remembrancer.errors import Rejected
from remembrancer.paths import RECEIPTS
from remembrancer.repository.store import Store
from remembrancer.system.files import read_regular
from remembrancer.tlog.checkpoint import Checkpoint, NoteError
from remembrancer.tlog.tile import HEIGHT, MAX_ENTRY, WIDTH, Tile, TileError, parse_tile_path
from remembrancer.tlog.tree import TileTree

LEDGER = f"{RECEIPTS}/ledger"
CHECKPOINT = "checkpoint"
WITNESSED = "witnessed"
"""The newest checkpoint with enough cosignatures, kept beside one that is not cosigned yet."""
MAX_FILE = WIDTH * (2 + MAX_ENTRY)  # bytes; a bundle of the largest entries
MAX_CHECKPOINT = 1_000_000  # bytes; many witnesses with large signatures fit


@dataclass(frozen=True, slots=True)
class LedgerFiles:
    """The ledger folder of the repository at `root`."""

    root: Path

    @property
    def folder(self) -> Path:
        """Return the ledger's folder."""
        return self.root / LEDGER

    @property
    def store(self) -> Store:
        """Return the receipts and blobs of the same repository."""
        return Store(self.root)

    @property
    def receipts(self) -> Path:
        """Return the folder that holds the ledger's folder."""
        return self.root / RECEIPTS

    def read(self, path: str) -> bytes:
        """Return a file of the ledger, by its path inside it (this is a tiles.Reader).

        Raises FileNotFoundError, TileError when it is a link, a folder or larger than any, EnvironmentTrouble.
        """
        try:
            data = read_regular(f"{self.root}/{LEDGER}/{path}", MAX_FILE)
        except FileNotFoundError:
            raise FileNotFoundError(path) from None
        except Rejected:
            raise TileError(path, "is not a regular file") from None
        if len(data) > MAX_FILE:
            raise TileError(path, f"is larger than {MAX_FILE} bytes")
        return data

    def note(self) -> bytes | None:
        """Return the checkpoint's bytes, or None when there is no ledger. Raises EnvironmentTrouble."""
        try:
            return read_regular(f"{self.root}/{LEDGER}/{CHECKPOINT}", MAX_CHECKPOINT)
        except FileNotFoundError:
            return None

    def claimed(self) -> Checkpoint | None:
        """Return what the checkpoint says, its signature NOT verified; None when there is no ledger.

        Raises Rejected `log.checkpoint` when it is malformed.
        """
        return claimed(self.note())

    def tree(self, size: int) -> TileTree:
        """Return the tree of the first `size` leaves, read from the tiles and as trustworthy as they are."""
        return TileTree(self.read, size)


def claimed(note: bytes | None) -> Checkpoint | None:
    """Return what a checkpoint (None: there is none) says, its signature NOT verified.

    Raises Rejected `log.checkpoint` when it is malformed.
    """
    if note is None:
        return None
    try:
        return Checkpoint.parse(note.decode().rpartition("\n\n")[0] + "\n")
    except (NoteError, UnicodeDecodeError) as error:
        raise Rejected("log.checkpoint", f"{LEDGER}/{CHECKPOINT} is malformed: {error}") from None


def width_at(tile: Tile, size: int) -> int:
    """Return how many of a tile's places a log of `size` entries fills: 0 when it does not reach that far."""
    count = size >> (HEIGHT * (tile.level or 0))
    return max(0, min(WIDTH, count - tile.index * WIDTH))


def is_live(path: str, size: int) -> bool:
    """Say whether a log of `size` entries consists of this tile or bundle, among others."""
    try:
        tile = parse_tile_path(path)
    except TileError:
        return False
    return tile.width == width_at(tile, size)


def damaged(error: TileError | FileNotFoundError) -> Rejected:
    """Return the refusal that a tile's error leads to, naming the file."""
    if isinstance(error, FileNotFoundError):
        return Rejected("log.missing", f"{LEDGER}/{error.args[-1]} is missing")
    return Rejected("log.tile", f"{LEDGER}/{error}")
