"""The seam below sealing: what a place has to offer that keeps a log. Files under a lock are the one that is here.

Sealing calls, in this order: `settle` (what a killed seal left), `put_new` (the longer log's files, beside those of the
checkpoint that holds), `swap_checkpoint` (the one instant at which the log grows), `settle` (what only the old one
needed). After a kill between any two instructions the checkpoint is the old one or the new one, and all that its tree
needs can be read; the next seal's first `settle` does the rest.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol


class LogSource(Protocol):
    """A log that can be read; nothing that it gives is trusted before it is checked."""

    def note(self) -> bytes | None:
        """Return the checkpoint (a signed note), or None when there is no log. Raises EnvironmentTrouble."""
        ...

    def read(self, path: str) -> bytes:
        """Return a tile or bundle by its path inside the log (this is a tile.Reader).

        Raises FileNotFoundError, TileError for what cannot be one, EnvironmentTrouble.
        """
        ...


class Storage(LogSource, Protocol):
    """A place that keeps one log, as its only sealer holds it: nobody else writes there meanwhile."""

    def begun(self) -> bool:
        """Say whether any tile lies there, with or without a checkpoint."""
        ...

    def put_new(self, files: Mapping[str, bytes], obsolete: Sequence[str]) -> None:
        """Keep the files (path to bytes) of a longer log durably; nothing of the present one changes.

        `obsolete` are the paths that only the present one needs. What the place needs to take either back is written
        before the first file. Raises EnvironmentTrouble; any of the files may be there then.
        """
        ...

    def swap_checkpoint(self, old: bytes | None, new: bytes) -> None:
        """Replace the checkpoint `old` (None: there is none) by `new`, at once and durably.

        Raises EnvironmentTrouble `env.lock` when another one stands there, and for I/O; it may have happened then.
        """
        ...

    def settle(self, size: int) -> None:
        """Remove what the last `put_new` wrote or called obsolete and a log of `size` entries does not need.

        Nothing that somebody else put there is removed. Raises EnvironmentTrouble.
        """
        ...
