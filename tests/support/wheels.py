"""The packages of the lock files, fetched once for all runs of the tests, so that a folder fills environments.

Asking an index about sixty packages takes several times as long as unpacking them, and the tests fill many.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

from collection import ROOT
from once import Shared

LOCKS = (
    "generators/requirements.lock",
    "templates/ci/ops/remembrancer.lock",
    "templates/fastapi-service/requirements-dev.lock",
)


def wheels() -> Path:
    """Return the folder that holds every package that one of the lock files names."""
    files = [ROOT / name for name in LOCKS]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    return Shared(Path(sys.prefix) / "fetched").made(lambda folder: _fetch(folder, files), "wheels", digest)


def _fetch(folder: Path, locks: list[Path]) -> None:
    pip = ["-m", "pip"]
    for lock in locks:
        command = [sys.executable, *pip, "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--require-hashes", "--dest", str(folder), "-r", str(lock)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        # the first lock has a new pip, which runs from its wheel and is quicker than that of an older Python
        pip = [str(next(folder.glob("pip-*.whl")) / "pip")]


def from_wheels() -> dict[str, str]:
    """Return the variables under which pip takes packages from that folder and asks no index."""
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels().as_uri()}
