"""The peak memory of an audit of 1,000,000 receipts, each a file of its own: it must not grow with the ledger.

The budget is 300 MB in one process. The receipts name no blobs, so what is measured is the ledger itself: entries,
tiles, and every file beside them. The fixture takes about 4 GB of a temporary folder (TMPDIR says where).
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pysequoia

from benchmarks._scratch import PROGRAM, environment, lay, many, repository
from benchmarks.measure import Row, run_apart
from remembrancer.ledger.stamps import FOLDER
from remembrancer.paths import LEDGER, RECEIPTS
from remembrancer.receipt.statement import parse, relative_path
from remembrancer.record.begin import development_policy, write_policy
from remembrancer.repository.reader import Repository
from remembrancer.timestamp.authority import LocalAuthority
from remembrancer.timestamp.request import make_request
from remembrancer.tlog.note import SignerKey
from remembrancer.trust.render import render

RECEIPTS_AUDITED = int(os.environ.get("BENCH_RECEIPTS", "1000000"))
ORIGIN = "dev.invalid/my-svc/bench"
AUTHORITY = "development"
NONCE = 1 << 62
BUDGET = 300


def _written(root: Path, count: int) -> Iterator[bytes]:
    """Write each receipt to its place, without syncing, and yield it."""
    base = f"{root}/{RECEIPTS}/"
    Path(base, "deploy").mkdir(parents=True)
    for data in many(count):
        handle = os.open(base + relative_path(parse(data)), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(handle, data)
        os.close(handle)
        yield data


def _world(base: Path, count: int) -> tuple[Path, str]:
    """Make a repository whose log holds this many receipts; returns it and the fingerprint of its owner."""
    root = repository(base / "service")
    key = pysequoia.Tsk.generate("Bench <bench@example.invalid>")
    authority = LocalAuthority.create(base / "tsa")
    certificate = key.extract_certificate()
    owner, armored = str(certificate.fingerprint).upper(), str(certificate).encode()
    log_key = SignerKey.generate(ORIGIN)
    policy = render(development_policy(ORIGIN, log_key, owner, armored, authority))
    signature = bytes(pysequoia.sign(key.signer(), policy, mode=pysequoia.SignatureMode.DETACHED))
    write_policy(Repository(root), policy, {owner: signature}, {owner: armored})
    note = lay(root, log_key, _written(root, count))
    stamps = root / LEDGER / FOLDER
    stamps.mkdir(parents=True)
    (stamps / f"{count}.note").write_bytes(note)
    response = authority.respond(make_request(hashlib.sha256(note).digest(), NONCE))
    (stamps / f"{count}.{AUTHORITY}.tsr").write_bytes(response)
    return root, owner


def rows() -> list[Row]:
    """Audit once: a peak is a peak, however busy the machine is."""
    with tempfile.TemporaryDirectory(prefix="bench-memory.") as folder:
        root, owner = _world(Path(folder), RECEIPTS_AUDITED)
        used = run_apart([*PROGRAM, "verify-audit", "--trust", owner], root, environment(Path(folder, "home")))
    detail = f"{used.wall:.0f} s, {used.cpu:.0f} s of processor time"
    what = f"peak memory of `verify-audit` over {RECEIPTS_AUDITED:,} receipts"
    return [Row(what, used.peak, BUDGET, "a fixed limit for one process", detail=detail, unit="MiB")]
