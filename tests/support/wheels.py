"""The packages of the lock files, fetched once for all runs of the tests, so that a folder fills environments.

Asking an index about sixty packages takes several times as long as unpacking them, and the tests fill many.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

from collection import ROOT
from once import Shared
from service_locks import PARTS, rendered

LOCKS = (
    "generators/requirements.lock",
    "templates/ci/ops/remembrancer.lock",
    "templates/fastapi-service/ops/assistants.lock",
)


def wheels() -> Path:
    """Return the folder with every package of the lock files, and of a service with every optional part."""
    locks = [(ROOT / name).read_text("utf-8") for name in LOCKS]
    locks.append(rendered("requirements-dev.lock", frozenset(PARTS)))
    digest = hashlib.sha256("".join(locks).encode()).hexdigest()
    return Shared(Path(sys.prefix) / "fetched").made(lambda folder: _fetch(folder, locks), "wheels", digest)


def _fetch(folder: Path, locks: list[str]) -> None:
    pip = ["-m", "pip"]
    for text in locks:
        lock = folder / "lock"
        lock.write_text(text, "utf-8")
        command = [sys.executable, *pip, "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--require-hashes", "--dest", str(folder), "-r", str(lock)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        # the first lock has a new pip, which runs from its wheel and is quicker than that of an older Python
        pip = [str(next(folder.glob("pip-*.whl")) / "pip")]


def from_wheels() -> dict[str, str]:
    """Return the variables under which pip takes packages from that folder and asks no index."""
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels().as_uri()}
