"""`hook`: the checks as commands, for .pre-commit-hooks.yaml and for the hooks of generated repositories."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from remembrancer.named import NamedTuple
from remembrancer.paths import DECISIONS, LEDGER, LOCAL, RECEIPTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from remembrancer.findings import Finding


class _Check(NamedTuple):
    """The module of a check, and the beginnings of the paths that it looks at."""

    module: str
    paths: tuple[str, ...]


CHECKS = {
    "check-receipts": _Check("receipts", (f"{RECEIPTS}/", ".copier-answers")),
    "check-ledger": _Check("ledger", (f"{LEDGER}/",)),
    "check-adr": _Check("decisions", (f"{DECISIONS}/",)),
}
ROOT = click.option(
    "--root",
    type=click.Path(file_okay=False, exists=True),
    default=".",
    metavar="DIR",
    help="The folder that holds ops/receipts. Default: the current one, in a hook the top of the repository.",
)
# what pre-commit appends; what is committed is read from Git's index
FILES = click.argument("files", nargs=-1, metavar="[FILE]...")

MARK = f"{LOCAL}/updating"  # of an update that runs, or broke off
_ROOTS = (RECEIPTS, ".copier-answers.yml", ".copier-answers.k8s.yml", ".copier-answers.ci.yml")


def _run(root: str, names: "Sequence[str]") -> int:
    """Run some checks over one look at the index; a commit that touches none of it imports nothing more."""
    from remembrancer.hooks.staged import Staged  # noqa: PLC0415 - paid only by the hook that runs

    with Staged(root) as staged:
        changes = staged.changes(*_ROOTS)
        merging = staged.merging
        broken = "check-receipts" in names and os.path.lexists(os.path.join(root, MARK))  # noqa: PTH118
        if not (changes or merging or broken):
            return 0
        from remembrancer.hooks.refusal import tell  # noqa: PLC0415

        found: list[Finding] = []
        if broken:
            from remembrancer.hooks.receipts import interrupted_update  # noqa: PLC0415

            found += interrupted_update(staged)
        for name in names:
            if any(change.path.startswith(CHECKS[name].paths) for change in changes) or (
                merging and name == "check-ledger"  # the side that is left behind changes nothing against HEAD
            ):
                check: Any = import_module(f"remembrancer.hooks.{CHECKS[name].module}")
                found += check.check(staged, changes)
        return tell(found)


def _check(name: str, sentence: str) -> "Callable[..., int]":
    def run(root: str, files: tuple[str, ...]) -> int:  # noqa: ARG001
        return _run(root, [name])

    run.__doc__ = sentence
    decorate = click.command(name, epilog=f"Example: remembrancer hook {name}")
    command: Any = decorate(ROOT(FILES(run)))
    return command  # type: ignore[no-any-return]


check_receipts = _check("check-receipts", "What is recorded is only added to, and what is added is whole.")
check_ledger = _check("check-ledger", "The staged ledger continues the one in HEAD.")
check_adr = _check("check-adr", "Decisions have the standard's form, and recorded ones their recorded text.")


@click.command("pre-commit", epilog="Example: remembrancer hook pre-commit")
@ROOT
@FILES
def pre_commit(root: str, files: tuple[str, ...]) -> int:  # noqa: ARG001
    """Run check-receipts, check-ledger and check-adr over one look at the index."""
    return _run(root, list(CHECKS))


@click.command("commit-msg-format", epilog="Example: remembrancer hook commit-msg-format .git/COMMIT_EDITMSG")
@click.argument("message", type=click.Path(exists=True, dir_okay=False), metavar="FILE")
def commit_msg_format(message: str) -> int:
    """The commit message in FILE begins with [component] type: description."""
    from pathlib import Path  # noqa: PLC0415

    from remembrancer.hooks import messages  # noqa: PLC0415

    said = messages.problem(messages.subject_of(Path(message).read_text(encoding="utf-8", errors="replace")))
    if not said:
        return 0
    from remembrancer.hooks.refusal import refusal, tell  # noqa: PLC0415

    return tell([refusal("commit-msg-format", "commit.message", "", said, messages.REMEDY)])


@click.command("no-conflict-markers", epilog="Example: remembrancer hook no-conflict-markers README.md")
@ROOT
@FILES
def no_conflict_markers(root: str, files: tuple[str, ...]) -> int:
    """No FILE (default: no staged file) holds an unfinished merge, or is a .rej file that an update left."""
    from pathlib import Path  # noqa: PLC0415

    from remembrancer.hooks import markers  # noqa: PLC0415

    found = list(markers.in_files([Path(name) for name in files]) if files else markers.staged(root))
    if not found:
        return 0
    from remembrancer.hooks.refusal import tell  # noqa: PLC0415

    return tell(found)
