"""Torchwood's programs, and a reader built on its library: a module apart from the other peers, with its own cache.

`tests/peers/witnesses` pins it by checksum. Each program is built when it is first asked for; this file builds all.
"""

import hashlib
import os
import subprocess
from pathlib import Path

from peers import environment, go

MODULE = Path(__file__).resolve().parents[1] / "peers/witnesses"
PROGRAMS = {
    "torchverify": "./torchverify",
    "litewitness": "filippo.io/torchwood/cmd/litewitness",
    "witnessctl": "filippo.io/torchwood/cmd/witnessctl",
}


def program(name: str) -> str:
    """Return the path of a program, after building it if this state of the module has not been built."""
    pins = b"".join(path.read_bytes() for path in sorted(MODULE.rglob("*")) if path.is_file())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    target = cache / "vaultmesh-peers" / f"witnesses-{hashlib.sha256(pins).hexdigest()[:16]}" / name
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        half = target.with_name(f"{name}.{os.getpid()}")
        command = [go(), "build", "-trimpath", "-ldflags=-s -w", "-o", str(half), PROGRAMS[name]]
        done = subprocess.run(command, cwd=MODULE, env=environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        half.replace(target)
    return str(target)


if __name__ == "__main__":
    for each in PROGRAMS:
        program(each)
