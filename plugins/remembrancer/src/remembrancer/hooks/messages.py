"""Commit messages: `[component] type: description`. Generated services check the same with ops/bin/commit-msg."""

import re

TYPES = ("feat", "fix", "docs", "style", "refactor", "perf", "test", "build", "ci", "chore", "revert")
LONGEST = 120
_SUBJECT = re.compile(rf"\[[a-z0-9][a-z0-9._/-]{{0,63}}\] ({'|'.join(TYPES)})!?: \S.*")
# what Git and the hosts write by themselves
_OWN = re.compile(r"(Merge |Revert \"|fixup! |squash! |amend! )")
REMEDY = f"Write '[component] type: description', where type is one of {', '.join(TYPES)}."


def subject_of(message: str) -> str:
    """Return the first line of a message that is neither empty nor a comment."""
    lines = (line.rstrip() for line in message.splitlines() if not line.startswith("#"))
    return next((line for line in lines if line), "")


def problem(subject: str) -> str:
    """Return what is wrong with a subject line, or ""."""
    if _OWN.match(subject):
        return ""
    if not _SUBJECT.fullmatch(subject):
        return f"{subject[:80]!r} is not in the form of this repository"
    if len(subject) > LONGEST:
        return f"the first line has {len(subject)} characters; {LONGEST} at most, the rest goes below an empty line"
    return ""
