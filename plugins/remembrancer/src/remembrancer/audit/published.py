"""What others can have seen: the branch that the log is published on, and whether a file of this checkout is there.

A policy or a checkpoint that was only tried (uncommitted, or on a branch of one's own) is nobody's promise: whoever
throws it away must not be held to it.
"""

from collections.abc import Sequence

from remembrancer.repository.reader import Repository
from remembrancer.system import git as gitcall
from remembrancer.trust.policy import Policy, Profile

Tips = dict[str, str]
"""Branches and tags as people name them (origin/main, v1.0.0) to the ids of their newest commits."""


def tips(repository: Repository, *patterns: str) -> Tips:
    """Return the branches and tags that match some patterns of full names. Raises EnvironmentTrouble(env.git)."""
    done = repository.git("for-each-ref", "--format=%(objectname) %(objecttype)%(*objecttype) %(refname)", *patterns)
    if done.returncode:
        raise gitcall.trouble(done)
    lines = (line.split(" ", 2) for line in done.stdout.decode("utf-8", "surrogateescape").splitlines())
    # a tag may be of anything
    return {name.removeprefix("refs/").partition("/")[2]: tip for tip, kind, name in lines if kind.endswith("commit")}


def published(repository: Repository, policy: Policy) -> Tips:
    """Return what is published, as far as this clone knows it: the seal branch of every remote, and releases' tags.

    Where no remote has it, the local seal branch is what others are shown; in development every local branch is one,
    because each of them seals. Raises EnvironmentTrouble(env.git).
    """
    found = tips(repository, f"refs/remotes/*/{policy.seal_branch}")
    local = "refs/heads" if policy.profile is Profile.DEVELOPMENT else f"refs/heads/{policy.seal_branch}"
    if not found or policy.profile is Profile.DEVELOPMENT:
        found |= tips(repository, local)
    return found | tips(repository, "refs/tags")


def is_published(repository: Repository, policy: Policy, path: str, data: bytes) -> bool:
    """Say whether the bytes of a file of this checkout are what others see there: committed, on a published branch.

    Without Git there is no branch on which somebody could have tried something, so everything counts. Raises
    EnvironmentTrouble(env.git).
    """
    head = repository.head()
    if not head:
        return not gitcall.within(repository.root)
    shown = repository.git("cat-file", "blob", f"{head}:./{path}")
    if shown.returncode or shown.stdout != data:
        return False
    remote = tips(repository, f"refs/remotes/*/{policy.seal_branch}")
    if not remote and policy.profile is Profile.DEVELOPMENT:
        return True
    branches = remote or tips(repository, f"refs/heads/{policy.seal_branch}")
    return any(reaches(repository, commit, head) for commit in branches.values())


def reaches(repository: Repository, commit: str, ancestor: str) -> bool:
    """Say whether a commit is another one, or comes after it. Raises EnvironmentTrouble(env.git)."""
    if commit == ancestor:
        return True
    done = repository.git("merge-base", "--is-ancestor", ancestor, commit)
    if done.returncode > 1:
        raise gitcall.trouble(done)
    return done.returncode == 0


def commit_of(repository: Repository, path: str, data: bytes, revisions: Sequence[str]) -> str:
    """Return the newest commit of some revisions that has these bytes at a path, "" when there is none.

    Raises EnvironmentTrouble(env.git).
    """
    blob = repository.git("hash-object", "--stdin", data=data)
    if blob.returncode:
        raise gitcall.trouble(blob)
    wanted = blob.stdout.decode().strip()
    listed = repository.git(
        "log", "--full-history", "-m", f"--find-object={wanted}", "--format=%H", *revisions, "--", path
    )
    if listed.returncode:
        raise gitcall.trouble(listed)
    for commit in dict.fromkeys(listed.stdout.decode(errors="replace").split()):
        # the commit that took it away is listed as well
        shown = repository.git("rev-parse", "--verify", "--quiet", f"{commit}:./{path}")
        if shown.stdout.decode(errors="replace").strip() == wanted:
            return commit
    return ""
