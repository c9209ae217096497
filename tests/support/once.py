"""What a test run makes once, although several workers ask for it: under a lock, below the run's own folder."""

import fcntl
import hashlib
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 600.0


class Shared:
    """A folder of everything that this run has made so far. Nobody writes into what it gives out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def made(self, make: Callable[[Path], object], *key: object) -> Path:
        """Return the folder that `make` filled for this key, by whichever worker came first."""
        name = hashlib.sha256(json.dumps(key, sort_keys=True, default=str).encode()).hexdigest()[:16]
        place, done = self.folder / name, self.folder / f"{name}.done"
        with (self.folder / f"{name}.lock").open("w") as lock:
            until = time.monotonic() + PATIENCE
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    assert time.monotonic() < until, f"another worker has been making {key} for {PATIENCE:.0f} s"
                    time.sleep(0.05)
            if not done.exists():
                shutil.rmtree(place, ignore_errors=True)
                place.mkdir()
                make(place)
                done.touch()
        return place
