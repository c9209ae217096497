"""The packages of the lock files, fetched once for all runs of the tests, so that a folder fills environments.

Asking an index about sixty packages takes several times as long as unpacking them, and the tests fill many.
"""

import hashlib
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from collection import ROOT
from once import Shared
from service_locks import PARTS, rendered

LOCKS = (
    "generators/requirements.lock",
    "templates/ci/ops/remembrancer.lock",
    "templates/fastapi-service/ops/assistants.lock",
)
_PIN = re.compile(r"^[A-Za-z0-9].*\n(?: +.*\n)*", re.MULTILINE)


def wheels() -> Path:
    """Return the folder with every package of the lock files, and of a service with every optional part."""
    locks = [(ROOT / name).read_text("utf-8") for name in LOCKS]
    locks.append(rendered("requirements-dev.lock", frozenset(PARTS)))
    digest = hashlib.sha256("".join(locks).encode()).hexdigest()
    return Shared(Path(sys.prefix) / "fetched").made(lambda folder: _fetch(folder, locks), "wheels", digest)


def _fetch(folder: Path, locks: list[str]) -> None:
    """Fetch each pin once, the locks beside each other: most of the time goes by waiting for an index."""
    parts: list[dict[str, str]] = []
    known: set[str] = set()
    for text in locks:
        pins = {pin.partition("\n")[0]: pin for pin in _PIN.findall(text)}
        parts.append({name: pin for name, pin in pins.items() if name not in known})
        known.update(pins)
    first = {name: parts[0].pop(name) for name in list(parts[0]) if name.startswith("pip==")}
    _download(folder, [sys.executable, "-m", "pip"], first)
    # a new pip runs from its wheel and is quicker than that of an older Python
    pip = [sys.executable, str(next(folder.glob("pip-*.whl")) / "pip")]
    with ThreadPoolExecutor(len(parts)) as pool:
        list(pool.map(lambda pins: _download(folder, pip, pins), parts))


def _download(folder: Path, pip: list[str], pins: dict[str, str]) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".lock") as lock:
        lock.write("".join(pins.values()))
        lock.flush()
        command = [*pip, "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--require-hashes", "--dest", str(folder), "-r", lock.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def from_wheels() -> dict[str, str]:
    """Return the variables under which pip takes packages from that folder and asks no index."""
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels().as_uri()}
