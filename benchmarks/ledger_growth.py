"""Record and seal one deployment in a ledger of a million entries, against one of a thousand.

Both sizes fill the same places of their last tiles, and in both one entry in a hundred is an earlier version of the
component that is recorded, its receipt lying in the work tree.
"""

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from benchmarks._scratch import COMPONENT, commit, deploy, lay, many, repository, sha256
from benchmarks.measure import Row, alternate
from remembrancer.audit.session import Session
from remembrancer.ledger import Ledger
from remembrancer.paths import RECEIPTS
from remembrancer.record.deploy import record_deploy
from remembrancer.record.statements import Given
from remembrancer.tlog.note import SignerKey

SMALL = 1_000
LARGE = 1_000_000 + (SMALL - 1_000_000) % 256
EVERY = 100


class _World:
    """A repository whose log has a given size, and the work that is measured in it."""

    def __init__(self, root: Path, size: int) -> None:
        self.session = Session(repository(root))
        self.ledger = Ledger(root)
        self.signer = SignerKey.generate("bench.invalid/my-svc")
        self.versions = count(1)
        lay(root, self.signer, self._entries(size))
        commit(root)
        # the first seal after a clone looks through the log once; what is measured is every later one
        self.record_and_seal()

    def _entries(self, size: int) -> Iterator[bytes]:
        folder = self.session.root / RECEIPTS / "deploy"
        folder.mkdir(parents=True)
        for number, entry in enumerate(many(size)):
            if number % EVERY:
                yield entry
                continue
            version = f"0.{number}.0"
            own = deploy(COMPONENT, version, sha256(entry))
            (folder / f"{COMPONENT}-{version}.receipt").write_bytes(own)
            yield own

    def record_and_seal(self) -> None:
        """Record the next version and seal it."""
        version = f"1.{next(self.versions)}.0"
        evidence = self.session.root / "dist" / f"{COMPONENT}-{version}.tar.gz"
        evidence.write_bytes(version.encode())
        record_deploy(self.session, Given(COMPONENT, version))
        sealed = self.ledger.seal(self.signer)
        if len(sealed.sealed) != 1 or sealed.refused:
            raise RuntimeError(f"not sealed: {sealed.refused}")


def rows() -> list[Row]:
    """Measure in one process, in turns, with everything synced to the disk."""
    with tempfile.TemporaryDirectory(prefix="bench-growth.") as folder:
        small, large = _World(Path(folder, "small"), SMALL), _World(Path(folder, "large"), LARGE)
        ours, floor = alternate(large.record_and_seal, small.record_and_seal, rounds=41)
    detail = f"{ours * 1000:.1f} ms / {floor * 1000:.1f} ms"
    what = f"record and seal, a ledger of {LARGE:,}"
    return [Row(what, ours / floor, 1.1, f"a ledger of {SMALL:,}", detail=detail)]
