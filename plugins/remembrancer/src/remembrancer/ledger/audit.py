"""Re-reading everything: each entry, receipt, blob, tile and every other file, each problem with the file's name.

Nothing here trusts or needs a key: the caller compares the recomputed root with a signed one. Memory stays flat: what
is remembered of a receipt or blob is eight bytes of a hash that is keyed anew in every run, so that nobody can
prepare a collision.
"""

import os
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from remembrancer.errors import EnvironmentTrouble, RemembrancerError
from remembrancer.findings import Finding
from remembrancer.ledger.bounded import Notes, failed, notice
from remembrancer.ledger.extra import ledger_files
from remembrancer.ledger.files import LedgerFiles
from remembrancer.paths import LEDGER, LOCAL, RECEIPTS
from remembrancer.receipt.kinds import KINDS
from remembrancer.receipt.statement import MAX_BYTES, Receipt, parse, relative_path
from remembrancer.repository.store import Store
from remembrancer.system.files import read_regular, trouble
from remembrancer.tlog.merkle import EMPTY_ROOT
from remembrancer.tlog.tile import WIDTH, Tile, TileError, read_bundle
from remembrancer.tlog.tree import audit as audit_tiles

Collect = Callable[[int, Receipt, Mapping[str, bytes]], Any]
"""Called for every sealed receipt with its leaf number and the blobs that it names, by their digests, as far as they
are sound; possibly in another process. What is not None is collected."""
Progress = Callable[[int, int], None]
"""Called with the number of entries read and the number of all."""

_CHUNK = 4  # bundles that one task reads, 1,024 entries: small, so that all processes end at about the same time
_ABSENT = 1_000  # bundles that may be missing and are named one by one; a signed size costs its author nothing
_ALONE = 4_096  # entries up to which starting processes costs more than it saves


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What the entries say and what was found.

    `root` is recomputed from the `size` entries alone. `problems` are failures, `notices` harmless leftovers,
    `collected` the results of the caller's function in the order of the log.
    """

    size: int
    root: bytes
    problems: tuple[Finding, ...]
    notices: tuple[Finding, ...]
    collected: list[Any]


@dataclass(slots=True)
class _Part:
    """What one task read: keys of paths and of blobs, problems, and what the caller collects."""

    paths: "array[int]" = field(default_factory=lambda: array("Q"))
    blobs: "array[int]" = field(default_factory=lambda: array("Q"))
    problems: Notes = field(default_factory=Notes)
    collected: list[Any] = field(default_factory=list)


def audit(
    root: Path, size: int, collect: Collect | None = None, jobs: int | None = None, progress: Progress | None = None
) -> AuditResult:
    """Read the whole ledger of the repository at `root`, whose log has `size` entries, and everything beside it.

    `jobs` is the number of processes (default: one per processor, and one for a small ledger); with more than one,
    `collect` must be a function of a module. Raises EnvironmentTrouble for I/O, never for content.
    """
    salt = os.urandom(16)
    total = _Part()
    notices = Notes()
    stated, here = -(-size // WIDTH), sum(1 for _ in LedgerFiles(root).store.walk("ledger/tile/entries"))
    if stated - here > _ABSENT:
        message = f"{here} of the {stated} entry bundles that the checkpoint states are here, so nothing was read."
        total.problems.add(failed("log.missing", f"{LEDGER}/tile/entries", message))
        return AuditResult(size, EMPTY_ROOT, total.problems.all(), (), [])
    chunks = [(first, min(first + _CHUNK * WIDTH, size)) for first in range(0, size, _CHUNK * WIDTH)]
    wanted = jobs or (1 if size <= _ALONE else os.cpu_count() or 1)
    files = LedgerFiles(root)
    if wanted == 1:
        for start, end in chunks:
            _join(total, _scan(root, start, end, salt, collect))
            if progress:
                progress(end, size)
        tiles = audit_tiles(files.read, size)
    else:
        with ProcessPoolExecutor(wanted) as pool:
            tasks = [pool.submit(_scan, root, start, end, salt, collect) for start, end in chunks]
            tiles = audit_tiles(files.read, size)
            for (_, end), task in zip(chunks, tasks, strict=True):
                _join(total, _result(task))
                if progress:
                    progress(end, size)
    for problem in tiles.problems:
        code = "log.bundle" if problem.path.startswith("tile/entries/") else "log.tile"
        missing = str(problem).endswith("is missing")
        total.problems.add(failed("log.missing" if missing else code, f"{LEDGER}/{problem.path}", f"{problem}."))
    paths = array("Q", sorted(total.paths))
    if any(paths[at] == paths[at - 1] for at in range(1, len(paths))):
        _repeats(files, size, total.problems)
    store = files.store
    _unsealed(store, paths, salt, total)
    _other_blobs(store, array("Q", sorted(total.blobs)), salt, notices)
    ledger_files(files, size, total.problems, notices)
    return AuditResult(size, tiles.root, total.problems.all(), notices.all(), total.collected)


def _scan(root: Path, start: int, end: int, salt: bytes, collect: Collect | None) -> _Part:
    """Check the entries from `start` (a multiple of 256) to `end` against the receipts and blobs on disk."""
    files, part = LedgerFiles(root), _Part()
    store = files.store
    for number, entry in _readable(files, start, end):
        try:
            receipt = parse(entry)
        except RemembrancerError as error:
            part.problems.add(failed(error.code, f"{LEDGER} entry {number}", error.message))
            continue
        path = relative_path(receipt)
        part.paths.append(_key(salt, path))
        named = receipt.blobs
        part.blobs.extend([_key(salt, digest) for digest in named])
        blobs = _same_on_disk(store, path, receipt, named, part.problems)
        if collect is not None and (kept := collect(number, receipt, blobs)) is not None:
            part.collected.append(kept)
    return part


def _readable(files: LedgerFiles, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield the entries of the bundles that can be read; the audit of the tiles names the others."""
    for first in range(start, end, WIDTH):
        try:
            bundle = read_bundle(files.read, Tile(None, first // WIDTH, min(WIDTH, end - first)))
        except (TileError, FileNotFoundError, RemembrancerError):
            continue
        yield from enumerate(bundle, first)


def _same_on_disk(
    store: Store, path: str, receipt: Receipt, named: tuple[str, ...], problems: Notes
) -> dict[str, bytes]:
    """Compare a receipt's file with its entry, and return the blobs that it names as far as they are sound."""
    name = f"{RECEIPTS}/{path}"
    try:
        if read_regular(f"{store.receipts_dir}/{path}", MAX_BYTES) != receipt.data:
            problems.add(failed("receipt.edited", name, "The file does not have the bytes that were sealed."))
    except FileNotFoundError:
        problems.add(failed("receipt.missing", name, "The receipt is sealed, but its file is missing."))
    except RemembrancerError as error:
        problems.add(failed(error.code, name, error.message))
    blobs = {}
    for digest in named:
        try:
            blobs[digest] = store.read_blob(digest)
        except RemembrancerError as error:
            problems.add(failed(error.code, f"{RECEIPTS}/blobs/{digest}", f"{error.message} {name} names it."))
    return blobs


def _unsealed(store: Store, paths: "array[int]", salt: bytes, total: _Part) -> None:
    """Name every receipt on disk that the log does not have, and remember the blobs of those that can be read."""
    for path in (*(path for kind in KINDS for path in store.walk(kind)), *_elsewhere(store)):
        name = f"{RECEIPTS}/{path}"
        if path.endswith("/"):
            message = "Folders lie too deep inside each other to be looked through."
            total.problems.add(failed("log.extra-file", name, message))
            continue
        if not path.endswith(".receipt"):
            if not path.startswith("adr/"):  # decisions and what belongs to them
                total.problems.add(failed("log.extra-file", name, "Only receipts belong here."))
            continue
        if _has(paths, _key(salt, path)):
            continue
        try:
            receipt = store.read_receipt(path)
        except RemembrancerError as error:
            total.problems.add(failed(error.code, name, error.message))
            continue
        total.blobs.extend(_key(salt, digest) for digest in receipt.blobs)
        total.problems.add(failed("log.pending", name, "The receipt is not in the log."))


def _elsewhere(store: Store) -> Iterator[str]:
    """Yield what claims to be a receipt where no kind has its folder."""
    known = {*KINDS, "ledger", "blobs", "archive", Path(LOCAL).name}
    with trouble(f"list {store.receipts_dir}"):
        others = [one for one in store.receipts_dir.iterdir() if one.name not in known]
    for one in others:
        inside = store.walk(one.name) if one.is_dir() and not one.is_symlink() else iter([one.name])
        yield from (path for path in inside if path.endswith(".receipt"))


def _other_blobs(store: Store, known: "array[int]", salt: bytes, notices: Notes) -> None:
    for digest in store.blobs():
        if not _has(known, _key(salt, digest)):
            notices.add(notice("blob.unreferenced", f"{RECEIPTS}/blobs/{digest}", "No receipt names this blob."))


def _repeats(files: LedgerFiles, size: int, problems: Notes) -> None:
    """Name the entries that claim the same place as an earlier one; only called when there are some."""
    places: dict[str, tuple[int, bytes]] = {}
    for number, entry in _readable(files, 0, size):
        try:
            receipt = parse(entry)
        except RemembrancerError:
            continue
        path = relative_path(receipt)
        first, digest = places.setdefault(path, (number, bytes.fromhex(receipt.digest)))
        if first != number:
            same = digest.hex() == receipt.digest
            code = "log.duplicate" if same else "receipt.conflict"
            problems.add(failed(code, f"{RECEIPTS}/{path}", f"Entries {first} and {number} both claim this receipt."))


def _join(total: _Part, part: _Part) -> None:
    total.paths.extend(part.paths)
    total.blobs.extend(part.blobs)
    total.problems.extend(part.problems)
    total.collected.extend(part.collected)


def _result(task: "Future[_Part]") -> _Part:
    try:
        return task.result()
    except BrokenProcessPool:
        raise EnvironmentTrouble("env.io", "a process of the audit was killed, perhaps for lack of memory") from None


def _key(salt: bytes, text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8, key=salt).digest())


def _has(keys: "array[int]", key: int) -> bool:
    at = bisect_left(keys, key)
    return at < len(keys) and keys[at] == key
