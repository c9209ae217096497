"""Receipts and blobs as files under ops/receipts/, written once and never overwritten.

Standard library only: the post-generation hook imports this inside Copier's own environment.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from remembrancer.errors import BadInput, Refused, Rejected
from remembrancer.paths import RECEIPTS
from remembrancer.receipt.kinds import KINDS
from remembrancer.receipt.statement import MAX_BYTES, Receipt, parse, relative_path
from remembrancer.system.files import open_own, put, read_regular, trouble

MAX_BLOB = 64 << 20  # bytes; the largest are manifests, about a hundred for each file of a service
DEEPEST = 12  # folders between ops/receipts and a file; a ledger of any size needs fewer
_HEX = re.compile("[0-9a-f]{64}")


class Store:
    """The receipts and blobs of the repository at `root` (an existing folder)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.receipts_dir = root / RECEIPTS

    def write_receipt(self, data: bytes, *, noted: bool = True) -> Path:
        """Write one receipt (the bytes that `receipt.build` made) and return its path; see `write_receipts`."""
        return self.write_receipts([data], noted=noted)[0]

    def write_receipts(self, batch: Sequence[bytes], *, noted: bool = True) -> list[Path]:
        """Write receipts durably and return their paths in the same order.

        The next seal here takes them up before they are committed, unless `noted` is false: an update can still be
        thrown away, so its receipt counts only once it is committed.

        All are checked before any is written. Repeating a receipt, or recording a version again with the same digest
        for the same environment, writes nothing and returns the path of the first. Raises Refused `receipt.conflict`
        or `receipt.name-clash` when a version is already recorded otherwise, Rejected when the bytes are no receipt,
        EnvironmentTrouble for I/O.
        """
        from remembrancer.repository.lock import SCRATCH, WRITTEN, exclusive  # noqa: PLC0415 - readers hold no lock

        receipts = [parse(data) for data in batch]
        paths = [relative_path(receipt) for receipt in receipts]
        with exclusive(self.root) as local:
            new: dict[str, bytes] = {}
            for path, receipt in zip(paths, receipts, strict=True):
                known = parse(new[path]) if path in new else self._at(path)
                if known is None:
                    new[path] = receipt.data
                else:
                    refuse_other(known, receipt)
            if new:
                # first the note for the next seal: a path in it that has no file yet does no harm
                if noted:
                    handle = open_own(local / WRITTEN, append=True)
                    with trouble(f"write {local / WRITTEN}"), os.fdopen(handle, "ab") as notes:
                        notes.write("".join(f"{path}\n" for path in new).encode())
                put(self.receipts_dir, new, local / SCRATCH)
        return [self.receipts_dir / path for path in paths]

    def write_blob(self, data: bytes) -> str:
        """Write a blob durably unless it is there; return its SHA-256 in hexadecimal.

        Raises BadInput `receipt.size` for more than could be read again, EnvironmentTrouble for I/O.
        """
        if len(data) > MAX_BLOB:
            raise BadInput("receipt.size", f"a blob of {len(data)} bytes is too large, {MAX_BLOB} is the most")
        from remembrancer.repository.lock import SCRATCH, exclusive  # noqa: PLC0415 - as above

        digest = hashlib.sha256(data).hexdigest()
        with exclusive(self.root) as local:
            try:
                whole = self.read_blob(digest) == data
            except Rejected:
                whole = False
            if not whole:
                put(self.receipts_dir, {f"blobs/{digest}": data}, local / SCRATCH)
        return digest

    def read_receipt(self, path: Path | str) -> Receipt:
        """Return the receipt in a file (a path, or a string relative to ops/receipts/ with forward slashes).

        Raises Rejected: `receipt.missing`, `receipt.path` when it is not where its content belongs, or what `parse`
        raises; the message names the file. Raises EnvironmentTrouble for I/O.
        """
        relative = path if isinstance(path, str) else self.name(path)
        receipt = self._at(relative)
        if receipt is None:
            raise Rejected("receipt.missing", f"{RECEIPTS}/{relative} does not exist")
        if (right := relative_path(receipt)) != relative:
            raise Rejected("receipt.path", f"{RECEIPTS}/{relative} belongs at {RECEIPTS}/{right}")
        return receipt

    def read_blob(self, digest: str) -> bytes:
        """Return the bytes of a blob whose SHA-256 is `digest` (hexadecimal).

        Raises Rejected `blob.missing`, `blob.mismatch` or `receipt.size`, naming the file; EnvironmentTrouble for I/O.
        """
        name = f"{RECEIPTS}/blobs/{digest}"
        try:
            data = read_regular(f"{self.receipts_dir}/blobs/{_named(digest)}", MAX_BLOB)
        except FileNotFoundError:
            raise Rejected("blob.missing", f"{name} does not exist") from None
        if len(data) > MAX_BLOB:
            raise Rejected("receipt.size", f"{name} is larger than {MAX_BLOB} bytes")
        if hashlib.sha256(data).hexdigest() != digest:
            raise Rejected("blob.mismatch", f"{name} does not have the digest that its name states")
        return data

    def blob_path(self, digest: str) -> Path:
        """Return where the blob with this digest (64 lower-case hexadecimal digits) belongs. Raises ValueError."""
        return self.receipts_dir / "blobs" / _named(digest)

    def deployed(self, component: str, version: str) -> Receipt | None:
        """Return the deploy receipt of a version, or None.

        Raises Refused `receipt.name-clash` when another component and version use its file name.
        """
        name = f"deploy/{component}-{version}.receipt"
        found = self._at(name)
        if found is not None:
            _same_version(found, component, version, name)
        return found

    def name(self, path: Path) -> str:
        """Return a path relative to ops/receipts/ with forward slashes. Raises Rejected when it lies elsewhere."""
        try:
            relative = Path(os.path.abspath(path)).relative_to(os.path.abspath(self.receipts_dir))  # noqa: PTH100
        except ValueError:
            raise Rejected("receipt.path", f"{path} is not under {self.receipts_dir}") from None
        return relative.as_posix()

    def receipts(self) -> Iterator[str]:
        """Yield every file of the kinds' folders that ends in .receipt, relative to ops/receipts/, unordered."""
        for kind in KINDS:
            yield from (name for name in self.walk(kind) if name.endswith(".receipt"))

    def blobs(self) -> Iterator[str]:
        """Yield the name of every file in the folder of blobs, unordered."""
        yield from (name.removeprefix("blobs/") for name in self.walk("blobs"))

    def walk(self, folder: str) -> Iterator[str]:
        """Yield every file (or link) below a folder, relative to ops/receipts/, without following links.

        A folder that lies deeper than any of a ledger's is not entered; its name is given with a slash at the end.
        """
        base = str(self.receipts_dir)
        waiting = [folder]
        while waiting:
            place = waiting.pop()
            path = f"{base}/{place}"
            with trouble(f"list {path}"):
                try:
                    entries = os.scandir(path)
                except (FileNotFoundError, NotADirectoryError):
                    continue
                with entries:
                    for entry in entries:
                        name = f"{place}/{entry.name}"
                        if not entry.is_dir(follow_symlinks=False):
                            yield name
                        elif name.count("/") < DEEPEST:
                            waiting.append(name)
                        else:
                            yield f"{name}/"

    def _at(self, relative: str) -> Receipt | None:
        """Return the receipt in a file, or None when there is none; the message of a refusal names the file."""
        try:
            return parse(read_regular(self.receipts_dir / relative, MAX_BYTES))
        except FileNotFoundError:
            return None
        except Rejected as error:
            raise Rejected(error.code, f"{RECEIPTS}/{relative}: {error.message}", error.remedy) from None


def refuse_other(first: Receipt, second: Receipt) -> None:
    """Raise Refused unless the second receipt says the same as the first, which is already at the same path."""
    if first.data == second.data:
        return
    name = relative_path(second)
    if first.kind != "deploy" or second.kind != "deploy":
        raise Refused("receipt.conflict", f"{RECEIPTS}/{name} is already another receipt")
    old, new = first.predicate, second.predicate
    _same_version(first, new["component"], new["version"], name)
    version = f"{new['component']} {new['version']}"
    if old["artifact"]["sha256"] != new["artifact"]["sha256"]:
        raise Refused(
            "receipt.conflict",
            f"{version} is already recorded with the digest {old['artifact']['sha256']} in {RECEIPTS}/{name}",
        )
    if old["environment"] != new["environment"]:
        raise Refused(
            "receipt.conflict",
            f"{version} is already recorded for {old['environment']} in {RECEIPTS}/{name}; "
            f"its way into {new['environment']} is a rollout receipt",
            "Record a rollout.",
        )


def _same_version(first: Receipt, component: str, version: str, name: str) -> None:
    known = first.predicate
    if (known.get("component"), known.get("version")) != (component, version):
        raise Refused(
            "receipt.name-clash",
            f"{component} {version} would use the file {RECEIPTS}/{name}, "
            f"which already records {known.get('component')} {known.get('version')}",
        )


def _named(digest: str) -> str:
    """Return a blob's file name; raises ValueError."""
    if not _HEX.fullmatch(digest):
        raise ValueError("a blob is named by 64 lower-case hexadecimal digits")
    return digest
