"""What a log already holds: receipts by their bytes, and version names by their file name."""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from remembrancer.ledger.files import damaged
from remembrancer.ledger.index import Index, Places, Snapshot, follower_key, leaf_key, name_key
from remembrancer.ledger.storage import LogSource
from remembrancer.tlog.merkle import leaf_hash
from remembrancer.tlog.tile import WIDTH, Tile, TileError, read_bundle, read_tile, tile_at
from remembrancer.tlog.tree import TileTree

_DEPLOY = b'"predicateType": "https://vaultmesh.cloud/receipt/deploy/v1"'
# In the canonical encoding only members of the predicate stand four spaces deep.
_COMPONENT = re.compile(rb'^    "component": "([^"]+)"', re.MULTILINE)
_TRUST = b'"predicateType": "https://vaultmesh.cloud/receipt/trust/v1"'
_PREVIOUS = re.compile(rb'^    "previous": "([0-9a-f]{64})"', re.MULTILINE)
_VERSION = re.compile(rb'^    "version": "([^"]+)"', re.MULTILINE)


def entries(log: LogSource, start: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield (number, bytes) of the log's entries from `start` to `size`, reading one bundle at a time.

    Raises Rejected `log.missing` or `log.tile`, naming the file.
    """
    for number in range(start // WIDTH, -(-size // WIDTH)):
        first = number * WIDTH
        try:
            bundle = read_bundle(log.read, Tile(None, number, min(WIDTH, size - first)))
        except (TileError, FileNotFoundError) as error:
            raise damaged(error) from None
        for offset, entry in enumerate(bundle):
            if first + offset >= start:
                yield first + offset, entry


def deploy_name(entry: bytes) -> str:
    """Return the file name, relative to ops/receipts/, of a deploy receipt's canonical bytes; "" for other kinds."""
    if _DEPLOY not in entry:
        return ""
    component, version = _COMPONENT.search(entry), _VERSION.search(entry)
    if component is None or version is None:
        return ""
    return f"deploy/{component[1].decode()}-{version[1].decode()}.receipt"


def followed(entry: bytes) -> str:
    """Return the SHA-256 (hex) of the policy that a trust receipt's one follows; "" for the first and other kinds."""
    previous = _PREVIOUS.search(entry) if _TRUST in entry else None
    return previous[1].decode() if previous else ""


def keys_of(entry: bytes) -> Iterator[bytes]:
    """Yield the keys under which the cache finds an entry."""
    yield leaf_key(entry)
    if name := deploy_name(entry):
        yield name_key(name)
    if previous := followed(entry):
        yield follower_key(previous)


class Sealed:
    """The first `size` leaves of a log with this root: membership without reading them all.

    `base` is the newest snapshot that describes a prefix of this log, or None; `recent` the keys of every leaf
    after it. Answers from the cache are compared with the tiles.
    """

    def __init__(self, log: LogSource, index: Index, size: int, root: bytes) -> None:
        self.size = size
        self._log, self._index = log, index
        self._tree = TileTree(log.read, size)
        self.base = self._newest(root)
        self.recent: Places = {}
        self._read_from(self.base.size if self.base else 0)

    @property
    def after(self) -> int:
        """Return how many first leaves the cache knows."""
        return self.base.size if self.base else 0

    def leaves(self, receipts: Iterable[bytes]) -> set[bytes]:
        """Return which of these receipts (their bytes) are in the log already."""
        wanted = {leaf_key(data): data for data in receipts}
        places = self._places(wanted)
        try:
            right = all(
                self._tree.leaf_hash(leaf) == leaf_hash(wanted[key])
                for key, leaf in sorted(places.items(), key=lambda place: place[1])
                if leaf < self.after
            )
        except (TileError, FileNotFoundError) as error:
            raise damaged(error) from None
        if not right:
            self._distrust()
            places = self._places(wanted)
        return {wanted[key] for key in places}

    def named(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Return those of these file names under which the log holds a deploy receipt, and its bytes."""
        keys = {name_key(path): path for path in paths}
        places = self._places(keys)
        try:
            found = {keys[key]: self._tree.entry(place) for key, place in places.items()}
        except (TileError, FileNotFoundError) as error:
            raise damaged(error) from None
        if any(deploy_name(entry) != path for path, entry in found.items()):
            self._distrust()
            return self.named(keys.values())
        return found

    def follower(self, policy: str) -> bytes:
        """Return a trust receipt of the log whose policy follows one (SHA-256 hex), b"" where there is none."""
        place = self._places([follower_key(policy)]).get(follower_key(policy))
        try:
            entry = b"" if place is None else self._tree.entry(place)
        except (TileError, FileNotFoundError) as error:
            raise damaged(error) from None
        if entry and followed(entry) != policy:
            self._distrust()
            return self.follower(policy)
        return entry

    def _places(self, keys: Iterable[bytes]) -> Places:
        keys = list(keys)
        found = {key: self.recent[key] for key in keys if key in self.recent}
        if self.base is None or len(found) == len(keys):
            return found
        try:
            older = self._index.places((key for key in keys if key not in found), self.after)
        except sqlite3.Error:
            self._distrust()
            return self._places(keys)
        return {**found, **older}

    def _newest(self, root: bytes) -> Snapshot | None:
        for snapshot in self._index.snapshots():
            if snapshot.size > self.size:
                continue
            try:
                same = (root if snapshot.size == self.size else self._tree.root(snapshot.size)) == snapshot.root
            except (TileError, FileNotFoundError) as error:
                raise damaged(error) from None
            if same:
                return snapshot
        return None

    def _distrust(self) -> None:
        """Forget a cache that contradicted the log, and read the log instead."""
        self._index.forget()
        self.base = None
        self._read_from(0)

    def _read_from(self, start: int) -> None:
        self.recent = {key: number for number, entry in entries(self._log, start, self.size) for key in keys_of(entry)}


def find_leaf(log: LogSource, local: Path, size: int, data: bytes) -> int | None:
    """Return the leaf number of an entry's bytes among the first `size` leaves, or None; see `Ledger.index_of`."""
    key, wanted = leaf_key(data), leaf_hash(data)
    try:
        with suppress(sqlite3.Error):
            hint = Index(local).places([key], size).get(key)
            if hint is not None and TileTree(log.read, size).leaf_hash(hint) == wanted:
                return hint
        for number in range(-(-size // WIDTH)):
            hashes = read_tile(log.read, tile_at(0, number, size))
            if wanted in hashes:
                return number * WIDTH + hashes.index(wanted)
    except (TileError, FileNotFoundError) as error:
        raise damaged(error) from None
    return None
