"""Fuzz every reader with atheris, coverage as its guide: python tests/fuzz/campaign.py [RUNS [TARGET...]].

Each target runs in a process of its own, a fork of one that has instrumented the readers (which takes seconds), from
the corpus in this folder, for the stated number of executions (200,000 when nothing is said). A finding is kept in the
target's corpus as `found-…`, where the tests replay it from then on.
Exit status 1 says that something was found, or that a target did not have its executions.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, NoReturn

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "support"), str(HERE.parent.parent / "plugins/remembrancer/src")]

RUNS = 200_000
LONGEST = 1 << 14  # no file of the corpus is longer
SEED = 1
AT_ONCE = 2
_EXECUTED = re.compile(r"stat::number_of_executed_units: *(\d+)")


class Result(NamedTuple):
    """How many executions a target had, the input that broke it (None: nothing did), and the fuzzer's last words."""

    target: str
    runs: int
    found: bytes | None
    said: str


def campaign(targets: list[str], runs: int) -> list[Result]:
    """Fuzz these targets, a few at a time, and return a result for each."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(HERE / "campaign.py"), "--each", folder, str(runs), *targets]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        return [result(name, Path(folder, name), done.stderr) for name in targets]


def result(target: str, folder: Path, otherwise: str) -> Result:
    """Return what came out for a target; `otherwise` is said of one that did not begin."""
    log = folder / "said"
    said = log.read_text(errors="replace") if log.exists() else otherwise
    executed = _EXECUTED.search(said)
    found = next((path.read_bytes() for path in sorted(folder.glob("found-*"))), None)
    return Result(target, int(executed[1]) if executed else 0, found, said[-3000:])


def each(folder: Path, runs: int, names: list[str]) -> None:
    """Instrument what is fuzzed, then fuzz each target in a fork, a few at a time."""
    import atheris

    with atheris.instrument_imports(include=["remembrancer", "fuzz.targets"]):
        from fuzz.targets import PLANTED, TARGETS

    known = {one.name: one.takes for one in (*TARGETS, PLANTED)}
    running: set[int] = set()
    for name in names:
        if len(running) == AT_ONCE:
            running.remove(os.wait()[0])
        process = os.fork()
        if process == 0:
            one(name, known[name], runs, folder / name)
        running.add(process)
    while running:
        running.remove(os.wait()[0])


def one(name: str, takes: Callable[[bytes], object], runs: int, folder: Path) -> NoReturn:
    """Fuzz one target in this process and end it; what it says and what breaks it lie below the folder."""
    import atheris

    (folder / "new").mkdir(parents=True)
    with (folder / "said").open("wb") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    corpora = [str(path) for path in (folder / "new", HERE / "corpus" / name) if path.is_dir()]
    options = [f"-runs={runs}", f"-seed={SEED}", f"-max_len={LONGEST}", f"-artifact_prefix={folder}/found-"]
    options += ["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *corpora, *options], lambda data: takes(data) and None)
    atheris.Fuzz()
    os._exit(1)  # not reached: atheris ends the process


def main(arguments: list[str]) -> int:
    """Run the campaign and say what was found."""
    from fuzz.targets import CORPUS, TARGETS

    runs = int(arguments[0]) if arguments else RUNS
    status = 0
    for result in campaign(arguments[1:] or [target.name for target in TARGETS], runs):
        print(f"{result.target}: {result.runs} executions, {'nothing' if result.found is None else 'a finding'}")
        if result.found is not None:
            kept = CORPUS / result.target / f"found-{sha256(result.found).hexdigest()[:16]}"
            kept.write_bytes(result.found)
            print(f"{result.said}\nkept as {kept}")
        if result.found is not None or result.runs < runs:
            status = 1
    return status


if __name__ == "__main__":
    if sys.argv[1:2] == ["--each"]:
        each(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
    else:
        sys.exit(main(sys.argv[1:]))
