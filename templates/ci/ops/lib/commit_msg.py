"""Check that a commit message begins with `[component] type: description`.

ops/bin/commit-msg FILE        one message, as git's commit-msg hook passes it
ops/bin/commit-msg A..B        every commit of a range, as a pipeline checks it; HEAD~1..HEAD also in a new repository

Merges, reverts, a forge's suggestions and the commits of Dependabot and Renovate pass as they come. The line
COMMIT_CHECK := false in ops/settings.mk switches the check off.
"""

import re
import subprocess
import sys
from pathlib import Path

import service
from service import EXIT_FAILED, EXIT_USAGE, ROOT, Trouble

TYPES = ("feat", "fix", "docs", "style", "refactor", "perf", "test", "build", "ci", "chore", "revert")
SUBJECT = re.compile(rf"\[[a-z0-9][a-z0-9._/-]{{0,63}}\] ({'|'.join(TYPES)})!?: \S.*")
# What git, a forge's buttons (suggestions, reverts) and the usual bots write by themselves.
OWN = re.compile(
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
BOT = "[bot]"
REMEDY = f"write '[component] type: description', where type is one of {', '.join(TYPES)}"


def problem(subject: str) -> str:
    """Return what is wrong with a subject line, or ""."""
    if OWN.match(subject):
        return ""
    if not SUBJECT.fullmatch(subject):
        return f"{subject[:80]!r} is not in the form of this repository; {REMEDY}"
    if len(subject) > 120:
        return f"the first line has {len(subject)} characters; 120 at most, the rest goes below an empty line"
    return ""


def subject_of(message: str) -> str:
    """Return the first line of a message file that is not a comment, which begins with core.commentChar."""
    # what stands below git's scissors is a diff, no message
    message = re.sub(r"(?ms)^\S+ -{10,} >8 -{10,}$.*", "", message)
    shown = subprocess.run(
        ["git", "stripspace", "--strip-comments"], cwd=ROOT, input=message.encode(), capture_output=True, check=True
    )
    return str(shown.stdout.decode(errors="replace").partition("\n")[0])


def known(commit: str) -> bool:
    """Tell whether git has a commit of this name."""
    try:
        return bool(service.git("rev-parse", "--verify", "--quiet", commit + "^{commit}"))
    except Trouble:
        return False


def commits(asked: str) -> str:
    """Return the range to list: the one asked for, or all of B where A lies before the first commit (HEAD~1..HEAD)."""
    since, _, until = asked.partition("..")
    start = re.fullmatch(r"([^~^]+)[~^]\d*", since)
    before_the_first = start is not None and not known(since) and known(start[1])
    # in a shallow clone what lies before the first commit is not absent, only not here
    before_the_first = before_the_first and service.git("rev-parse", "--is-shallow-repository").strip() == b"false"
    return (until or "HEAD") if before_the_first else asked


def main(arguments: list[str]) -> int:
    """Check a file or a range; return 0, 1 (a message is wrong) or 2 (usage)."""
    if arguments in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return EXIT_USAGE
    # the template collection itself, which runs this too, has no answers
    if (ROOT / "ops" / "settings.mk").is_file() and not service.load().commit_check:
        return 0
    if ".." in arguments[0] and not Path(arguments[0]).is_file():
        wrong = []
        listing = service.git("log", "--no-merges", "--format=%h%x00%an%x00%s", commits(arguments[0]))
        for line in listing.decode(errors="replace").splitlines():
            commit, author, subject = line.split("\0", 2)
            if not author.endswith(BOT) and (said := problem(subject)):
                wrong.append(f"commit {commit}: {said}")
    else:
        said = problem(subject_of(Path(arguments[0]).read_text(encoding="utf-8", errors="replace")))
        wrong = [said] if said else []
    for line in wrong:
        print(f"commit-msg: {line}", file=sys.stderr)
    return EXIT_FAILED if wrong else 0


if __name__ == "__main__":
    service.run_main("ops/bin/commit-msg", main)
