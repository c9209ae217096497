"""Taking an update back after its commit: the files as before, the record one event longer.

What a receipt states has happened, so nothing of the record is taken away: the way back is an update too, from the
newer version to the older one. Before its commit an update needs none of this; it can be thrown away.
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from remembrancer.clock import Clock
from remembrancer.errors import BadInput, Refused
from remembrancer.named import NamedTuple
from remembrancer.paths import RECEIPTS
from remembrancer.receipt.statement import Receipt, relative_path
from remembrancer.repository.store import Store
from remembrancer.standard.generations import Answers, answers_of, generations
from remembrancer.standard.missed import Written, record_return
from remembrancer.standard.replay import Course, committed, course
from remembrancer.system import git as gitcall

_THROW_AWAY = "Throw it away with `git reset --hard && git clean -d --force`."
_QUIET = ("-c", "core.hooksPath=/dev/null", "-c", "user.name=Remembrancer", "-c", "user.email=remembrancer@localhost")


class Undone(NamedTuple):
    """What was taken back: both versions, the receipt, and the files in which later edits are in the way."""

    gone: str
    back: str
    written: Written
    conflicts: tuple[str, ...]


def undo_update(store: Store, clock: Clock, given: str | None = None) -> Undone:
    """Take the newest update of a layer back in the work tree, and write its receipt; the caller commits both.

    Edits that were made since stay. Where they are in the way a file is left with conflict markers, and the receipt
    waits as after any update. Raises BadInput(input.answers), Refused(receipt.undo), EnvironmentTrouble(env.git).
    """
    answers = _one(store.root, given)
    known = generations(store, answers.layer)
    last = known[-1] if known else None
    if last is None or last.kind != "update":
        raise Refused("receipt.undo", f"the record of {answers.path} has no update at its end")
    _refuse_dirty(store.root, last)
    began, gone = last.predicate["from"], str(last.predicate["template"]["version"])
    if answers.version != gone:
        raise Refused(
            "receipt.undo",
            f"{answers.path} names {answers.version}, so the update to {gone} is taken back already",
            "Run `remembrancer record update`, which puts that on the record.",
        )
    back = next((one for one in reversed(known[:-1]) if one.predicate["template"]["commit"] == began["commit"]), None)
    if back is None:
        raise Refused("receipt.undo", f"no receipt states what {began['version']} rendered")
    conflicts = _revert(store.root, course(store.root, answers, str(began["version"])))
    written = record_return(store, last, back, clock, conflicts)
    return Undone(gone, str(began["version"]), written, tuple(conflicts))


def _one(root: Path, given: str | None) -> Answers:
    found = answers_of(root, given)
    if len(found) > 1:
        names = ", ".join(one.path for one in found)
        raise BadInput("input.answers", f"there are several answers files ({names})", "Choose one with -a FILE.")
    return found[0]


def _refuse_dirty(root: Path, last: Receipt) -> None:
    """Raise Refused(receipt.undo) where the work tree holds anything that is not committed."""
    path = f"{RECEIPTS}/{relative_path(last)}"
    if not gitcall.head(root) or committed(root, "HEAD", path) is None:
        raise Refused("receipt.undo", "the update is not committed, so nothing is on the record yet", _THROW_AWAY)
    if _git(root, "status", "--porcelain", "--untracked-files=all", "--", ".").strip():
        raise Refused("receipt.undo", "the work tree has changes that are not committed", "Commit or stash them first.")


def _revert(root: Path, way: Course) -> list[str]:
    """Take the difference of an update out of the work tree, without the record; return the files that conflict."""
    after = way.after or "HEAD"
    with tempfile.TemporaryDirectory(prefix="remembrancer-undo.") as folder:
        made = _without_record(root, way.base, after, {"GIT_INDEX_FILE": os.path.join(folder, "index")})  # noqa: PTH118
    done = gitcall.run(root, (*_QUIET, "revert", "--no-commit", "--no-gpg-sign", made), more=_WRITING)
    listed = _git(root, "diff", "--name-only", "--diff-filter=U", "--relative", "-z", "--", ".")
    conflicts = sorted({name for name in listed.decode("utf-8", "surrogateescape").split("\0") if name})
    if done.returncode and not conflicts:
        raise gitcall.trouble(done)
    gitcall.run(root, (*_QUIET, "revert", "--quit"), more=_WRITING)
    gitcall.run(root, (*_QUIET, "reset", "--quiet"), more=_WRITING)
    return conflicts


_WRITING = {"GIT_OPTIONAL_LOCKS": "1"}


def _without_record(root: Path, base: str, after: str, index: Mapping[str, str]) -> str:
    """Return a commit behind `base` that brings what `after` has in this folder, the record aside."""
    inside = _git(root, "rev-parse", "--show-prefix").decode("utf-8", "surrogateescape").rstrip("\n")
    record = f"{inside}{RECEIPTS}"
    top = Path(_git(root, "rev-parse", "--show-toplevel").decode("utf-8", "surrogateescape").rstrip("\n"))

    def git(*arguments: str) -> str:
        return _git(top, *_QUIET, *arguments, more={**index, **_WRITING}).decode().strip()

    git("read-tree", base)
    git("rm", "-r", "--cached", "--force", "--quiet", "--ignore-unmatch", "--", inside or ".")
    git("read-tree", *([f"--prefix={inside}"] if inside else []), f"{after}:{inside}" if inside else after)
    git("rm", "-r", "--cached", "--force", "--quiet", "--ignore-unmatch", "--", record)
    if not gitcall.run(top, ("rev-parse", "--verify", "--quiet", f"{base}:{record}")).returncode:
        git("read-tree", f"--prefix={record}/", f"{base}:{record}")
    return git("commit-tree", git("write-tree"), "-p", f"{base}^{{commit}}", "-m", "the update without the record")


def _git(root: Path, *arguments: str, more: Mapping[str, str] | None = None) -> bytes:
    done = gitcall.run(root, arguments, more=more)
    if done.returncode:
        raise gitcall.trouble(done)
    return done.stdout
