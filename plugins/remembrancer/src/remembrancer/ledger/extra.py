"""Every file in the ledger's folder is accounted for: needed, harmlessly left over, or a problem."""

import re
from contextlib import suppress

from remembrancer.errors import RemembrancerError
from remembrancer.ledger.bounded import Notes, failed, notice
from remembrancer.ledger.files import CHECKPOINT, WITNESSED, LedgerFiles, width_at
from remembrancer.ledger.stamps import FOLDER
from remembrancer.paths import LEDGER
from remembrancer.timestamp.response import MAX_RESPONSE_BYTES
from remembrancer.tlog.checkpoint import Checkpoint, NoteError
from remembrancer.tlog.note import MAX_NOTE
from remembrancer.tlog.tile import Tile, TileError, parse_tile_path
from remembrancer.tlog.tree import TileTree

_STAMP = re.compile(r"(0|[1-9][0-9]{0,18})\.(note|[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?\.tsr)")


def ledger_files(files: LedgerFiles, size: int, problems: Notes, notices: Notes) -> None:
    """Look at every file of the ledger's folder that a log of `size` entries does not consist of."""
    tree, origin = files.tree(size), ""
    with suppress(RemembrancerError):
        claimed = files.claimed()
        origin = claimed.origin if claimed else ""
    for name in files.store.walk("ledger"):
        path = name.removeprefix("ledger/")
        if path == CHECKPOINT:
            continue
        try:
            if path == WITNESSED:
                _witnessed(files, (origin, tree), problems, notices)
            elif path.startswith("tile/"):
                _tile(files, parse_tile_path(path), size, problems, notices)
            else:
                _stamp(files, path, (origin, tree), problems, notices)
        except TileError:
            problems.add(failed("log.extra-file", f"{LEDGER}/{path}", "No log has a file of this name."))
        except RemembrancerError as error:
            problems.add(failed(error.code, f"{LEDGER}/{path}", error.message))


def is_ledger_file(path: str) -> bool:
    """Say whether a log of some size may have a file of this name, by its path inside the ledger's folder."""
    folder, _, name = path.partition("/")
    if path in (CHECKPOINT, WITNESSED) or (folder == FOLDER and _STAMP.fullmatch(name)):
        return True
    try:
        return bool(parse_tile_path(path))
    except TileError:
        return False


def _tile(files: LedgerFiles, tile: Tile, size: int, problems: Notes, notices: Notes) -> None:
    """Judge a tile or bundle: a narrower one must begin like the tile that replaced it, a wider one is unsealed."""
    width = width_at(tile, size)
    if tile.width == width:
        return
    name = f"{LEDGER}/{tile.path}"
    if tile.width > width or not width:
        notices.add(notice("log.leftover", name, "It is beyond the checkpoint; the next seal writes it anew."))
        return
    try:
        whole = files.read(Tile(tile.level, tile.index, width).path)
    except FileNotFoundError:
        return  # named as missing already
    if whole.startswith(files.read(tile.path)):
        notices.add(notice("log.leftover", name, "A wider tile has replaced it."))
    else:
        problems.add(failed("log.tile", name, "It contradicts the tile that replaced it."))


def _stamp(files: LedgerFiles, path: str, log: tuple[str, TileTree], problems: Notes, notices: Notes) -> None:
    """Judge a file under timestamps/: a kept note must be of a prefix of this log."""
    folder, _, name = path.partition("/")
    match = _STAMP.fullmatch(name) if folder == FOLDER else None
    if match is None:
        problems.add(failed("log.extra-file", f"{LEDGER}/{path}", "No log has a file of this name."))
        return
    size = int(match[1])
    _, tree = log
    if size > tree.size:
        notices.add(notice("log.leftover", f"{LEDGER}/{path}", "It belongs to a larger log than this one."))
        return
    most = MAX_NOTE if match[2] == "note" else MAX_RESPONSE_BYTES
    try:
        data = files.read(path)
    except TileError as error:
        problems.add(failed("input.file", f"{LEDGER}/{path}", f"{error}."))
        return
    if len(data) > most:
        problems.add(failed("receipt.size", f"{LEDGER}/{path}", f"It is larger than {most} bytes."))
        return
    if match[2] != "note":
        if not (files.folder / FOLDER / f"{size}.note").is_file():
            problems.add(
                failed("log.missing", f"{LEDGER}/{FOLDER}/{size}.note", f"{LEDGER}/{path} is a token over it.")
            )
        return
    if not _is_prefix(data, log, size):
        problems.add(failed("log.checkpoint", f"{LEDGER}/{path}", "It is not a checkpoint of a prefix of this log."))


def _witnessed(files: LedgerFiles, log: tuple[str, TileTree], problems: Notes, notices: Notes) -> None:
    """Judge the newest checkpoint that was kept with its cosignatures: it must be of a prefix of this log."""
    name = f"{LEDGER}/{WITNESSED}"
    try:
        data = files.read(WITNESSED)
    except TileError as error:
        problems.add(failed("input.file", name, f"{error}."))
        return
    try:
        size = Checkpoint.parse(data.decode().rpartition("\n\n")[0] + "\n").size
    except (NoteError, UnicodeDecodeError):
        size = -1
    if size > log[1].size:
        notices.add(notice("log.leftover", name, "It belongs to a larger log than this one."))
    elif len(data) > MAX_NOTE or not _is_prefix(data, log, size):
        problems.add(failed("log.checkpoint", name, "It is not a checkpoint of a prefix of this log."))


def _is_prefix(data: bytes, log: tuple[str, TileTree], size: int) -> bool:
    origin, tree = log
    try:
        kept = Checkpoint.parse(data.decode().rpartition("\n\n")[0] + "\n")
        return (kept.origin, kept.size, kept.root) == (origin or kept.origin, size, tree.root(size))
    except (NoteError, UnicodeDecodeError, TileError, FileNotFoundError):
        return False
