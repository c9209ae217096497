"""A cache that answers "is this already in the log, and where" at a cost that does not grow with the log.

It lies in `ops/receipts/.local/`, outside every commit, and can be deleted at any time. It only ever saves the
sealer from reading the whole log: what it says is checked against the tiles, and verification never asks it.

Snapshots make it survive branch switches, discarded seals and rebases: each one says "all receipts of this Git tree,
but the open ones, are among the first `size` leaves, whose root is `root`".
"""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from remembrancer.tlog.merkle import leaf_hash

NAME = "index.sqlite"
_FORMAT = 2
_KEPT = 32  # snapshots; older ones are only needed to go back behind that many seals
_SCHEMA = """
CREATE TABLE IF NOT EXISTS place (key BLOB PRIMARY KEY, leaf INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshot (
    size INTEGER PRIMARY KEY, root BLOB NOT NULL, tree TEXT NOT NULL, open TEXT NOT NULL
);
"""

Places = dict[bytes, int]
"""Key (16 bytes) to leaf number."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was true at a seal: log size and root, Git tree ("" for none), its unsealed receipts (path to blob id)."""

    size: int
    root: bytes
    tree: str
    open: dict[str, str]


def leaf_key(data: bytes) -> bytes:
    """Return the key of a receipt's bytes."""
    return leaf_hash(data)[:16]


def name_key(path: str) -> bytes:
    """Return the key of a file name that only one receipt may ever use."""
    return sha256(b"name\0" + path.encode()).digest()[:16]


def follower_key(policy: str) -> bytes:
    """Return the key under which the policy that follows one (its SHA-256 in hex) is found."""
    return sha256(b"follows\0" + policy.encode()).digest()[:16]


class Index:
    """The cache in a local folder; anything wrong with it makes it empty, never wrong."""

    def __init__(self, local: Path) -> None:
        self._path = local / NAME

    def snapshots(self) -> list[Snapshot]:
        """Return the snapshots, largest log first; none when there is no usable cache."""
        try:
            with closing(self._open()) as base:
                rows = base.execute("SELECT size, root, tree, open FROM snapshot ORDER BY size DESC").fetchall()
            return [Snapshot(size, bytes(root), tree, json.loads(still)) for size, root, tree, still in rows]
        except (sqlite3.Error, ValueError, TypeError):
            return []

    def places(self, keys: Iterable[bytes], below: int) -> Places:
        """Return the leaf numbers, below a size, of those keys that are known. Raises sqlite3.Error."""
        with closing(self._open()) as base:
            found = {}
            for key in keys:
                row = base.execute("SELECT leaf FROM place WHERE key = ?", (key,)).fetchone()
                if row is not None and row[0] < below:
                    found[key] = row[0]
            return found

    def save(self, snapshot: Snapshot, after: int, new: Places) -> None:
        """Replace everything known beyond the first `after` leaves by `new` and a snapshot of the log as it is.

        Failing is no trouble (the cache is then behind and catches up), so errors are swallowed.
        """
        with suppress(sqlite3.Error, OSError), closing(self._open(create=True)) as base, base:
            stale = base.execute("SELECT 1 FROM snapshot WHERE size > ? LIMIT 1", (after,)).fetchone()
            if stale or not after:
                base.execute("DELETE FROM snapshot WHERE size > ?", (after,))
                base.execute("DELETE FROM place WHERE leaf >= ?", (after,))
            base.executemany("INSERT OR REPLACE INTO place VALUES (?, ?)", sorted(new.items()))
            base.execute(
                "INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?)",
                (snapshot.size, snapshot.root, snapshot.tree, json.dumps(snapshot.open)),
            )
            base.execute(
                "DELETE FROM snapshot WHERE size NOT IN (SELECT size FROM snapshot ORDER BY size DESC LIMIT ?)",
                (_KEPT,),
            )

    def forget(self) -> None:
        """Delete the cache, because it contradicted the log."""
        for suffix in ("", "-journal"):
            with suppress(OSError):
                self._path.with_name(NAME + suffix).unlink()

    def _open(self, *, create: bool = False) -> sqlite3.Connection:
        mode = "rwc" if create else "ro"
        base = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode={mode}", uri=True, timeout=5)
        try:
            (found,) = base.execute("PRAGMA user_version").fetchone()
            if create and found != _FORMAT:
                base.executescript("DROP TABLE IF EXISTS place; DROP TABLE IF EXISTS snapshot;")
                base.executescript(_SCHEMA)
                base.execute(f"PRAGMA user_version = {_FORMAT}")
            elif found != _FORMAT:
                raise sqlite3.DatabaseError("another format")
            if create:
                base.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error:
            base.close()
            if create:
                self.forget()
            raise
        return base
