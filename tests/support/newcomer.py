"""Somebody on a fresh machine who runs a generator."""

import os
import subprocess
from pathlib import Path

from wheels import from_wheels


def bare(home: Path, **more: str) -> dict[str, str]:
    """An environment as a newcomer has it: no git identity, no terminal, an empty HOME; packages come from a folder."""
    kept = {key: value for key, value in os.environ.items() if key.startswith(("SSL_", "PIP_CERT", "REQUESTS_"))}
    return {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"} | from_wheels() | kept | more


def generate(clone: Path, home: Path, name: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a generator of a clone, with nobody at a terminal."""
    return subprocess.run(
        [str(clone / f"generators/{name}.sh"), *arguments],
        cwd=clone,
        env=bare(home, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
