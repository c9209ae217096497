"""The README's first command, by step, on a machine that has the packages but no environment; and what only reads.

Seconds of the clock, because that is what somebody waits for: measure on a quiet machine with two cores.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import benchmarks
from benchmarks.measure import Row, in_memory

ROOT = Path(benchmarks.__path__[0]).parent
WHOLE, READING = 60, 3
# what each step may take of the whole, by a word of its title
STEPS = {"Copier": 10, "render": 4, "commit": 1, "tools": 11, "gates": 38, "ledger": 2, "release": 4}
READERS = (
    ("ops/bin/health-check",),
    ("ops/bin/remembrancer", "list", "deployments"),
    ("ops/bin/remembrancer", "drift"),
    ("ops/bin/remembrancer", "verify-audit"),
    ("ops/bin/bump", "--check"),
    ("ops/bin/check-decisions",),
)


def timed(command: tuple[str | Path, ...], cwd: Path, env: dict[str, str]) -> tuple[float, str]:
    """Run a program that has to succeed; return its seconds and what it said on standard error."""
    begun = time.monotonic()
    done = subprocess.run(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-2000:]}")
    return time.monotonic() - begun, done.stderr


def rows() -> list[Row]:
    """Measure once: the second run of a machine finds the environments made."""
    sys.path.insert(0, str(ROOT / "tests/support"))
    from collection import snapshot

    with tempfile.TemporaryDirectory(prefix="bench-first.", dir=in_memory()) as folder:
        base = Path(folder)
        clone = snapshot(base / "vaultmesh")
        (base / "home").mkdir()
        # a newcomer's environment, but for the package cache and what says where packages come from
        kept = ("PATH", "PIP_", "SSL_", "REQUESTS_")
        env = {name: value for name, value in os.environ.items() if name.startswith(kept)}
        env = {"PIP_CACHE_DIR": str(Path.home() / ".cache/pip"), "LANG": "C.UTF-8"} | env | {"HOME": str(base / "home")}
        command = (clone / "generators/fastapi-service.sh", base / "my-svc")
        taken, said = timed(command, clone, env)
        found = [Row("the first command", taken, WHOLE, "the clock, packages in pip's cache", unit="s")]
        for title, seconds in re.findall(r"(?m)^\[\d/\d\] (.*) \((\d+\.\d) s\)$", said):
            budget = next(limit for word, limit in STEPS.items() if word in title)
            found.append(Row(f"its step: {title}", float(seconds), budget, "the clock", unit="s"))
        for reader in READERS:
            seconds = min(timed(reader, base / "my-svc", env)[0] for _ in range(3))
            found.append(Row(f"`{' '.join(reader)}`", seconds, READING, "the clock", unit="s"))
    return found
