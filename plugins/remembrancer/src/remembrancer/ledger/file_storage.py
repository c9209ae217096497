"""The log as files under ops/receipts/ledger: renamed into place, with a journal, under the repository's lock."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from remembrancer.errors import EnvironmentTrouble
from remembrancer.ledger import journal
from remembrancer.ledger.files import CHECKPOINT, LedgerFiles
from remembrancer.paths import LEDGER
from remembrancer.repository.lock import SCRATCH
from remembrancer.system.files import put


class FileStorage:
    """The storage of the repository at `root`; `local` is the folder that `exclusive` gives to who holds the lock."""

    def __init__(self, root: Path, local: Path) -> None:
        self._files, self._local = LedgerFiles(root), local
        self.note, self.read = self._files.note, self._files.read

    def begun(self) -> bool:
        """Say whether there is any tile."""
        return any(self._files.store.walk("ledger/tile"))

    def put_new(self, files: Mapping[str, bytes], obsolete: Sequence[str]) -> None:
        """Write the journal, then the files: all are durable before any gets its name."""
        journal.write(self._local, files, obsolete)
        self._put(files)

    def swap_checkpoint(self, old: bytes | None, new: bytes) -> None:
        """Rename the new checkpoint into place; the lock keeps other sealers away, but not a checkout by Git."""
        if self.note() != old:
            raise EnvironmentTrouble("env.lock", f"{LEDGER}/{CHECKPOINT} changed while it was being sealed")
        self._put({CHECKPOINT: new})

    def settle(self, size: int) -> None:
        """Remove what the journal names and a log of this size does not need, then the journal."""
        journal.heal(self._files, self._local, size)

    def _put(self, files: Mapping[str, bytes]) -> None:
        put(self._files.receipts, {f"ledger/{path}": data for path, data in files.items()}, self._local / SCRATCH)
