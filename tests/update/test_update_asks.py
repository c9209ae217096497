"""Nothing that a person chose goes without a word: answers, files that Git does not have, the template's address."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import before_update
import small_template
from cli_support import Scratch
from collection import commit_all, git
from small_template import COLOUR, MIRROR, PORT, Small
from update_support import changed, contents, end_world, new_world, receipts, run, spawn

SERVICE = "fastapi-service"
ANSWERS = ".copier-answers.yml"
TEAM = """
team:
  type: str
  when: "{{ colour == 'red' }}"
  default: none
"""
MOVED = "https://git.example.org/elsewhere/templates.git"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """v2.0.0 allows fewer ports, has lost a choice and a question, and renders a file named .env."""
    made = small_template.begin(tmp_path_factory.mktemp("small") / "template")
    made.question("colour", COLOUR + TEAM)
    made.publish("v1.0.0")
    made.question("port", PORT.replace("65535", "9000"))
    made.question("colour", COLOUR.replace("    - red\n", ""))
    made.question("mirror", MIRROR.replace("mirror:", "proxy:"))
    made.change("config.ini.jinja", "mirror = {{ mirror }}", "proxy = {{ proxy }}")
    made.change("Makefile", "echo two", "echo TWO")
    made.publish("v2.0.0")
    return made


@pytest.fixture(scope="module")
def chosen(template: Small, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """A service of v1.0.0 whose every answer somebody chose."""
    answers = {"port": 9001, "mirror": "mirror.example.com/", "colour": "red", "team": "payments"}
    folder = tmp_path_factory.mktemp("spawned") / "my-svc"
    service = new_world(spawn(template, folder, SERVICE, "v1.0.0", **answers))
    service.ok("init", "--dev", "--component", "my-svc")
    service.commit("[my-svc] chore: begin a ledger")
    yield service
    end_world(service)


@pytest.fixture
def service(chosen: Scratch) -> Iterator[Scratch]:
    copy = chosen.copy()
    yield copy
    end_world(copy)


def copier(template: Small, root: Path, *more: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "copier", "update", "--trust", "--defaults", "--quiet", *more]
    return run(root, *command, **template.variables, **variables)


def test_answers_that_an_update_changes_or_drops_wait_for_a_decision(template: Small, service: Scratch) -> None:
    done = copier(template, service.root)
    assert done.returncode == 0, done.stderr
    said = f"receipt: {ANSWERS} says something else: "
    assert f"{said}port was 9001 and is 8080: Validation error for question 'port': The port is from" in done.stderr
    assert f'{said}mirror was "mirror.example.com/" and is gone: the new version does not have this' in done.stderr
    assert f'{said}colour was "red" and is "green": ' in done.stderr
    assert f'{said}team was "payments" and is gone: ' in done.stderr
    (waiting,) = receipts(service.root, "update")
    assert waiting["conflicts"] == [ANSWERS]
    git(service.root, "add", "--all")
    hook = service.run("hook", "check-receipts")
    assert (hook.status, f"waits for a decision about {ANSWERS}" in hook.err) == (1, True)
    service.ok("record", "update", "--resolved")
    service.commit("[my-svc] chore: follow the standard")
    service.ok("seal")
    assert service.run("drift").status == 0


def test_answers_that_somebody_gives_are_no_question(template: Small, service: Scratch) -> None:
    given = [
        part for answer in ("port=8443", "colour=blue", "proxy=p", "component=my-svc") for part in ("--data", answer)
    ]
    done = copier(template, service.root, *given)
    assert done.returncode == 0, done.stderr
    asked = [line.split(": ")[2].split()[0] for line in done.stderr.splitlines() if "says something else" in line]
    assert asked == ["mirror", "team"]
    # a hook that is killed changes nothing about that: the same program asks again
    again = service.copy()
    try:
        run(again.root, "rm", "-r", "ops/receipts/update")
        later = again.ok("record", "update", **template.variables).out
        assert [name for name in ("port", "mirror", "colour", "team") if f"{name} was" in later] == ["mirror", "team"]
        assert receipts(again.root, "update")[0]["conflicts"] == [ANSWERS]
    finally:
        end_world(again)


@pytest.mark.reason("drift.answers")
def test_answers_edited_by_hand_are_named_and_an_update_makes_them_true(template: Small, service: Scratch) -> None:
    root = service.root
    service.ok("seal")
    service.write(ANSWERS, (root / ANSWERS).read_text().replace("port: 9001", "port: 8088"))
    commit_all(root, "[my-svc] chore: another port")
    said = service.json("drift")
    (finding,) = (one for one in said.report["findings"] if one["outcome"] != "verified" and one["check"] == "drift")
    assert finding["code"] == "drift.answers"
    assert finding["message"] == f"{ANSWERS} says port: 8088; the files were made with port: 9001"
    done = copier(template, root)
    assert "port was 9001 and is 8088: " in done.stderr
    assert "port: 8088" in (root / "deploy.yaml").read_text(), "nobody had edited it, so it follows"
    service.ok("record", "update", "--resolved")
    service.commit("[my-svc] chore: follow the standard")
    service.ok("seal")
    assert service.run("drift").status == 0


def test_a_template_that_moved_is_followed_without_a_conflict(
    template: Small, service: Scratch, tmp_path: Path
) -> None:
    root = service.root
    assert "platform" in (root / "ops/origin.json").read_text()
    elsewhere = template.variables | {"GIT_CONFIG_VALUE_0": MOVED}
    dead = service.json("record", "update", "--source", MOVED, **template.variables)
    assert (dead.status, dead.codes) == (4, {"env.copier"})
    assert git(root, "status", "--porcelain") == ""
    done = service.ok("record", "update", "--source", MOVED, **elsewhere)
    assert "pending" not in done.out
    assert changed(root) == [ANSWERS, "ops/origin.json"]
    assert json.loads((root / "ops/origin.json").read_text()) == {"template": MOVED}
    (moved,) = receipts(root, "update")
    assert (moved["template"]["source"], moved["template"]["version"], moved["conflicts"]) == (MOVED, "v1.0.0", [])
    dirty = service.json("record", "update", "--source", MOVED, **elsewhere)
    assert (dirty.status, dirty.codes) == (2, {"receipt.generation"})
    assert service.json("record", "update", "--source", MOVED, "--resolved").codes == {"input.usage"}
    git(root, "add", "--all")
    assert service.run("hook", "pre-commit").status == 0
    service.commit("[my-svc] chore: the template has moved")
    service.ok("seal")
    service.commit("[my-svc] chore: seal")
    assert service.run("drift").status == 0
    after = run(root, sys.executable, "-m", "copier", "update", "--trust", "--defaults", "--quiet", **elsewhere)
    assert after.returncode == 0, after.stderr
    assert MOVED in (root / "ops/origin.json").read_text()
    assert receipts(root, "update")[-1]["conflicts"] == [ANSWERS], "what v2.0.0 asks anyway"


def test_what_git_does_not_have_is_never_replaced(template: Small, service: Scratch, tmp_path: Path) -> None:
    """An ignored file, a file in a folder's place, and a folder in a file's place."""
    mine = template.copy(tmp_path / "template")
    mine.write(".env", "FROM=template\n")
    mine.write("tools/check.txt", "x\n")
    mine.write("plain", "x\n")
    mine.publish("v3.0.0")
    root = service.root
    (root / ".env").write_text("SECRET=1\n")
    before = contents(root)
    done = copier(mine, root)
    assert done.returncode == 1
    assert "update: stopped before anything was written: Git does not have .env, and the new version" in done.stderr
    assert (contents(root), git(root, "status", "--porcelain")) == (before, "")
    (root / ".env").unlink()
    service.write("tools", "a file\n")
    service.write("plain/inside.txt", "in a folder\n")
    service.commit("[my-svc] feat: names that the template takes")
    before = contents(root)
    done = copier(mine, root)
    assert done.returncode == 1
    assert "plain, tools: the new version has a file where a folder is here, or a folder where a file is" in done.stderr
    assert contents(root) == before


@pytest.fixture
def asked(template: Small, chosen: Scratch, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A service in which the check before an update is called as a function, as if this process were Copier's child."""
    monkeypatch.setattr(before_update, "SOURCE", template.work)
    copy = chosen.copy()
    yield copy.root
    end_world(copy)


CALL = {
    "answers_file": ANSWERS,
    "data": {},
    "source": "https://example.com/t.git",
    "commit": "b" * 40,
    "from": "v1.0.0",
}


def test_a_second_update_waits_for_the_first(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before_update.check(asked, CALL)
    monkeypatch.setattr(os, "getppid", lambda: 1)  # another Copier
    with pytest.raises(before_update.Stop, match=r"another update is under way here \(process \d+\); wait for its end"):
        before_update.check(asked, CALL)
    mark = asked / "ops/receipts/.local/updating"
    mark.write_text(mark.read_text().replace('"started": "', '"started": "1'))
    before_update.check(asked, CALL)  # the process has ended, and its number is another's now
    mark.write_text("not a mark")
    before_update.check(asked, CALL)


def test_a_tree_that_changed_since_copier_looked_is_not_written_into(asked: Path) -> None:
    (asked / "Makefile").write_text("all:\n")
    (asked / "new.txt").write_text("new\n")
    git(asked, "config", "status.showUntrackedFiles", "no")
    with pytest.raises(before_update.Stop, match=r"not what is committed \(Makefile, new\.txt\)"):
        before_update.check(asked, CALL)


def test_what_is_said_before_an_update(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert before_update.main([]) == 2
    assert "usage" in capsys.readouterr().err

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(before_update, "check", stopped)
    assert before_update.main(["{}"]) == 130
    assert capsys.readouterr().err == "update: stopped before anything was written\n"
