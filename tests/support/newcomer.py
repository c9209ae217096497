"""Somebody on a fresh machine who runs a generator."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from collection import git
from quick_copier import quick
from wheels import from_wheels


def bare(home: Path, **more: str) -> dict[str, str]:
    """An environment as a newcomer has it: no git identity, no terminal, an empty HOME; packages come from a folder."""
    kept = {key: value for key, value in os.environ.items() if key.startswith(("SSL_", "PIP_CERT", "REQUESTS_"))}
    return {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"} | from_wheels() | kept | more


def prepared(home: Path, clone: Path) -> Path:
    """Put Copier's private environment into a HOME, as the generators make it: the packages are those of the tests."""
    digest = hashlib.sha256((clone / "generators/requirements.lock").read_bytes()).hexdigest()[:16]
    made = home / f".cache/vaultmesh/generator-{sys.version_info.major}.{sys.version_info.minor}-{digest}"
    (made / "bin").mkdir(parents=True)
    (made / ".ready").touch()
    set_up = " ".join(f'{name}="{value}"' for name, value in quick().items())
    for name in ("python", "copier"):
        program = made / "bin" / name
        program.write_text(f'#!/bin/sh\n{set_up} exec "{Path(sys.executable).with_name(name)}" "$@"\n')
        program.chmod(0o755)
    return with_remembrancer(home, clone)


def with_remembrancer(home: Path, clone: Path) -> Path:
    """Put the Remembrancer of a clone's commit into a HOME, as ops/bin/remembrancer keeps it: the one of the tests."""
    current = home / ".cache/remembrancer" / git(clone, "rev-parse", "HEAD") / "current"
    (current / "bin").mkdir(parents=True)
    for name in ("python", "remembrancer"):
        (current / "bin" / name).symlink_to(Path(sys.executable).with_name(name))
    shutil.copyfile(clone / "templates/ci/ops/remembrancer.lock", current / "lock")
    return home


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
