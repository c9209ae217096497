"""Fuzz every reader with atheris, coverage as its guide: python tests/fuzz/campaign.py [RUNS [TARGET...]].

Each target runs in a process of its own, from the corpus in this folder, for the stated number of executions (200,000
when nothing is said). A finding is kept in the target's corpus as `found-…`, where the tests replay it from then on.
Exit status 1 says that something was found, or that a target did not have its executions.
"""

import re
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

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


def start(target: str, runs: int, folder: Path) -> "subprocess.Popen[str]":
    """Begin to fuzz a target; what breaks it is written below the folder."""
    (folder / "new").mkdir(parents=True)
    corpora = [str(one) for one in (folder / "new", HERE / "corpus" / target) if one.is_dir()]
    command = [
        *(sys.executable, str(HERE / "campaign.py"), "--one", target, *corpora),
        *(f"-runs={runs}", f"-seed={SEED}", f"-max_len={LONGEST}", f"-artifact_prefix={folder}/found-"),
        *("-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")


def finish(target: str, process: "subprocess.Popen[str]", folder: Path) -> Result:
    """Wait for a target and return what came out."""
    said, _ = process.communicate()
    executed = _EXECUTED.search(said)
    found = next((path.read_bytes() for path in sorted(folder.glob("found-*"))), None)
    return Result(target, int(executed[1]) if executed else 0, found, said[-3000:])


def campaign(targets: list[str], runs: int) -> list[Result]:
    """Fuzz these targets, a few at a time, and return a result for each."""
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        for begin in range(0, len(targets), AT_ONCE):
            batch = [(name, Path(folder, name)) for name in targets[begin : begin + AT_ONCE]]
            running = [(name, start(name, runs, place), place) for name, place in batch]
            results += [finish(*one) for one in running]
    return results


def one(name: str, arguments: list[str]) -> None:
    """Fuzz one target in this process; atheris ends it."""
    import atheris

    with atheris.instrument_imports(include=["remembrancer", "fuzz.targets"]):
        from fuzz.targets import PLANTED, TARGETS

    target = next(one for one in (*TARGETS, PLANTED) if one.name == name)
    atheris.Setup([sys.argv[0], *arguments], lambda data: target.takes(data) and None)
    atheris.Fuzz()


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
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(main(sys.argv[1:]))
