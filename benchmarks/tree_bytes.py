"""How many bytes of work tree one more release costs with all its proofs, against its receipts and blobs alone."""

import tempfile
from collections import Counter
from pathlib import Path

from benchmarks._scratch import COMPONENT, release, service
from benchmarks.measure import Row
from remembrancer.paths import RECEIPTS

RELEASES = 8


def _bytes(root: Path) -> Counter[str]:
    """Return the bytes under ops/receipts by part: receipts, blobs, tiles, entries, timestamps, checkpoint, local."""
    found: Counter[str] = Counter()
    base = root / RECEIPTS
    for path in base.rglob("*"):
        if path.is_file():
            folder, *rest = path.relative_to(base).parts
            if folder == "ledger":
                found["entries" if rest[:2] == ["tile", "entries"] else rest[0]] += path.stat().st_size
            else:
                part = {"blobs": "blobs", ".local": "local"}.get(folder, "receipts")
                found[part] += path.stat().st_size
    return found


def rows() -> list[Row]:
    """Count the growth between the first release and the last."""
    with tempfile.TemporaryDirectory(prefix="bench-bytes.") as folder:
        root = service(Path(folder))
        counts = []
        for number in range(RELEASES):
            version = f"1.{number}.0"
            (root / "dist" / f"{COMPONENT}-{version}.tar.gz").write_bytes(version.encode())
            release(root, version)
            counts.append(_bytes(root))
    each = {part: (counts[-1][part] - counts[0][part]) / (RELEASES - 1) for part in counts[-1]}
    floor = each["receipts"] + each["blobs"]
    detail = ", ".join(f"{part} {size:,.0f} B" for part, size in sorted(each.items()))
    what = "work tree bytes of a release with its proofs"
    return [Row(what, sum(each.values()) / floor, 2, "its receipts and blobs", detail=detail)]
