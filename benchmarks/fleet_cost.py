"""What a service costs a fleet: `aurora fleet sync` and `status`, against `git fetch` of the same repositories.

Processor time of the programs and of all that they start, in memory where the system offers it. The services are those
of tests/aurora/fleet/test_scale.py: complete services of three versions of the template, each with its ledger. Cold is
with nothing in the cache; warm is when no repository has anything new. The slope is what one more service costs.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import benchmarks
from benchmarks.measure import Row, in_memory

ROOT = Path(benchmarks.__path__[0]).parent
FEW, MANY = 100, 300
FLEET = 10_000
CORES = 2


class Cost(NamedTuple):
    """Processor seconds of two runs, the first with nothing there and the second with nothing new."""

    cold: float
    warm: float


def rows() -> list[Row]:
    """Measure few and many services, and Git alone over the many."""
    sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "hooks")]
    import fleet_scale
    from aurora.fleet import listed

    with tempfile.TemporaryDirectory(prefix="bench-f.", dir=in_memory()) as folder:
        base = Path(folder)
        store, made = fleet_scale.generations(base)
        fleet, what = fleet_scale.remotes(base, store, made, MANY, "git://127.0.0.1:1/x")
        sound = [one for one in fleet.services if what[one.name] == "sound"]
        ours = []
        for count in (FEW, len(sound)):
            listed.write(base / f"{count}.toml", fleet.having(sound[:count]))
            ours.append(_ours(base, count))
        git = _git(base, [one.url for one in sound])
    few, many = ours
    more = len(sound) - FEW
    slope = Cost((many.cold - few.cold) / more, (many.warm - few.warm) / more)
    ahead = [seconds * FLEET / CORES for seconds in slope]
    said = [f"{one * 1000:.1f} ms against {floor * 1000:.1f} ms" for one, floor in zip(slope, git, strict=True)]
    said = [f"{text}; {FLEET:,} services on {CORES} cores: {s:.0f} s" for text, s in zip(said, ahead, strict=True)]
    return [
        Row("a service more in a fleet, cold", slope.cold / git.cold, 2.5, "`git fetch` of it", detail=said[0]),
        Row("a service more in a fleet, warm", slope.warm / git.warm, 1.5, "`git fetch` of it", detail=said[1]),
    ]


def _used(work: Callable[[], object]) -> float:
    before = os.times()
    work()
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _ours(base: Path, count: int) -> Cost:
    environment = {**os.environ, "HOME": str(base), "GIT_CONFIG_GLOBAL": os.devnull}
    plugins = (str(ROOT / f"plugins/{name}/src") for name in ("aurora", "remembrancer"))
    environment["PYTHONPATH"] = os.pathsep.join(plugins)
    cache, memory = base / f"cache-{count}", base / f"memory-{count}"
    words = ["--fleet", str(base / f"{count}.toml"), "--cache", str(cache), "--exit-zero"]

    def work() -> None:
        for more in (["sync"], ["status", "--memory", str(memory), "--jobs", str(CORES)]):
            command = [sys.executable, "-m", "aurora", "fleet", *more, *words]
            subprocess.run(command, env=environment, check=True, capture_output=True)

    return Cost(_used(work), _used(work))


def _git(base: Path, urls: Sequence[str]) -> Cost:
    """Return what Git alone takes for one repository."""
    folders = [base / f"plain/{number}.git" for number in range(len(urls))]
    for folder in folders:
        subprocess.run(["git", "init", "--quiet", "--bare", str(folder)], check=True)

    def work() -> None:
        for url, folder in zip(urls, folders, strict=True):
            command = ["git", "-C", str(folder), "fetch", "--quiet", "--no-tags", url, "+HEAD:refs/heads/main"]
            subprocess.run(command, check=True)

    cost = Cost(_used(work) / len(urls), _used(work) / len(urls))
    shutil.rmtree(base / "plain")
    return cost
