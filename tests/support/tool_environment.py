"""Programs that judge what we make, each in an environment of its own that its lock file fills."""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from collection import ROOT


def private_environment(name: str, lock: Path, *options: str) -> Path:
    """The private environment of a lock file beside pytest's cache, made once per lock file and Python.

    `options` are further ones of pip.
    """
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = ROOT / ".pytest_cache" / f"{name}-{digest}"
    if not (folder / ".ready").exists():
        venv.create(folder, clear=True)
        # Python compiles the few modules that are used; compiling all of them takes longer than fetching them
        command = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install", "--quiet"]
        command += ["--disable-pip-version-check", "--no-compile", "--require-hashes", "-r", str(lock), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        (folder / ".ready").touch()
    return folder
