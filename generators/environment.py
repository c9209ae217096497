"""What the generators need on a machine, and the private environment that holds Copier.

The environment lies in the user's cache under the digest of the lock file, so that a clone stays clean and a newer lock
makes a newer environment. It is made in a folder of its own and becomes visible by one marker, written last.
"""

import hashlib
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from steps import StepFailed, run

LIB = Path(__file__).resolve().parents[1] / "templates" / "ci" / "ops" / "lib"
sys.path.append(str(LIB))

import neutral  # noqa: E402 - it belongs to every generated repository, and lies there

with_settings = neutral.with_settings

READY = ".ready"
NEEDED = {
    "git": "apt-get install git, or xcode-select --install",
    "make": "apt-get install make, or xcode-select --install",
    "gpg": "apt-get install gnupg, or brew install gnupg",
}


def missing(*, signing: bool = False) -> list[str]:
    """Return one sentence for each prerequisite that this machine lacks, with the command that installs it.

    gpg is one only where something is going to be signed.
    """
    lacking = (name for name in NEEDED if (signing or name != "gpg") and not shutil.which(name))
    sentences = [f"{name} was not found; install it: {NEEDED[name]}" for name in lacking]
    if not all(find_spec(module) for module in ("venv", "ensurepip")):  # Debian keeps ensurepip in a package of its own
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        sentences.append(
            f"{sys.executable} cannot make environments; install its module: apt-get install python{version}-venv"
        )
    return sentences


def cache_home() -> Path:
    """Return the user's cache folder (XDG base directory specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def clean_environment() -> dict[str, str]:
    """Return the environment without a surrounding Python environment or make, and with git as ops/ asks it."""
    drop = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
    return neutral.environment({key: value for key, value in os.environ.items() if key not in drop})


def copier_python(lock: Path) -> Path:
    """Return the Python of an environment that holds exactly what `lock` names, and make it on the first call.

    Raises:
        StepFailed: the environment could not be made; nothing usable is left behind.
    """
    tag = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    home = cache_home() / "vaultmesh" / f"generator-{tag}-{digest}"
    python = home / "bin" / "python"
    if (home / READY).is_file() and python.exists():
        return python
    shutil.rmtree(home, ignore_errors=True)
    env = clean_environment() | {"PYTHON": sys.executable}
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        make: list[str | Path] = ["sh", "-c", '. "$0" && new_environment "$1" "$2"', LIB / "python.sh", home, lock]
        run(make, "Copier could not be installed; is a package index reachable?", env=env)
        (home / READY).touch()
    except (OSError, StepFailed) as error:
        shutil.rmtree(home, ignore_errors=True)
        if isinstance(error, StepFailed):
            raise
        raise StepFailed(f"the private environment could not be made: {error}") from error
    return python
