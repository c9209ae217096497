"""Where a fleet keeps what it has fetched, and what it remembers, unless somebody says otherwise."""

import os
from collections.abc import Mapping
from pathlib import Path

from aurora.fleet.listed import Fleet


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where mirrors and facts lie: they can be fetched and read again. `$XDG_CACHE_HOME/aurora/fleet`."""
    return _base("XDG_CACHE_HOME", ".cache", environ) / "aurora/fleet"


def memory_folder(fleet: Fleet, environ: Mapping[str, str] = os.environ) -> Path:
    """Return what only this fleet remembers of logs and policies: without it, nobody notices that one went back.

    `$XDG_STATE_HOME/aurora/fleet/<name of the fleet>`.
    """
    return _base("XDG_STATE_HOME", ".local/state", environ) / "aurora/fleet" / fleet.name


def _base(variable: str, default: str, environ: Mapping[str, str]) -> Path:
    """Return the folder of a variable; a relative one is ignored, as the XDG base directory specification says."""
    given = environ.get(variable, "")
    return Path(given) if given and Path(given).is_absolute() else Path.home() / default
