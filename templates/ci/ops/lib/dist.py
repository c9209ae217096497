"""Make dist/{component}-{version}.tar.gz: reproducibly, from one commit.

The content is what HEAD holds of this folder, read from git, without the records (ops/receipts, ops/trust), so that
neither recording a release nor the neighbours in a larger repository change it. Entries are sorted; owner 0, modes 0644
or 0755; times are SOURCE_DATE_EPOCH or one constant, because a shallow clone knows no time of any other commit.
"""

import argparse
import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import service
from service import EXIT_USAGE, RECORDS, ROOT, Trouble

CONSTANT = 315532800  # 1980-01-01T00:00:00Z, the earliest time that every archive format can hold


def epoch() -> int:
    """Return the time that every entry gets (Unix seconds).

    Raises:
        Trouble: SOURCE_DATE_EPOCH is not a number.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if given and not given.isdecimal():
        raise Trouble("SOURCE_DATE_EPOCH is not a number of seconds", EXIT_USAGE)
    return int(given or CONSTANT)


def entries() -> Iterator[tuple[str, str, bytes]]:
    """Yield path, git mode and bytes of every file of HEAD that is not a record, sorted by path.

    Raises:
        Trouble: HEAD holds a submodule, or git failed.
    """
    listing = service.git("ls-tree", "-r", "-z", "HEAD").split(b"\0")
    wanted = []
    for line in filter(None, listing):
        facts, raw = line.split(b"\t", 1)
        mode, _, object_id = facts.decode().split(" ")
        path = raw.decode("utf-8", "surrogateescape")
        if mode == "160000":
            raise Trouble(f"{path} is a submodule, whose content this repository does not hold", EXIT_USAGE)
        if not path.startswith(tuple(f"{record}/" for record in RECORDS)):
            wanted.append((path, mode, object_id))
    asked = "".join(f"{object_id}\n" for _, _, object_id in wanted).encode()
    stream = io.BytesIO(service.git("cat-file", "--batch", given=asked))
    content = {}
    for path, _, _ in wanted:
        header = stream.readline().split()
        content[path] = stream.read(int(header[2]))
        stream.read(1)
    for path, mode, _ in sorted(wanted):
        yield path, mode, content[path]


def build(prefix: str) -> bytes:
    """Return the archive's bytes; every path in it begins with `prefix`/."""
    moment = epoch()
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", fileobj=packed, mode="wb", compresslevel=9, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, mode, data in entries():
            entry = tarfile.TarInfo(f"{prefix}/{path}")
            entry.mtime, entry.mode = moment, 0o755 if mode == "100755" else 0o644
            if mode == "120000":
                entry.type, entry.linkname = tarfile.SYMTYPE, data.decode("utf-8", "surrogateescape")
                archive.addfile(entry)
            else:
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def unrecorded_changes() -> list[str]:
    """Return tracked files that differ from HEAD and are not records."""
    outside = [f":(exclude){path}" for path in RECORDS]
    return (
        service.git("diff", "--name-only", "--relative", "-z", "HEAD", "--", ".", *outside)
        .decode(errors="replace")
        .split("\0")[:-1]
    )


def main(arguments: list[str]) -> int:
    """Write the archive and print its digest and path; return 0."""
    parser = argparse.ArgumentParser(prog="ops/bin/dist", description="Make the release archive of HEAD.")
    parser.add_argument("--output", type=Path, help="write here instead of dist/{component}-{version}.tar.gz")
    parser.add_argument("--despite-changes", action="store_true", help="archive HEAD even where files differ from it")
    options = parser.parse_args(arguments)
    found = service.load()
    name = f"{found.component}-{service.version(found)}"
    service.git("rev-parse", "--verify", "HEAD")
    changed = [] if options.despite_changes else unrecorded_changes()
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise Trouble(f"{changed[0]}{more} differs from HEAD; commit the changes first, an archive is made of a commit")
    data = build(name)
    target: Path = options.output or ROOT / found.artifact
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(target)
    print(f"{hashlib.sha256(data).hexdigest()}  {options.output or found.artifact}")
    return 0


if __name__ == "__main__":
    service.run_main("ops/bin/dist", main)
