"""Whether the jobs of a pipeline fit each other: what schemas do not see. One sentence per fault."""

import fnmatch
import re
from collections.abc import Iterator
from typing import Any

# What only works with a secret of the release environment.
SECRET = re.compile(r"ci/with-signing-key|publish (?:push|seal)|image push")
# What another job wrote is never run.
RUN = re.compile(r"(?:^|[\n;&|{] *)(?:\.|source|eval|sh|bash) +\S*(?:dist|gate|\.env)")
# What works on files that an earlier job made.
READS = re.compile(r"dist/|publish unpack|bin/image (?:build|push)|bin/scan image")
# The stages whose jobs begin at once; everything else waits for each of them.
SIDE_BY_SIDE = ("test", "scan")
# Keys of a GitLab pipeline that are no jobs.
SETTINGS = {"stages", "workflow", "variables", "default", "include"}


def gitlab_problems(pipeline: dict[str, Any]) -> list[str]:
    """Return every fault of stages, needs, parents and files handed on in a GitLab pipeline."""
    jobs = {name: job for name, job in pipeline.items() if name not in SETTINGS and not name.startswith(".")}
    return [fault for name, job in jobs.items() for fault in _gitlab_job(pipeline, jobs, name, job)] + [
        f"the stage {stage} has no job"
        for stage in pipeline["stages"]
        if stage not in {job.get("stage") for job in jobs.values()}
    ]


def _gitlab_job(pipeline: dict[str, Any], jobs: dict[str, Any], name: str, job: dict[str, Any]) -> Iterator[str]:
    order = {stage: place for place, stage in enumerate(pipeline["stages"])}
    stage = job.get("stage")
    if stage not in order:
        yield f"{name} is in the stage {stage}, which is not in the list"
        return
    for parent in _parents(job):
        if parent not in pipeline:
            yield f"{name} extends {parent}, which is not here"
    if SECRET.search(str(job["script"])) and "environment" not in job:
        yield f"{name} needs a secret and is outside of an environment"
    if RUN.search("\n".join(job["script"])):
        yield f"{name} runs what another job wrote"
    if order[stage] and "needs" not in job:
        yield f"{name} says nothing of what it needs, so it would wait for everything before"
    names = list(jobs)
    earlier: set[str] = set()
    for need in job.get("needs", []):
        if need not in jobs:
            yield f"{name} needs {need}, which is not here"
        elif (order.get(jobs[need].get("stage"), len(order)), names.index(need)) >= (order[stage], names.index(name)):
            yield f"{name} needs {need}, which is not in an earlier stage"
        else:
            earlier |= {jobs[one].get("stage") for one in _waits_for(jobs, need)}
    if READS.search(str(job["script"])):
        makers = [one for one in job.get("needs", []) if one in jobs and _artifacts(pipeline, jobs[one])]
        if order[stage] and not makers:
            yield f"{name} reads dist/, which no job that it needs hands on"
    if stage in SIDE_BY_SIDE:
        return
    for before in pipeline["stages"][: order[stage]]:
        if before not in earlier:
            yield f"{name} does not wait for the stage {before}"
    waits = set[str]().union(*(_waits_for(jobs, need) for need in job.get("needs", [])))
    for other, about in jobs.items():
        if about.get("stage") in SIDE_BY_SIDE and other not in waits:
            yield f"{name} does not wait for {other}"


def _waits_for(jobs: dict[str, Any], name: str) -> set[str]:
    """A job and all that it waits for."""
    found, waiting = set[str](), [name]
    while waiting:
        one = waiting.pop()
        if one in jobs and one not in found:
            found.add(one)
            waiting += jobs[one].get("needs", [])
    return found


def _parents(job: dict[str, Any]) -> list[str]:
    """The jobs that a job extends; a later one wins over an earlier one, the job itself over both."""
    extends: str | list[str] = job.get("extends", [])
    return [extends] if isinstance(extends, str) else extends


def _artifacts(pipeline: dict[str, Any], job: dict[str, Any]) -> list[str]:
    """The paths that a job hands on, its parent's included."""
    own: list[str] = job.get("artifacts", {}).get("paths", [])
    kin = (_artifacts(pipeline, pipeline.get(parent, {})) for parent in reversed(_parents(job)))
    return own or next((paths for paths in kin if paths), [])


def github_problems(workflow: dict[str, Any]) -> list[str]:
    """Return every fault of needs, step outputs, environments and files handed on in a GitHub workflow."""
    names = list(workflow["jobs"])
    return [fault for name in names for fault in _github_job(workflow["jobs"], names, name)]


def _github_job(jobs: dict[str, Any], names: list[str], name: str) -> Iterator[str]:
    job = jobs[name]
    build = names.index("build")
    if names.index(name) >= build and "needs" not in job:
        yield f"{name} needs nothing, so it would run at once"
    before, waiting = set[str](), _needs(job)
    while waiting:
        one = waiting.pop()
        if one not in jobs:
            yield f"{name} needs {one}, which is not here"
        elif one == name:
            yield f"{name} waits for itself"
        elif one not in before:
            before.add(one)
            waiting += _needs(jobs[one])
    if names.index(name) >= build:
        for other in names[:build]:
            if other not in before:
                yield f"{name} does not wait for the job {other}"
    handed = {
        step["with"]["name"]
        for one in before
        for step in jobs[one]["steps"]
        if step.get("uses", "").startswith("actions/upload-artifact@")
    }
    for used in re.findall(r"needs\.([\w-]+)\.", str(job)):
        if used not in _needs(job):
            yield f"{name} reads the job {used}, which it does not need"
    known: set[str] = set()
    for step in job["steps"]:
        if RUN.search(step.get("run", "")):
            yield f"{name} runs what another job wrote"
        for used in re.findall(r"steps\.([\w-]+)\.", str(step)):
            if used not in known:
                yield f"{name} reads the step {used}, which has not run"
        known |= {step["id"]} if "id" in step else set()
        if step.get("uses", "").startswith("actions/download-artifact@"):
            wanted = step["with"].get("name") or step["with"]["pattern"]
            if not fnmatch.filter(handed, wanted):
                yield f"{name} downloads {wanted}, which no earlier job uploads"
        if "secrets." in str(step) and "environment" not in job:
            yield f"{name} reads a secret outside of an environment"


def _needs(job: dict[str, Any]) -> list[str]:
    """The jobs that a job waits for."""
    needs: str | list[str] = job.get("needs", [])
    return [needs] if isinstance(needs, str) else list(needs)
