"""Rows of the table, and ways to time two things fairly against each other."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One budget.

    Attributes:
        what: what is measured.
        value: the measured ratio, or rate, in `unit`.
        budget: the limit in the same unit.
        floor: what the ratio is measured against.
        at_most: True where the value must not exceed the budget, False where it must reach it.
        detail: the absolute numbers behind the ratio.
        unit: "×" for ratios.
    """

    what: str
    value: float
    budget: float
    floor: str
    at_most: bool = True
    detail: str = ""
    unit: str = "×"

    @property
    def met(self) -> bool:
        """Tell whether the budget is kept."""
        return self.value <= self.budget if self.at_most else self.value >= self.budget


def alternate(first: Callable[[], object], second: Callable[[], object], rounds: int = 7) -> tuple[float, float]:
    """Run two things in turns and return the least seconds of each: a busy machine only ever adds to it."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for work, taken in zip((first, second), times, strict=True):
            begun = time.perf_counter()
            work()
            taken.append(time.perf_counter() - begun)
    return min(times[0]), min(times[1])


def in_memory() -> str | None:
    """Return a folder in memory where there is a good one: Copier's clones would measure the disk most of the time."""
    script = Path(__file__).parent.parent / "tests/support/scratch-folder"
    return subprocess.run([script], capture_output=True, text=True, check=True).stdout.strip() or None


def command(arguments: Sequence[str | Path], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
    """Run a program that has to succeed, without showing what it prints."""
    done = subprocess.run(
        [str(part) for part in arguments],
        cwd=cwd,
        env=dict(env) if env is not None else None,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{arguments[0]} ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-2000:]}")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a program and its own processes used: seconds of clock and of processor, peak memory of one in MiB."""

    wall: float
    cpu: float
    peak: float


def run(arguments: Sequence[str | Path], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Usage:
    """Run a program that has to succeed, without its output, and return what it used."""
    with tempfile.TemporaryFile() as said:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in arguments],
            cwd=cwd,
            env=dict(env) if env is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{arguments} ended with {process.returncode}: {said.read()[-2000:].decode()}")
    # macOS counts bytes, Linux kibibytes
    return Usage(
        wall, used.ru_utime + used.ru_stime, used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    )


def run_apart(arguments: Sequence[str | Path], cwd: Path, env: Mapping[str, str]) -> Usage:
    """Do as `run` from a small process: the peak of a process is never below that of the one that starts it."""
    code = "import sys; from benchmarks.measure import run; u = run(sys.argv[1:]); print(u.wall, u.cpu, u.peak)"
    root = str(Path(__file__).parent.parent)
    said = subprocess.run(
        [sys.executable, "-c", code, *(str(part) for part in arguments)],
        cwd=cwd,
        env={**env, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
    )
    return Usage(*map(float, said.stdout.split()))


def alternate_cpu(first: Callable[[], Usage], second: Callable[[], Usage], rounds: int = 15) -> tuple[float, float]:
    """Run two programs in turns and return the least processor seconds of each: a busy machine only ever adds to it."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        times[0].append(first().cpu)
        times[1].append(second().cpu)
    return min(times[0]), min(times[1])
