"""The three ways to trust the template, what Copier says without one, and receipts that are written later."""

import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli_support import Scratch
from collection import ROOT, copier, git
from update_history import NEWEST, OLDER, URL, History
from update_support import ANSWERS, receipts, run

GUIDE = (ROOT / "docs/updating.md").read_text("utf-8")
COPY = ["copy", "--defaults", "--data", "layer=ci", "--data", "component=my-svc", "--vcs-ref", OLDER, URL]
UPDATE = ["update", "--defaults", "-a", ANSWERS["ci"]]


def without_time(predicate: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in predicate.items() if name != "recordedAt"}


def said(errors: str) -> str:
    """Return Copier's message, and check that the guide shows it word for word."""
    message = errors.strip()
    assert message.startswith("Template uses potentially unsafe feature")
    assert message in GUIDE
    return message


def test_whatever_somebody_is_told_to_run_says_that_it_trusts() -> None:
    """Without `--trust` a pasted command would end with code 4."""
    sources = ("copier.yml", "templates", "generators", "hooks", "plugins/remembrancer/src/remembrancer/reasons.py")
    places = [ROOT / name for name in git(ROOT, "ls-files", *sources).splitlines()]
    told = re.compile(r"copier copy [\w-].*|(?:[Rr]un:? `?|with:? `?|answer: )copier update.*|copier update -.*")
    found = [line for path in places if path.is_file() for line in told.findall(path.read_text("utf-8", "replace"))]
    assert len(found) > 8
    assert [line for line in found if "--trust" not in line] == []


def test_without_trust_a_copy_writes_nothing_and_says_why(history: History, tmp_path: Path) -> None:
    done = copier(*COPY, "my-svc", cwd=tmp_path, **history.variables)
    assert done.returncode == 4
    assert "feature: tasks." in said(done.stderr)
    assert not (tmp_path / "my-svc").exists()


def test_receipts_that_an_untrusted_copy_left_out_are_the_same_when_written_later(
    history: History, generated: Callable[[str, str], Path], world: Callable[[str, str], Scratch], tmp_path: Path
) -> None:
    (hooked,) = receipts(generated("ci", OLDER), "spawn")
    service = world("ci", OLDER)
    for path in service.root.iterdir():
        if path.name != ".git":
            run(service.root, "rm", "-r", path.name)
    done = copier(*COPY, "--skip-tasks", "--quiet", ".", cwd=service.root, **history.variables)
    assert done.returncode == 0, done.stderr
    assert receipts(service.root, "spawn") == []
    service.commit("[my-svc] feat: generate without trust")
    service.ok("init", "--dev", "--component", "my-svc", **history.variables)
    assert service.json("drift").codes == {"drift.unrecorded"}
    service.ok("record", "spawn", **history.variables)
    (later,) = receipts(service.root, "spawn")
    assert without_time(later) == without_time(hooked)
    assert "already recorded" in service.ok("record", "spawn", **history.variables).out
    service.ok("drift")
    service.commit("[my-svc] chore: record the spawn")

    # an update needs trust: --skip-tasks does not reach its migrations
    for more in ([], ["--skip-tasks"]):
        done = copier(*UPDATE, *more, cwd=service.root, **history.variables)
        assert done.returncode == 4
        assert "features: migrations, tasks." in said(done.stderr)
    assert git(service.root, "status", "--porcelain") == ""

    # a prefix in Copier's settings is as good as --trust
    settings = tmp_path / "settings.yml"
    text = "trust:\n  - https://git.example.com/platform/\n"
    settings.write_text(text)
    assert textwrap.indent(text, "   ") in GUIDE
    done = copier(*UPDATE, "--quiet", cwd=service.root, COPIER_SETTINGS_PATH=str(settings), **history.variables)
    assert done.returncode == 0, done.stderr
    (hooked,) = receipts(service.root, "update")
    assert hooked["template"]["version"] == NEWEST

    # where the hook could not write (a Copier on Python 3.10, say), the command writes the same
    run(service.root, "rm", "-r", "ops/receipts/update")
    service.ok("record", "update", **history.variables)
    service.commit("[my-svc] chore: follow the standard")
    service.ok("seal")
    (later,) = receipts(service.root, "update")
    assert without_time(later) == without_time(hooked)
    service.ok("drift")


def test_later_receipts_are_refused_in_one_sentence(
    history: History, world: Callable[[str, str], Scratch], tmp_path: Path
) -> None:
    service = world("ci", OLDER)
    elsewhere = service.json("record", "spawn", "-a", ".copier-answers.yml")
    assert (elsewhere.status, elsewhere.codes) == (2, {"input.answers"})
    run(service.root, "rm", "-r", "ops/receipts")
    early = service.json("record", "update")
    assert (early.status, early.codes) == (2, {"receipt.generation"})
    unreachable = service.json("record", "spawn", COPIER_CACHE_DIR=str(tmp_path), GIT_ALLOW_PROTOCOL="file")
    assert (unreachable.status, unreachable.codes) == (4, {"env.copier"})
    assert not (service.root / "ops/receipts/spawn").exists()
