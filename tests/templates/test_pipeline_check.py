"""Stages, needs and what jobs hand on: both pipelines fit, and each fault put into them is found."""

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from ci_render import CI, GITHUB, GITLAB, load
from pipeline_check import FAULTS, github_problems, gitlab_problems

Pipeline = dict[Any, Any]
# No answer changes these two files (test_external_checks), so they are read where they are.
LAB, HUB = load(CI / GITLAB), load(CI / GITHUB)


def steps(hub: Pipeline, job: str, action: str) -> dict[str, Any]:
    """Return the first step of a job that uses an action."""
    found: dict[str, Any] = next(one for one in hub["jobs"][job]["steps"] if one.get("uses", "").startswith(action))
    return found


LAB_FAULTS: dict[str, tuple[Callable[[Pipeline], object], str]] = {
    "unlisted stage": (lambda one: one["stages"].remove("scan"), "scan is in the stage scan, which is not in the list"),
    "empty stage": (lambda one: one["stages"].append("deploy"), "the stage deploy has no job"),
    "parent": (lambda one: one.pop(".release"), "gate extends .release, which is not here"),
    "no needs": (lambda one: one["build"].pop("needs"), "build says nothing of what it needs"),
    "lint not awaited": (lambda one: one["archive"]["needs"].remove("lint"), "build does not wait for lint"),
    "misspelt need": (lambda one: one["sign"].update(needs=["biuld"]), "sign needs biuld, which is not here"),
    "later need": (lambda one: one["scan"].update(needs=["test", "build"]), "build, which is not in an earlier stage"),
    "skipped stage": (lambda one: one["timestamp"].update(needs=["build"]), "timestamp does not wait for the stage"),
    "stages swapped": (
        lambda one: one.update(stages=["test", "build", "scan", "sign", "timestamp", "record"]),
        "not in an earlier stage",
    ),
    "one parent of two": (lambda one: one.pop(".docker"), "publish extends .docker, which is not here"),
    "no environment": (lambda one: one["publish"].pop("environment"), "publish needs a secret and is outside"),
    "push in the build": (
        lambda one: one["build"]["script"].append("ops/bin/image push"),
        "build needs a secret and is outside of an environment",
    ),
    "what a job wrote": (
        lambda one: one["publish"]["script"].insert(0, ". ./dist/gate.env"),
        "publish runs what another job wrote",
    ),
    "nothing handed on": (lambda one: one["archive"].pop("artifacts"), "build reads dist/"),
}
HUB_FAULTS: dict[str, tuple[Callable[[Pipeline], object], str]] = {
    "no needs": (lambda one: one["jobs"]["sign"].pop("needs"), "sign needs nothing"),
    "scan not awaited": (
        lambda one: one["jobs"]["build"]["needs"].remove("scan"),
        "build does not wait for the job scan",
    ),
    "misspelt need": (lambda one: one["jobs"]["sign"].update(needs="biuld"), "biuld, which is not here"),
    "circle": (lambda one: one["jobs"]["test"].update(needs="record"), "waits for itself"),
    "lost gate": (
        lambda one: [step.pop("id", None) for step in one["jobs"]["gate"]["steps"]],
        "gate reads the step gate, which has not run",
    ),
    "gate too late": (lambda one: one["jobs"]["gate"]["steps"].reverse(), "gate reads the step gate"),
    "gate not needed": (lambda one: one["jobs"]["record"].update(needs="timestamp"), "record reads the job gate"),
    "what a job wrote": (
        lambda one: one["jobs"]["sign"]["steps"][-2].update(run=". ./dist/build.env"),
        "sign runs what another job wrote",
    ),
    "other name": (
        lambda one: steps(one, "record", "actions/download-artifact@")["with"].update(name="signd"),
        "record downloads signd, which no earlier job uploads",
    ),
    "no environment": (lambda one: one["jobs"]["record"].pop("environment"), "reads a secret outside"),
}


def broken(pipeline: Pipeline, change: Callable[[Pipeline], object]) -> Pipeline:
    """Return a changed copy."""
    changed = copy.deepcopy(pipeline)
    change(changed)
    return changed


def test_both_pipelines_fit() -> None:
    assert gitlab_problems(LAB) == []
    assert github_problems(HUB) == []


@pytest.mark.parametrize(("change", "sentence"), LAB_FAULTS.values(), ids=list(LAB_FAULTS))
def test_a_fault_of_the_gitlab_pipeline_is_found(change: Callable[[Pipeline], object], sentence: str) -> None:
    found = gitlab_problems(broken(LAB, change))
    assert any(sentence in fault for fault in found), found


@pytest.mark.parametrize(("change", "sentence"), HUB_FAULTS.values(), ids=list(HUB_FAULTS))
def test_a_fault_of_the_github_workflow_is_found(change: Callable[[Pipeline], object], sentence: str) -> None:
    found = github_problems(broken(HUB, change))
    assert any(sentence in fault for fault in found), found


def test_no_check_is_without_a_fault() -> None:
    said = [fault for change, _ in LAB_FAULTS.values() for fault in gitlab_problems(broken(LAB, change))]
    said += [fault for change, _ in HUB_FAULTS.values() for fault in github_problems(broken(HUB, change))]
    missed = [name for name, sentence in FAULTS.items() if not any(fits(sentence, fault) for fault in said)]
    assert missed == []


def fits(sentence: str, fault: str) -> bool:
    """Whether a fault is this sentence about something."""
    return re.fullmatch(".+".join(map(re.escape, sentence.split("{}"))), fault) is not None
