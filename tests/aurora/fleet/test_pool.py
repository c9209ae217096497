"""One pool for a fleet: what breaks one answer breaks no other."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from aurora.fleet.pool import Trouble, each
from remembrancer.errors import BadInput


def work(what: str) -> str:
    """Do as a hostile repository makes its reader do."""
    if what == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "late":
        time.sleep(30)
    if what == "refused":
        raise BadInput("input.file", "no")
    if what == "broken":
        raise ZeroDivisionError
    if what == "deep":
        return work(what)
    return what.upper()


@pytest.mark.reason("fleet.crashed", "fleet.late")
@pytest.mark.parametrize("jobs", [1, 2])
def test_each_question_has_an_answer(jobs: int) -> None:
    asked = ["a", "late", "refused", "broken", "deep", *"bcdef"]
    asked += ["killed"] if jobs > 1 else []
    found = dict(each(work, asked, jobs, deadline=1))
    assert {one: found[one] for one in "abcdef"} == {one: one.upper() for one in "abcdef"}
    troubles = {one: answer.code for one, answer in found.items() if isinstance(answer, Trouble)}
    assert troubles == {
        "late": "fleet.late",
        "refused": "input.file",
        "broken": "env.internal",
        "deep": "env.internal",
        **({"killed": "fleet.crashed"} if jobs > 1 else {}),
    }


@pytest.mark.parametrize("whom", ["the group", "the parent", "a worker"])
def test_an_interruption_ends_everything_without_a_word(tmp_path: Path, whom: str) -> None:
    """Ctrl-C reaches every process; SIGTERM the parent alone, and a pool that broke sends it to its other workers."""
    script = """
import os, signal, sys, time
from pathlib import Path
from aurora.fleet.pool import each
def work(number):
    try:
        Path(sys.argv[1], f"begun{number}").write_text(str(os.getpid()))
        time.sleep(30)
    finally:
        Path(sys.argv[1], f"ended{number}").touch()
signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    list(each(work, range(4), 2))
except KeyboardInterrupt:
    print("interrupted")
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + 60
    while len(list(tmp_path.glob("begun*"))) < 2 and time.monotonic() < until:
        threading.Event().wait(0.05)
    if whom == "the group":
        os.killpg(process.pid, signal.SIGINT)
    if whom == "the parent":
        os.kill(process.pid, signal.SIGTERM)
    if whom == "a worker":
        first = int((tmp_path / "begun0").read_text())
        (tmp_path / "begun0").unlink()
        os.kill(first, signal.SIGKILL)
        # the other one cleans up, and then what was killed is asked again
        while not ((tmp_path / "ended1").exists() and (tmp_path / "begun0").exists()) and time.monotonic() < until:
            threading.Event().wait(0.05)
        os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=20) == ("interrupted\n", "")
    assert len(list(tmp_path.glob("ended*"))) == len(list(tmp_path.glob("begun*"))) == 2


def test_nothing_asked_is_nothing_answered() -> None:
    assert list(each(work, [])) == []
