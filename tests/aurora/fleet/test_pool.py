"""One pool for a fleet: what breaks one answer breaks no other."""

import os
import signal
import time

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


def test_nothing_asked_is_nothing_answered() -> None:
    assert list(each(work, [])) == []
