"""Commit messages: `[component] type: description`. Generated services check the same with ops/bin/commit-msg."""

import re
from pathlib import Path

from remembrancer.system import git

TYPES = ("feat", "fix", "docs", "style", "refactor", "perf", "test", "build", "ci", "chore", "revert")
LONGEST = 120
_SUBJECT = re.compile(rf"\[[a-z0-9][a-z0-9._/-]{{0,63}}\] ({'|'.join(TYPES)})!?: \S.*")
# what Git, a forge's buttons (suggestions, reverts) and the usual bots write by themselves
_OWN = re.compile(
    r"Merge |Revert \"|Reapply \"|fixup! |squash! |amend! "
    r"|Apply suggestions? from |Apply \d+ suggestion\(s\) to \d+ file\(s\)|Apply \d+ suggestions? "
    r"|Potential fix for code scanning alert no\. \d"
    r"|(build|chore|ci|fix|deps)(\(deps(-dev)?\))?: ([Bb]ump|[Uu]pdate|[Pp]in|[Rr]eplace|[Rr]oll back|[Ll]ock file) \S"
    r"|(\[Security\] )?Bump (\S+ from \S+ to \S+|the \S+ group|\S+(, \S+)* and \S+( in /\S*)?$)"
    r"|Update \S+ requirement from \S+ to \S|Lock file maintenance|(Pin|Update) dependencies"
    r"|(Pin|Update|Roll back) (dependency|module|Helm release|pre-commit hook) \S+ to \S|Replace dependency \S+ with \S"
    r"|(Pin|Update) \S+ (digest|action|Docker (tag|digest)) to \S"
    r"|Update (all (non-major )?dependencies|\S+ (monorepo|packages))( to \S+)?$"
    r"|(chore\(config\): migrate|Migrate) (config|renovate)|(Add|Configure) [Rr]enovate(\.json5?)?$"
)
REMEDY = f"Write '[component] type: description', where type is one of {', '.join(TYPES)}."


def subject_of(message: str) -> str:
    """Return the first line of a message that is neither empty nor a comment, which begins with core.commentChar.

    Raises EnvironmentTrouble(env.git) where Git, which knows that character, does not answer.
    """
    # what lies below Git's scissors is a diff, no message
    message = re.sub(r"(?ms)^\S+ -{10,} >8 -{10,}$.*", "", message)
    shown = git.run(Path.cwd(), ("stripspace", "--strip-comments"), data=message.encode())
    if shown.returncode:
        raise git.trouble(shown)
    return shown.stdout.decode(errors="replace").partition("\n")[0]


def problem(subject: str) -> str:
    """Return what is wrong with a subject line, or ""."""
    if _OWN.match(subject):
        return ""
    if not _SUBJECT.fullmatch(subject):
        return f"{subject[:80]!r} is not in the form of this repository"
    if len(subject) > LONGEST:
        return f"the first line has {len(subject)} characters; {LONGEST} at most, the rest goes below an empty line"
    return ""
