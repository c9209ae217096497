"""Programs that judge what we make, each in an environment of its own that its lock file fills.

They lie beside pytest's cache for later runs, and are made once, although several workers may ask for one at a time.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collection import ROOT
from once import Shared


def private_environment(name: str, lock: Path, *options: str) -> Path:
    """The private environment of a lock file, made once per lock file and Python; `options` are further ones of pip."""

    def make(folder: Path) -> None:
        venv.create(folder)
        # Python compiles the few modules that are used; compiling all of them takes longer than fetching them
        command = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install", "--quiet"]
        command += ["--disable-pip-version-check", "--no-compile", "--require-hashes", "-r", str(lock), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]

    return _kept().made(make, name, lock.read_text("utf-8"), sys.version, options)


def npm_environment(pins: Path) -> Path:
    """A copy of a folder with a package-lock.json and what that pins in node_modules, made once per content."""

    def make(folder: Path) -> None:
        assert shutil.which("npm"), "npm was not found; apt-get install nodejs npm"
        shutil.copytree(pins, folder, dirs_exist_ok=True)
        done = subprocess.run(["npm", "ci", "--silent"], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in pins.iterdir() if path.is_file()}
    return _kept().made(make, pins.name, files)


def npm_judge(pins: Path) -> Callable[[list[Any]], list[str]]:
    """The check.mjs beside a package-lock.json: takes what it judges, returns what is wrong with each, or ""."""
    place = npm_environment(pins)

    def judge(asked: list[Any]) -> list[str]:
        done = subprocess.run(
            ["node", "check.mjs"], cwd=place, input=json.dumps(asked), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        said: list[str] = json.loads(done.stdout)
        return said

    return judge


def _kept() -> Shared:
    return Shared(ROOT / ".pytest_cache/tools")
