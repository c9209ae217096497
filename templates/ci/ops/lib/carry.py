"""Carry receipts from job to job in dist/receipts.tar.

What comes out of it is data that another job wrote: only receipts and blobs of a release are taken, as plain files
under their own names, and never over what is here already.

ops/ci/publish pack      put the receipts that git does not have yet into it
ops/ci/publish unpack    take them out again
"""

import argparse
import hashlib
import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import service
from service import RECEIPTS, ROOT, Trouble

ARCHIVE = Path("dist/receipts.tar")
# What a release makes, and nothing else: no ledger, no trust policy, no archive.
NAMED = re.compile(rf"{RECEIPTS}/deploy/[a-z0-9][A-Za-z0-9.-]{{0,99}}\.receipt")
BY_CONTENT = re.compile(rf"{RECEIPTS}/(?:sign|timestamp|rollout)/([0-9a-f]{{2}})/(\1[0-9a-f]{{62}})\.receipt")
BLOB = re.compile(rf"{RECEIPTS}/blobs/([0-9a-f]{{64}})")
MOST_FILES, MOST_RECEIPT, MOST_BLOB = 200, 65_535, 8 * 1024 * 1024
MOST_BYTES = 32 * 1024 * 1024


def digest_in(name: str) -> str | None:
    """Return the SHA-256 that a member's name promises, "" for a deploy receipt, None for what is no member at all."""
    if found := BY_CONTENT.fullmatch(name):
        return found[2]
    if found := BLOB.fullmatch(name):
        return found[1]
    return "" if NAMED.fullmatch(name) else None


def members(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each member.

    Raises:
        Trouble: a member is not a receipt or blob of a release, is too large, comes twice or is not what its name says.
    """
    seen: set[str] = set()
    for member in archive:
        name = member.name
        shown = ascii(name[:120])
        if not member.isreg() or member.sparse is not None:
            raise Trouble(f"{ARCHIVE} holds {shown}, which is not a regular file; nothing was taken from it")
        promised = digest_in(name)
        if promised is None:
            raise Trouble(f"{ARCHIVE} holds {shown}, which is no receipt of a release; nothing was taken from it")
        most = MOST_BLOB if BLOB.fullmatch(name) else MOST_RECEIPT
        if name in seen or len(seen) >= MOST_FILES or member.size > most:
            raise Trouble(f"{ARCHIVE} holds {shown} twice, too many files or too large ones; nothing was taken from it")
        seen.add(name)
        stream = archive.extractfile(member)
        data = stream.read(most + 1) if stream else b""
        if promised and hashlib.sha256(data).hexdigest() != promised:
            raise Trouble(f"{ARCHIVE} holds {shown}, whose bytes have another digest; nothing was taken from it")
        yield name, data


def unpack() -> None:
    """Write every member of dist/receipts.tar to its place; all are checked before the first is written.

    Raises:
        Trouble: the archive is missing or holds anything else, or another file is there already.
    """
    path = ROOT / ARCHIVE
    if not path.is_file() or path.is_symlink():
        raise Trouble(f"{ARCHIVE} is missing; an earlier stage made no receipts")
    if path.stat().st_size > MOST_BYTES:
        raise Trouble(f"{ARCHIVE} is larger than {MOST_BYTES} bytes; nothing was taken from it")
    try:
        with tarfile.open(path, "r:") as archive:
            found = list(members(archive))
    except (tarfile.TarError, ValueError) as error:
        raise Trouble(f"{ARCHIVE} is not a tar archive: {error}") from error
    for name, data in found:
        target = ROOT / name
        if any(folder.is_symlink() for folder in (target, *target.parents) if ROOT in folder.parents):
            raise Trouble(f"{name} would be written through a link; remove the link")
        if target.exists() and target.read_bytes() != data:
            raise Trouble(f"{name} is here with other bytes; what is recorded is never replaced")
    for name, data in found:
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_bytes(data)


def pack() -> None:
    """Put what git does not have of a release's receipts into dist/receipts.tar, also what .gitignore names.

    Raises:
        Trouble: there are none.
    """
    listed = service.git("ls-files", "--others", "-z", "--", RECEIPTS).decode("utf-8", "surrogateescape").split("\0")
    names = sorted(name for name in listed if digest_in(name) is not None)
    if not names:
        raise Trouble("there are no new receipts to carry on")
    target = ROOT / ARCHIVE
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    with tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name in names:
            archive.add(ROOT / name, arcname=name, recursive=False)
    temporary.replace(target)


def main(arguments: list[str]) -> int:
    """Pack or unpack; return 0."""
    parser = argparse.ArgumentParser(prog="ops/ci/publish", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("pack", "unpack"))
    {"pack": pack, "unpack": unpack}[parser.parse_args(arguments).what]()
    return 0


if __name__ == "__main__":
    service.run_main("ops/ci/publish", main)
