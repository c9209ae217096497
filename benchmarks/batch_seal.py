"""Seal many receipts at once, everything synced to the disk; the receipts are recorded and committed before."""

import shutil
import tempfile
import time
from pathlib import Path

from benchmarks._scratch import commit, many, repository
from benchmarks.measure import Row
from remembrancer.ledger import Ledger
from remembrancer.paths import LEDGER, LOCAL
from remembrancer.receipt.statement import parse, relative_path
from remembrancer.repository.store import Store
from remembrancer.tlog.note import SignerKey

RECEIPTS = 20_000
ROUNDS = 5


def _recorded(root: Path) -> Path:
    """Return a repository with receipts that are committed and not sealed."""
    store = Store(repository(root))
    for data in many(RECEIPTS):
        target = store.receipts_dir / relative_path(parse(data))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    commit(root)
    return root


def _seal(root: Path) -> tuple[float, float]:
    """Return the seconds of clock and of processor that one seal of all receipts takes, and take it back."""
    begun = time.perf_counter(), time.process_time()
    sealed = Ledger(root).seal(SignerKey.generate("bench.invalid/my-svc"))
    took = time.perf_counter() - begun[0], time.process_time() - begun[1]
    if len(sealed.sealed) != RECEIPTS or sealed.refused:
        raise RuntimeError(f"sealed {len(sealed.sealed)}, refused {sealed.refused[:3]}")
    for folder in (LEDGER, LOCAL):
        shutil.rmtree(root / folder)
    return took


def rows() -> list[Row]:
    """Measure the fastest of some rounds: whatever else the machine does can only make it slower."""
    with tempfile.TemporaryDirectory(prefix="bench-batch.") as folder:
        root = _recorded(Path(folder, "r"))
        best, processor = min(_seal(root) for _ in range(ROUNDS))
    rate = RECEIPTS / best
    detail = f"{RECEIPTS:,} receipts in {best:.2f} s, {processor:.2f} s of processor time"
    return [Row("batch seal", rate, 5_000, "fsync included", at_most=False, detail=detail, unit="receipts/s")]
