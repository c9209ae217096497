"""The newest commit of somebody's branch, fetched into a folder of our own and read without a checkout.

Everything in it is somebody else's word. Only regular files are read: a link, another repository or a folder in a
file's place is as good as nothing there, and no setting, filter, graft or replacement of the repository counts.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from aurora import git
from aurora.foreign.objects import Objects, Tree, borrow
from remembrancer.ledger.files import MAX_CHECKPOINT, MAX_FILE
from remembrancer.paths import CHECKPOINT, LEDGER
from remembrancer.tlog import TileError

LARGEST = "--filter=blob:limit=16m"  # larger files are left out where the server can do that


class Snapshot:
    """A remote branch (default: HEAD), in a folder that lives as long as this object.

    This is a log to read from: `note` and `read` are those of `ledger.storage.LogSource`.
    """

    def __init__(self, url: str, branch: str = "HEAD", more: Mapping[str, str] | None = None) -> None:
        """Fetch it, with further variables for Git. Raises EnvironmentTrouble(env.git, env.oversized)."""
        self.url = url
        self._folder = TemporaryDirectory(prefix="aurora-")
        try:
            fetched, borrowed = Path(self._folder.name, "fetched"), Path(self._folder.name, "borrowed")
            fetched.mkdir()
            git.receive(fetched, url, "--depth=1", LARGEST, branch, more=more)
            self.commit = git.must(fetched, "rev-parse", "FETCH_HEAD^{commit}").decode().strip()
            borrow(borrowed, fetched, self.commit)
            self._objects = Objects(borrowed)
            self.tree = Tree(self._objects, self.commit)
        except BaseException:
            self._folder.cleanup()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._objects.__exit__(kind, error, trace)
        self._folder.cleanup()

    def file(self, path: str, limit: int = MAX_FILE) -> bytes:
        """Return a file's bytes.

        Raises FileNotFoundError where there is no regular file, Unverifiable(fleet.oversized) for one of more than
        `limit` bytes, Rejected(fleet.tree) for a folder that Git would not write.
        """
        data = self.tree.read(path, limit)
        if data is None:
            raise FileNotFoundError(path)
        return data

    def note(self) -> bytes | None:
        """Return the checkpoint of the ledger, or None when there is none. Raises as `file`."""
        return self.tree.read(CHECKPOINT, MAX_CHECKPOINT)

    def read(self, path: str) -> bytes:
        """Return a tile or bundle of the ledger (this is a tile.Reader). Raises TileError, and as `file`."""
        if path.startswith("/") or ".." in path:
            raise TileError(path, "is not the path of a tile")
        return self.file(f"{LEDGER}/{path}")
