"""Whether the jobs of a pipeline fit each other: what schemas do not see. One sentence per fault."""

import fnmatch
import re
from collections.abc import Iterable, Iterator
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
# every fault that is looked for, and its sentence
FAULTS = {
    "unlisted stage": "{} is in the stage {}, which is not in the list",
    "unknown parent": "{} extends {}, which is not here",
    "secret outside": "{} needs a secret and is outside of an environment",
    "runs what it gets": "{} runs what another job wrote",
    "silent on needs": "{} says nothing of what it needs, so it would wait for everything before",
    "unknown need": "{} needs {}, which is not here",
    "later need": "{} needs {}, which is not in an earlier stage",
    "no files": "{} reads dist/, which no job that it needs hands on",
    "skipped stage": "{} does not wait for the stage {}",
    "skipped side job": "{} does not wait for {}",
    "empty stage": "the stage {} has no job",
    "needs nothing": "{} needs nothing, so it would run at once",
    "circle": "{} waits for itself",
    "skipped job": "{} does not wait for the job {}",
    "reads a stranger": "{} reads the job {}, which it does not need",
    "reads a later step": "{} reads the step {}, which has not run",
    "nothing uploaded": "{} downloads {}, which no earlier job uploads",
    "reads a secret outside": "{} reads a secret outside of an environment",
}


def gitlab_problems(pipeline: dict[str, Any]) -> list[str]:
    """Return every fault of stages, needs, parents and files handed on in a GitLab pipeline."""
    jobs = {name: job for name, job in pipeline.items() if name not in SETTINGS and not name.startswith(".")}
    found = [fault for name, job in jobs.items() for fault in _gitlab_job(pipeline, jobs, name, job)]
    filled = {job.get("stage") for job in jobs.values()}
    found += [("empty stage", stage) for stage in pipeline["stages"] if stage not in filled]
    return _sentences(found)


def _gitlab_job(
    pipeline: dict[str, Any], jobs: dict[str, Any], name: str, job: dict[str, Any]
) -> Iterator[tuple[str, ...]]:
    order = {stage: place for place, stage in enumerate(pipeline["stages"])}
    stage = job.get("stage")
    if stage not in order:
        yield "unlisted stage", name, stage
        return
    for parent in _parents(job):
        if parent not in pipeline:
            yield "unknown parent", name, parent
    if SECRET.search(str(job["script"])) and "environment" not in job:
        yield "secret outside", name
    if RUN.search("\n".join(job["script"])):
        yield "runs what it gets", name
    if order[stage] and "needs" not in job:
        yield "silent on needs", name
    names = list(jobs)
    earlier: set[str] = set()
    for need in job.get("needs", []):
        if need not in jobs:
            yield "unknown need", name, need
        elif (order.get(jobs[need].get("stage"), len(order)), names.index(need)) >= (order[stage], names.index(name)):
            yield "later need", name, need
        else:
            earlier |= {jobs[one].get("stage") for one in _waits_for(jobs, need)}
    if READS.search(str(job["script"])):
        makers = [one for one in job.get("needs", []) if one in jobs and _artifacts(pipeline, jobs[one])]
        if order[stage] and not makers:
            yield "no files", name
    if stage in SIDE_BY_SIDE:
        return
    for before in pipeline["stages"][: order[stage]]:
        if before not in earlier:
            yield "skipped stage", name, before
    waits = set[str]().union(*(_waits_for(jobs, need) for need in job.get("needs", [])))
    for other, about in jobs.items():
        if about.get("stage") in SIDE_BY_SIDE and other not in waits:
            yield "skipped side job", name, other


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
    return _sentences(fault for name in names for fault in _github_job(workflow["jobs"], names, name))


def _sentences(found: Iterable[tuple[str, ...]]) -> list[str]:
    """Say each fault, a name in FAULTS and what its sentence is about."""
    return [FAULTS[name].format(*about) for name, *about in found]


def _github_job(jobs: dict[str, Any], names: list[str], name: str) -> Iterator[tuple[str, ...]]:
    job = jobs[name]
    build = names.index("build")
    if names.index(name) >= build and "needs" not in job:
        yield "needs nothing", name
    before, waiting = set[str](), _needs(job)
    while waiting:
        one = waiting.pop()
        if one not in jobs:
            yield "unknown need", name, one
        elif one == name:
            yield "circle", name
        elif one not in before:
            before.add(one)
            waiting += _needs(jobs[one])
    if names.index(name) >= build:
        for other in names[:build]:
            if other not in before:
                yield "skipped job", name, other
    handed = {
        step["with"]["name"]
        for one in before
        for step in jobs[one]["steps"]
        if step.get("uses", "").startswith("actions/upload-artifact@")
    }
    for used in re.findall(r"needs\.([\w-]+)\.", str(job)):
        if used not in _needs(job):
            yield "reads a stranger", name, used
    known: set[str] = set()
    for step in job["steps"]:
        if RUN.search(step.get("run", "")):
            yield "runs what it gets", name
        for used in re.findall(r"steps\.([\w-]+)\.", str(step)):
            if used not in known:
                yield "reads a later step", name, used
        known |= {step["id"]} if "id" in step else set()
        if step.get("uses", "").startswith("actions/download-artifact@"):
            wanted = step["with"].get("name") or step["with"]["pattern"]
            if not fnmatch.filter(handed, wanted):
                yield "nothing uploaded", name, wanted
        if "secrets." in str(step) and "environment" not in job:
            yield "reads a secret outside", name


def _needs(job: dict[str, Any]) -> list[str]:
    """The jobs that a job waits for."""
    needs: str | list[str] = job.get("needs", [])
    return [needs] if isinstance(needs, str) else list(needs)
