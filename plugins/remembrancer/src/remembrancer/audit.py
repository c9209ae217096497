"""Re-reading everything: each entry, tile, receipt and blob of a ledger against the root that the log key signed.

The checkpoint must already be verified. Findings name the file. Memory holds one bundle and 16 bytes per receipt.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from remembrancer import merkle
from remembrancer.errors import Rejected
from remembrancer.findings import Finding
from remembrancer.kinds import KINDS
from remembrancer.logview import LogView
from remembrancer.receipt import Receipt, parse, relative_path
from remembrancer.repository import LEDGER, RECEIPTS, Repository
from remembrancer.store import Store
from remembrancer.tilefiles import WIDTH, Tile, TileError, decode_bundle, layout
from remembrancer.verify import Entry, negative

Progress = Callable[[int], None]
MOST_FINDINGS = 100


@dataclass
class Audit:
    """What an audit has seen: findings (failures first in the order of discovery), and counts for the summary."""

    view: LogView
    repository: Repository
    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    known: set[bytes] = field(default_factory=set)
    blobs: set[bytes] = field(default_factory=set)
    texts: dict[int, Receipt] = field(default_factory=dict)
    policies: list[str] = field(default_factory=list)
    truncated: int = 0

    def fail(self, check: str, subject: str, error: Rejected) -> None:
        """Add a failure; beyond 100 they are only counted."""
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(negative(check, subject, error))
        else:
            self.truncated += 1

    def entries(self, progress: Progress) -> Iterator[Entry]:
        """Recompute the tree from the entry bundles and yield every entry, its file compared and its blobs noted.

        Leaves, tiles of every level and the root are recomputed; what disagrees becomes a finding that names the file.
        """
        size = self.view.size
        rising = _Rising(self)
        for first in range(0, size, WIDTH):
            tile = Tile(None, first // WIDTH, min(WIDTH, size - first))
            data = self._read(tile.path, "log.missing", "entries")
            entries: list[bytes] = []
            if data is not None:
                try:
                    entries = decode_bundle(data)
                    if len(entries) != tile.width:
                        raise TileError("", f"has {len(entries)} entries instead of {tile.width}")
                except TileError as error:
                    self.fail(
                        "entries", f"{LEDGER}/{tile.path}", Rejected("log.bundle", f"{LEDGER}/{tile.path}: {error}")
                    )
                    entries = []
            rising.add([merkle.leaf_hash(entry) for entry in entries] if entries else None, tile.index, tile.width)
            for offset, entry in enumerate(entries):
                found = self._entry(entry, first + offset)
                if found is not None:
                    yield found
            progress(len(entries))
        rising.finish()

    def _entry(self, data: bytes, index: int) -> Entry | None:
        where = f"leaf {index}"
        try:
            receipt = parse(data)
        except Rejected as error:
            self.fail("receipts", where, Rejected(error.code, f"{where}: {error.message}"))
            return None
        path = f"{RECEIPTS}/{relative_path(receipt)}"
        self.counts[receipt.kind] = self.counts.get(receipt.kind, 0) + 1
        key = _key(path)
        if key in self.known:
            self.fail(
                "receipts", path, Rejected("log.duplicate", f"{path} is in the log more than once (leaf {index})")
            )
        self.known.add(key)
        for blob in receipt.blobs:
            self.blobs.add(bytes.fromhex(blob))
        if receipt.kind == "adr":
            self.texts[int(receipt.predicate["number"])] = receipt
        if receipt.kind == "trust":
            self.policies.append(receipt.subject[0].sha256)
        on_disk = None
        try:
            on_disk = self.repository.on_disk(receipt)
        except Rejected as error:
            self.fail("receipts", path, error)
        else:
            if on_disk is None:
                self.fail("receipts", path, Rejected("receipt.missing", f"{path} is sealed (leaf {index}) but missing"))
            elif on_disk != data:
                self.fail("receipts", path, Rejected("receipt.edited", f"{path} is not what was sealed (leaf {index})"))
        return Entry(receipt, index, on_disk)

    def files(self) -> None:
        """Look for what nothing accounts for: receipts that are not in the log, and files that belong nowhere."""
        store = Store(self.repository.root)
        for kind in KINDS:
            for name in sorted(store.walk(kind)):
                path = f"{RECEIPTS}/{name}"
                if _key(path) in self.known or (kind == "adr" and name.endswith(".md")):
                    continue
                self.fail("receipts", path, self._stranger(name, path))
        live = {tile.path for tile in layout(self.view.size)} | {"checkpoint"}
        for path in sorted(store.walk("ledger")):
            name = path.removeprefix("ledger/")
            if name not in live and not name.startswith("timestamps/"):
                where = f"{LEDGER}/{name}"
                self.fail(
                    "ledger", where, Rejected("log.extra-file", f"{where} is no file of a log of size {self.view.size}")
                )

    def _stranger(self, name: str, path: str) -> Rejected:
        if not name.endswith(".receipt"):
            return Rejected("log.extra-file", f"{path} is not a receipt")
        try:
            Store(self.repository.root).read_receipt(name)
        except Rejected as error:
            return error
        return Rejected("log.pending", f"{path} is not in the log")

    def check_blobs(self) -> None:
        """Re-hash every blob that a receipt names; blobs that none names are counted, they prove and harm nothing."""
        store = Store(self.repository.root)
        for blob in sorted(self.blobs):
            try:
                store.read_blob(blob.hex())
            except Rejected as error:
                self.fail("blobs", f"{RECEIPTS}/blobs/{blob.hex()}", error)
        for name in sorted(store.blobs()):
            if len(name) != 64 or not set(name) <= set("0123456789abcdef"):
                self.fail(
                    "blobs",
                    f"{RECEIPTS}/blobs/{name}",
                    Rejected("log.extra-file", f"{RECEIPTS}/blobs/{name} is no blob"),
                )
            elif bytes.fromhex(name) not in self.blobs:
                self.counts["unused blobs"] = self.counts.get("unused blobs", 0) + 1

    def check_texts(self) -> None:
        """Compare each decision record with the newest receipt about it."""
        for number, receipt in sorted(self.texts.items()):
            path = f"{RECEIPTS}/adr/ADR-{number:03d}-{receipt.predicate['slug']}.md"
            try:
                digest = hashlib.sha256(self.repository.read(path)).hexdigest()
            except FileNotFoundError:
                self.fail("texts", path, Rejected("receipt.text", f"{path} is recorded but missing"))
                continue
            if digest != receipt.predicate["text"]:
                self.fail(
                    "texts", path, Rejected("receipt.text", f"{path} is not the text that its newest receipt binds")
                )

    def check_policy(self, digest: str) -> None:
        """The policy in force must be the newest one that the log records."""
        if self.policies and self.policies[-1] != digest:
            message = "the policy in force is not the one that the newest trust receipt records"
            self.fail("trust", "ops/trust/policy.toml", Rejected("trust.unrecorded", message))

    def _read(self, path: str, code: str, check: str) -> bytes | None:
        where = f"{LEDGER}/{path}"
        try:
            return self.repository.ledger_file(path)
        except FileNotFoundError:
            self.fail(check, where, Rejected(code, f"{where} is missing"))
        except Rejected as error:
            self.fail(check, where, error)
        return None


def _key(path: str) -> bytes:
    return hashlib.sha256(path.encode()).digest()[:16]


class _Rising:
    """Recomputes the tiles above the leaves one row at a time and compares each with its file."""

    def __init__(self, audit: Audit) -> None:
        self.audit = audit
        self.rows: list[list[bytes]] = []
        self.counts: list[int] = []
        self.broken = False

    def add(self, leaves: list[bytes] | None, index: int, width: int) -> None:
        """Take the leaf hashes of one bundle; None when it could not be read, which the tile cannot make up for."""
        if leaves is None:
            self.broken = True
            leaves = self._stored(0, index, width)
            if leaves is None:
                return
        self._push(0, leaves)

    def _push(self, level: int, hashes: list[bytes]) -> None:
        if level == len(self.rows):
            self.rows.append([])
            self.counts.append(0)
        self.rows[level] += hashes
        while len(self.rows[level]) >= WIDTH:
            row, self.rows[level] = self.rows[level][:WIDTH], self.rows[level][WIDTH:]
            self._compare(level, row)
            self._push(level + 1, [merkle.root_of_hashes(row)])

    def _compare(self, level: int, row: list[bytes]) -> None:
        tile = Tile(level, self.counts[level], len(row))
        self.counts[level] += 1
        data = self.audit._read(tile.path, "log.missing", "tiles")
        if data is not None and data != b"".join(row):
            where = f"{LEDGER}/{tile.path}"
            self.audit.fail("tiles", where, Rejected("log.tile", f"{where} is not what the entries below it give"))

    def _stored(self, level: int, index: int, width: int) -> list[bytes] | None:
        try:
            data = self.audit.repository.ledger_file(Tile(level, index, width).path)
        except (FileNotFoundError, Rejected):
            return None
        return [data[at : at + 32] for at in range(0, 32 * width, 32)] if len(data) == 32 * width else None

    def finish(self) -> None:
        """Compare the partial tiles at the right edge, and the root with the signed one."""
        for level, row in enumerate(self.rows):
            if row:
                self._compare(level, row)
        view = self.audit.view
        root = self._root()
        if root != view.root:
            hint = " (a bundle could not be read)" if self.broken else ""
            message = f"the entries give the root {root.hex()}, the signed one is {view.root.hex()}{hint}"
            self.audit.fail("root", f"{LEDGER}/checkpoint", Rejected("log.root", message))

    def _root(self) -> bytes:
        carry: bytes | None = None
        for row in self.rows:
            hashes = [*row, *([carry] if carry is not None else [])]
            # the row's subtrees are whole and of equal height, and the carry is the smaller one at their right
            carry = merkle.root_of_hashes(hashes) if hashes else carry
        return carry if carry is not None else merkle.EMPTY_ROOT
