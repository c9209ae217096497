"""Copying a log so that the copy is a valid log at any instant, and never a shorter or another one than it was.

Below a place lies `<SHA-256 of the origin>/`, laid out as c2sp.org/tlog-tiles and tlog-mirror say.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import NamedTuple

from aurora.logs import Log
from aurora.mirror.place import Held, Place
from aurora.source import Forked, OpenLog, check_extends, open_log, signed
from remembrancer.errors import EnvironmentTrouble, Rejected
from remembrancer.ledger.storage import LogSource
from remembrancer.tlog import Tile, TileError, leaf_hash
from remembrancer.tlog.merkle import root_of_hashes
from remembrancer.tlog.tile import WIDTH, encode_bundle, layout, read_bundle, read_tile, tile_at

TRIES = 3


class Mirrored(NamedTuple):
    """What was copied: the origin, the size before and after, and how many files were new."""

    origin: str
    before: int
    size: int
    files: int


def mirror(source: LogSource, name: str, logs: Mapping[str, Log], place: Place) -> Mirrored:
    """Bring a copy up to what a source publishes.

    1. Open the source's checkpoint and the copy's under the log's keys, and prove that the first extends the second.
    2. Create the files that the copy lacks, bundles first; each is checked against what is above it, up to the signed
       root. One that is there already has the same bytes, or the copy is refused.
    3. Replace the checkpoint if it is still the one of step 1; otherwise begin again.

    Raises what `source.open_log` and `source.check_extends` raise, a fork's evidence being kept in the place;
    Rejected(log.tile, log.missing); EnvironmentTrouble(env.lock) when others replace it all the time, and the place's.
    """
    log = open_log(source, name, logs)
    base = sha256(log.checkpoint.origin.encode()).hexdigest()
    for _ in range(TRIES):
        held = place.read(f"{base}/checkpoint")
        before = _check(log, base, held, logs, place)
        if held and (before == log.checkpoint.size and held.data == log.published):
            return Mirrored(log.checkpoint.origin, before, before, 0)
        files = sum(_put(place, f"{base}/{path}", data) for path, data in _files(log, before))
        if place.replace(f"{base}/checkpoint", log.published, held.mark if held else None):
            return Mirrored(log.checkpoint.origin, before, log.checkpoint.size, files)
    raise EnvironmentTrouble("env.lock", f"others replaced the checkpoint of the copy {TRIES} times meanwhile")


def _check(log: OpenLog, base: str, held: Held | None, logs: Mapping[str, Log], place: Place) -> int:
    """Return the copy's size, once the log is known to extend it."""
    if held is None:
        check_extends(log, None)
        return 0
    seen, _, note, _ = signed(held.data, f"the copy of {log.checkpoint.origin}", logs)
    try:
        check_extends(log, seen, note)
    except Forked as fork:
        evidence = fork.evidence.format()
        file = f"{base}/evidence/{sha256(evidence).hexdigest()[:16]}.json"
        with suppress(EnvironmentTrouble):  # the fork is the news, not where its evidence could not be kept
            place.create(file, evidence)
        raise Forked(f"{fork.message}; the evidence is {file} in the copy", fork.evidence) from None
    return seen.size


def _files(log: OpenLog, before: int) -> Iterator[tuple[str, bytes]]:
    """Yield path and bytes of what a tree of the new size has and one of `before` entries has not, from below."""
    old = {tile.path for tile in layout(before)}
    tiles = [tile for tile in layout(log.checkpoint.size) if tile.path not in old]
    try:
        for tile in sorted(tiles, key=lambda one: -1 if one.level is None else one.level):
            yield tile.path, _checked(log, tile)
    except FileNotFoundError as error:
        raise Rejected("log.missing", f"{error.args[-1]} of {log.checkpoint.origin} is missing") from None
    except TileError as error:
        raise Rejected("log.tile", f"a file of {log.checkpoint.origin} is damaged: {error}") from None


def _checked(log: OpenLog, tile: Tile) -> bytes:
    """Return a tile's bytes: what is below it gives its hashes, and what is above it is checked in the same way.

    The topmost hashes give the root that the log signed, which `check_extends` has computed from these tiles.
    """
    size = log.checkpoint.size
    if tile.level is None:
        entries = read_bundle(log.read, tile)
        below = [leaf_hash(entry) for entry in entries]
        if below != read_tile(log.read, tile_at(0, tile.index, size)):
            raise TileError(tile.path, "does not hold the entries that the tree commits to")
        return encode_bundle(entries)
    hashes = read_tile(log.read, tile)
    if tile.level:
        children = range(tile.index * WIDTH, tile.index * WIDTH + len(hashes))
        below = [root_of_hashes(read_tile(log.read, tile_at(tile.level - 1, child, size))) for child in children]
        if below != hashes:
            raise TileError(tile.path, "does not hold the hashes of what is below it")
    return b"".join(hashes)


def _put(place: Place, path: str, data: bytes) -> bool:
    if place.create(path, data):
        return True
    held = place.read(path)
    if held is None or held.data != data:
        raise Rejected("log.tile", f"the copy holds other bytes at {path}")
    return False
