"""A plan and its rollout on a forge: what is tried, what is proposed, what stops a wave, and what a second run does."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from aurora.fleet import listed
from aurora.fleet.mirrors import Mirrors, known
from aurora.fleet.plan import Plan, Planned, schema
from aurora.fleet.proposal import text as words_of
from aurora.fleet.shard import Shard
from aurora.fleet.update import Step, Tried, attempt
from aurora.fleet.waves import assign, parse
from aurora.fleet.workplace import Bare, Workplace
from collection import ROOT, git
from forges_double import TOKEN
from remembrancer.errors import BadInput
from rollout_world import ANSWERS, TEMPLATE, World, world

BRANCH = "aurora/template-v2.0.0"


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with world(tmp_path, "github", monkeypatch) as made:
        yield made


@pytest.fixture
def three(acme: World) -> World:
    """Three services that nothing is wrong with, planned in two waves."""
    for name in ("billing", "orders", "shop"):
        acme.service(f"acme/{name}")
    acme.list("acme/billing", "acme/orders", "acme/shop")
    acme.plan("--waves", "1,rest", "--first", "acme/orders")
    return acme


def test_waves() -> None:
    names = [f"s{number:02}" for number in range(30)]
    found = list(assign(names, parse("1,10%,rest")).values())
    assert (found.count(1), found.count(2), found.count(3)) == (1, 3, 26)
    assert assign(["a"], parse("1,10%,rest")) == {"a": 1}
    assert assign(["a", "b"], parse("50%,rest")) == {"a": 1, "b": 2}
    assert assign([], parse("rest")) == {}
    for bad in ("", "1", "0,rest", "101%,rest", "rest,1", "1,,rest", "1,rest,rest", "-1,rest"):
        with pytest.raises(BadInput):
            parse(bad)


def test_a_plan_names_what_stands_in_the_way_before_anybody_is_bothered(acme: World) -> None:
    acme.service("acme/orders")
    acme.service("acme/shop")
    acme.service("acme/clashing", "conflicting")
    acme.service("acme/red", "failing")
    acme.service("acme/stopped", "copier-fails")
    acme.service("acme/current", version="v2.0.0")
    acme.service("acme/foreign", source="https://evil.example.com/templates.git")
    bare = acme.forge.add("acme/plain")
    acme.commit(bare, {"README.md": "no answers\n"})
    names = ["orders", "shop", "clashing", "red", "stopped", "current", "foreign", "plain", "gone"]
    acme.list(*(f"acme/{name}" for name in names))
    found = acme.plan("--waves", "1,rest")
    assert {name.removeprefix("acme/"): row["code"] or row["state"] for name, row in found.items()} == {
        "orders": "ready",
        "shop": "ready",
        "clashing": "fleet.conflicts",
        "red": "fleet.tests-failed",
        "stopped": "fleet.update-failed",
        "current": "current",
        "foreign": "fleet.other-template",
        "plain": "fleet.no-answers",
        "gone": "fleet.unreachable",
    }
    assert found["acme/clashing"]["conflicts"] == ["standard.txt"]
    assert found["acme/red"]["failed"] == ["tests/test_a.py::test_standard"]
    assert found["acme/red"]["message"] == "1 test failed, and without the update too"
    assert [found[f"acme/{name}"]["wave"] for name in ("orders", "shop", "red")] == [1, 2, 0]
    first = (acme.base / "plan.json").read_bytes()
    Draft202012Validator(schema()).validate(json.loads(first))
    assert str(acme.base).encode() not in first
    acme.plan("--waves", "1,rest")
    assert (acme.base / "plan.json").read_bytes() == first
    assert acme.forge.requests == []
    assert all(acme.forge.head(f"acme/{name}", BRANCH) == "" for name in names[:-1])
    skipped = acme.plan("--skip-tests")
    assert skipped["acme/red"]["state"] == "ready"
    # the token is not given to a service's code, not even on request
    assert acme.run("plan", "--trust", "--to", "v2.0.0", "--pass", "GITHUB_TOKEN").status == 2


def test_an_answers_file_that_copier_reads_otherwise_runs_nothing(acme: World) -> None:
    answers = f"_commit: v1.0.0\n_src_path: {TEMPLATE}\nlayer: ci\n"
    evil = "./evil.bundle\n"
    texts = [
        *(answers + one + evil for one in ('"_src_path": ', "? _src_path\n: ", "_src_path : ", "_src_path:\n  ")),
        *(answers + one + evil for one in ("x: y\r_src_path: ", "x: y\u2028_src_path: ", "x: y\x85_src_path: ")),
        '  x: "\n' + answers + 'z: "\n  _src_path: ' + evil,
        answers.replace("layer", "\n /../evil\nlayer"),
        answers.replace(TEMPLATE, f"{TEMPLATE}'/../evil"),
        answers.replace(TEMPLATE, f'"{TEMPLATE}\n  /../evil"'),
    ]
    names = [f"acme/s{number:02}" for number in range(len(texts))]
    for name, text in zip(names, texts, strict=True):
        acme.service(name)
        acme.commit(acme.bare(name), {ANSWERS: text})
    acme.service("acme/linked")
    bare = acme.bare("acme/linked")
    oid = git(bare, "rev-parse", f"main:{ANSWERS}")
    place = {"GIT_DIR": str(bare), "GIT_INDEX_FILE": str(acme.base / "index")}
    for words in (("read-tree", "main"), ("update-index", "--cacheinfo", f"120000,{oid},{ANSWERS}")):
        subprocess.run(("git", *words), check=True, env={**os.environ, **place})
    tree = subprocess.run(("git", "write-tree"), check=True, env={**os.environ, **place}, stdout=PIPE, text=True).stdout
    git(bare, "update-ref", "refs/heads/main", git(bare, "commit-tree", tree.strip(), "-p", "main", "-m", "linked"))
    acme.list(*names, "acme/linked")
    found = acme.plan("--skip-tests")
    refused = {name: row["code"] for name, row in found.items()}
    assert refused == dict.fromkeys([*names, "acme/linked"], "fleet.other-template")


def test_a_source_that_is_also_a_path_of_the_service_runs_nothing(acme: World) -> None:
    # `git clone` and Copier take a bundle of this name before they take the URL
    for name, path in (("web", TEMPLATE), ("ssh", "git@git.example.com:platform/templates.git")):
        acme.service(f"acme/{name}", source=path)
        bare = acme.bare(f"acme/{name}")
        place = {**os.environ, "GIT_DIR": str(bare), "GIT_INDEX_FILE": str(acme.base / name)}
        blob = git(bare, "rev-parse", "main:check.sh")
        inside = path.replace("//", "/")
        for words in (("read-tree", "main"), ("update-index", "--add", "--cacheinfo", f"100644,{blob},{inside}")):
            subprocess.run(("git", *words), check=True, env=place)
        tree = subprocess.run(("git", "write-tree"), check=True, env=place, stdout=PIPE, text=True).stdout.strip()
        git(bare, "update-ref", "refs/heads/main", git(bare, "commit-tree", tree, "-p", "main", "-m", "a bundle"))
    acme.list("acme/web", "acme/ssh")
    found = acme.plan("--skip-tests")
    assert {name: row["message"] for name, row in found.items()} == dict.fromkeys(
        ("acme/ssh", "acme/web"), f"the source of {ANSWERS} is also a path in the repository"
    )


def test_nothing_runs_without_consent(acme: World) -> None:
    acme.list()
    for words in (("plan", "--to", "v2.0.0"), ("rollout", "plan.json")):
        done = acme.run(*words)
        assert (done.status, "[fleet.consent]" in done.err) == (2, True)


def test_a_version_that_the_template_lacks(acme: World) -> None:
    acme.list()
    for version in ("v9.0.0", "../x", "-x"):
        done = acme.run("plan", "--trust", f"--to={version}")
        assert (done.status, "[fleet.template]" in done.err) == (2, True)
    assert acme.run("plan", "--trust", "--to", "v2.0.0", "--first", "acme/none").status == 2


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_waves_are_proposed_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    with world(tmp_path, kind, monkeypatch) as acme:
        base = {name: acme.service(f"acme/{name}") for name in ("billing", "orders", "shop")}
        acme.list("acme/billing", "acme/orders", "acme/shop")
        acme.plan("--waves", "1,rest", "--first", "acme/orders")
        done = acme.rollout()
        assert done.status == 0, done.err
        assert "wave 2 waits for wave 1: acme/orders" in done.out
        (asked,) = acme.forge.requests
        assert (asked.path, asked.branch, asked.base) == ("acme/orders", BRANCH, "main")
        assert asked.title == "[orders] chore: follow the standard to v2.0.0"
        for fact in (
            "`ops/receipts/update/2026/",
            "3 files rendered",
            base["orders"],
            "`v1.0.0` to `v2.0.0`",
            TEMPLATE,
        ):
            assert fact in asked.text
        bare = acme.bare("acme/orders")
        assert git(bare, "log", "-1", "--format=%P %s", BRANCH) == f"{base['orders']} {asked.title}"
        assert git(bare, "show", f"{BRANCH}:standard.txt") == "standard v2.0.0"
        assert "left-behind" not in git(bare, "ls-tree", "--name-only", BRANCH)  # what the tests leave is not proposed
        # a second run opens nothing twice, and waits as long as nobody said yes
        assert acme.states() == {"acme/orders": "open"}
        waits = acme.rollout("--wave", "2")
        assert (waits.status, "[fleet.wave-waiting]" in waits.err) == (3, True)
        asked.checks = "red"
        red = acme.rollout("--wave", "2")
        assert (red.status, "[fleet.wave-red]" in red.err) == (1, True)
        assert acme.rollout().status == 1
        assert len(acme.forge.requests) == 1
        asked.checks = "green"
        assert acme.states() == {"acme/orders": "open", "acme/billing": "open", "acme/shop": "open"}
        for one in acme.forge.requests:
            one.state = "merged"
        assert set(acme.states().values()) == {"merged"}
        assert len(acme.forge.requests) == 3
        assert all(TOKEN not in line for line in acme.forge.log)


@pytest.mark.reason("fleet.declined")
def test_a_request_that_was_declined_stops_the_next_wave_unless_it_is_let_pass(three: World) -> None:
    three.rollout()
    three.forge.requests[0].state = "closed"
    assert three.states() == {"acme/orders": "fleet.declined"}
    assert set(three.states("--despite", "acme/orders")) == {"acme/billing", "acme/orders", "acme/shop"}
    assert len(three.forge.requests) == 3
    assert three.rollout("--despite", "acme/none").status == 2
    assert three.rollout("--wave", "7").status == 2


def test_a_base_that_moved_and_a_branch_that_is_somebody_elses_are_rows(three: World) -> None:
    three.commit(three.bare("acme/orders"), {"new.txt": "meanwhile\n"})
    assert three.states() == {"acme/orders": "fleet.base-moved"}
    three.commit(three.bare("acme/billing"), {"own.txt": "not the plan's\n"}, BRANCH)
    found = three.states("--despite", "acme/orders")
    assert found == {"acme/orders": "fleet.base-moved", "acme/billing": "fleet.branch-taken", "acme/shop": "open"}
    assert git(three.bare("acme/billing"), "ls-tree", "--name-only", BRANCH) == "own.txt"
    three.bare("acme/orders").rename(three.bare("acme/renamed"))
    assert three.states() == {"acme/orders": "fleet.unreachable"}


def test_a_branch_that_begins_as_the_plan_does_and_gives_something_else_is_nobodys(three: World) -> None:
    bare = three.bare("acme/orders")
    git(bare, "update-ref", f"refs/heads/{BRANCH}", "refs/heads/main")
    three.commit(bare, {"standard.txt": "evil\n"}, BRANCH)
    assert three.states() == {"acme/orders": "fleet.branch-taken"}
    assert three.forge.requests == []


def test_a_base_that_moves_during_the_update_is_noticed(three: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = three.bare("acme/orders")

    def meanwhile(*words: Any) -> Tried:
        tried = attempt(*words)
        three.commit(bare, {"new.txt": "meanwhile\n"})
        return tried

    monkeypatch.setattr("aurora.fleet.rollout.attempt", meanwhile)
    assert three.states() == {"acme/orders": "fleet.base-moved"}
    assert (three.forge.requests, three.forge.head("acme/orders", BRANCH)) == ([], "")


def test_git_shows_nothing_of_the_environment_to_a_filter_that_an_update_left(
    acme: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_TOKEN", "GITLAB_TOKEN", "ANOTHER_SECRET"):
        monkeypatch.setenv(name, TOKEN)
    made, seen = acme.service("acme/orders"), acme.base / "seen"
    with Bare(str(acme.bare("acme/orders")), ("main",), {}) as bare, Workplace(bare, "main", made) as place:
        git(place.work, "config", "filter.spy.clean", f"env >> {seen}; cat")
        (place.work / ".gitattributes").write_text("* filter=spy\n")
        place.keep()
        assert place.unmerged() == []
    assert "HOME=" in seen.read_text()
    assert TOKEN not in seen.read_text()


def test_a_run_that_was_killed_between_push_and_request_goes_on(three: World, monkeypatch: pytest.MonkeyPatch) -> None:
    three.forge.faults = [(200, {})]  # the first question is answered with an object, so that nothing is done
    assert three.states() == {"acme/orders": "fleet.forge"}

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("aurora.fleet.forges.github.GitHub.propose", killed)
        assert three.rollout().status == 130
    pushed = three.forge.head("acme/orders", BRANCH)
    assert pushed
    assert three.forge.requests == []
    # somebody of the team adds to the branch before the run goes on
    three.commit(three.bare("acme/orders"), {"fixup.txt": "ours\n"}, BRANCH)
    assert three.states() == {"acme/orders": "open"}
    assert git(three.bare("acme/orders"), "rev-parse", f"{BRANCH}^") == pushed
    assert "`ops/receipts/update/2026/" in three.forge.requests[0].text


def test_shards_share_a_wave_and_wait_for_each_other(three: World) -> None:
    orders = next(number for number in range(2) if Shard(number, 2).takes("acme/orders"))
    assert three.states("--shard", f"{1 - orders}/2") == {}
    assert three.forge.requests == []
    assert three.states("--shard", f"{orders}/2") == {"acme/orders": "open"}
    three.forge.requests[0].state = "merged"
    found = [three.states("--shard", f"{number}/2") for number in range(2)]
    assert sorted(name for states in found for name in states) == ["acme/billing", "acme/orders", "acme/shop"]
    assert len(three.forge.requests) == 3


def test_what_comes_out_of_a_repository_is_quoted_in_a_request() -> None:
    odd = Planned(
        "acme/orders", "u", "ready", layers=(Step("a", "ci", "v1`|<b>@all\n# x"),), component="orders", wave=1
    )
    said = words_of(Plan("u", "v2.0.0", "c", True, ("make", "test"), "rest", (odd,)), odd, ())
    assert "`v1??<b>@all?# x` to `v2.0.0`" in said


def program(world: World, copier: Path, *words: str) -> "subprocess.Popen[bytes]":
    """Start `aurora fleet` with a stand-in for Copier; its temporary files are in a folder of their own."""
    script, scratch = world.base / "run.py", world.base / "scratch"
    script.write_text(
        "import sys, aurora.fleet.update as update\nfrom aurora.cli.main import main\n"
        f"update.copier = lambda: {str(copier)!r}\nsys.exit(main(['fleet', *sys.argv[1:]]))\n"
    )
    scratch.mkdir(exist_ok=True)
    path = os.pathsep.join(str(ROOT / f"plugins/{name}/src") for name in ("aurora", "remembrancer"))
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "TMPDIR": str(scratch), **world.variables}
    return subprocess.Popen([sys.executable, str(script), *words], cwd=world.base, env=env, stdout=PIPE, stderr=PIPE)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("command", ["plan", "rollout"])
def test_a_run_that_is_ended_leaves_nothing_behind(three: World, command: str, number: signal.Signals) -> None:
    """No folder, and nothing that still runs: what is being tried may take many minutes more."""
    (three.base / "scratch").mkdir()
    pids = three.base / "pids"
    slow = three.base / "slow"
    slow.write_text(f"#!/bin/sh\necho $$ >> {pids}\nexec sleep 300\n")
    slow.chmod(0o755)
    words = {"plan": ["plan", "--to", "v2.0.0", "--out", "other.json"], "rollout": ["rollout", "plan.json"]}[command]
    started = program(three, slow, *words, "--trust", "--jobs", "2")
    wanted = {"plan": 2, "rollout": 1}[command]
    for _ in range(600):
        if pids.exists() and len(pids.read_text().split()) == wanted:
            break
        assert started.poll() is None, started.communicate()
        threading.Event().wait(0.05)
    started.send_signal(number)
    said = started.communicate(timeout=20)[1].decode().strip().splitlines()
    assert (started.returncode, said[-1]) == {
        signal.SIGTERM: (143, "aurora: terminated"),
        signal.SIGINT: (130, "aurora: interrupted"),
    }[number]
    assert [path.name for path in (three.base / "scratch").iterdir()] == []
    for pid in pids.read_text().split():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


@pytest.mark.system
def test_a_run_that_is_killed_at_any_moment_goes_on(three: World) -> None:
    copier = three.base.parent / "copier"
    kills = 0
    for step in range(50):
        started = program(three, copier, "rollout", "plan.json", "--trust", "--despite", "acme/orders")
        try:
            out, err = started.communicate(timeout=0.4 * 1.1**step)
        except subprocess.TimeoutExpired:
            started.kill()
            started.communicate()
            kills += 1
            continue
        assert started.returncode == 0, out + err
        if len(three.forge.requests) == 3:
            break
    assert kills >= 2
    assert sorted(one.path for one in three.forge.requests) == ["acme/billing", "acme/orders", "acme/shop"]
    assert set(three.states("--despite", "acme/orders").values()) == {"open"}
    assert len(three.forge.requests) == 3


def test_plain_git_without_a_forge(acme: World, tmp_path: Path) -> None:
    acme.service("acme/orders")
    acme.service("acme/shop")
    acme.fleet.write_text(
        f'[fleet]\ntemplate = "{TEMPLATE}"\n'
        + "".join(f'[[service]]\nname = "{name}"\nurl = "../hosted/acme/{name}.git"\n' for name in ("orders", "shop"))
    )
    acme.plan("--waves", "1,rest")
    assert acme.states() == {"orders": "pushed"}
    assert acme.states() == {"orders": "pushed"}
    assert acme.forge.requests == []
    bare = acme.bare("acme/orders")
    git(bare, "update-ref", "refs/heads/main", BRANCH)
    assert acme.states() == {"orders": "merged", "shop": "pushed"}
    git(bare, "update-ref", "-d", f"refs/heads/{BRANCH}")
    assert acme.states()["orders"] == "merged"


def test_what_does_not_fit_the_plan_any_more_is_refused(three: World, tmp_path: Path) -> None:
    plan = three.base / "plan.json"
    text = plan.read_text()
    row = json.loads(text)["services"][1]
    assert row["name"] == "acme/orders"
    for old, new in (
        (row["tree"], "0" * 40),
        (row["base"], "nothing"),
        ('"wave": 1', '"wave": 0'),
        ('"wave": 1', '"wave": 2'),
        ('"waves": "1,rest"', '"waves": "rest"'),
        ('"acme/orders"\n ]', '"acme/shop"\n ]'),
        (f'"branch": "{row["branch"]}"', '"branch": "a:b"'),
        ('"shard": "0/1"', '"shard": "0/2"'),
        ('"version": "v1.0.0"', '"version": 1'),
        ('"aurora/template-v2.0.0"', '"main"'),
        ('"tag": true', '"tag": false'),
        ('"services": [', '"services": 1, "x": ['),
        ('"failed": []', '"failed": [1]'),
        (text, "{}"),
    ):
        plan.write_text(text.replace(old, new))
        done = three.rollout()
        # another tree is found when the update is carried out, everything else before it
        expected = (1, "fleet.result-differs") if new == "0" * 40 else (2, "fleet.plan")
        assert (done.status, expected[1] in done.out + done.err) == (expected[0], True), new
    plan.write_text(text)
    assert three.run("rollout", "none.json", "--trust").status == 2
    three.list("acme/billing", "acme/shop")
    assert three.states() == {"acme/orders": "fleet.plan"}
    templates = tmp_path / "templates.git"
    git(templates, "update-ref", "refs/tags/v2.0.0", "refs/tags/v1.0.0^{commit}")
    moved = three.rollout()
    assert (moved.status, "[fleet.template-moved]" in moved.err) == (1, True)
    assert three.forge.requests == []


def edited(acme: World, service: str = "", /, **members: Any) -> None:
    """Write the plan with other members of itself, or of one of its services, as whoever can write the file does."""
    plan = acme.base / "plan.json"
    said = json.loads(plan.read_bytes())
    where = next(one for one in said["services"] if one["name"] == service) if service else said
    assert {key: where[key] for key in members} != members
    where.update(members)
    plan.write_text(json.dumps(said, indent=1, sort_keys=True) + "\n")


def test_an_edited_plan_pushes_nothing(three: World, tmp_path: Path) -> None:
    plan = three.base / "plan.json"
    text = plan.read_bytes()
    digest = three.json("plan", "--trust", "--to", "v2.0.0", "--skip-tests", "--out", "other.json")["digest"]
    said = json.loads(text)
    layers = said["services"][1]["layers"]
    assert said["services"][1]["name"] == "acme/orders"
    git(three.bare("acme/orders"), "update-ref", "refs/heads/next", "refs/heads/main")
    evil = tmp_path / "evil.git"
    git(tmp_path, "clone", "--quiet", "--mirror", str(tmp_path / "templates.git"), str(evil))
    service: list[tuple[dict[str, Any], str]] = [
        ({"url": three.forge.url("acme/shop")}, "fleet.plan"),
        ({"url": "ext::sh -c id"}, "fleet.plan"),
        ({"branch": "next"}, "fleet.base-moved"),
        ({"branch": "--upload-pack=id"}, "fleet.plan"),
        ({"component": "evil"}, "fleet.plan"),
        ({"layers": [{**layers[0], "version": "v0.0.0"}]}, "fleet.plan"),
        ({"layers": []}, "fleet.plan"),
        ({"base": git(three.bare("acme/shop"), "rev-parse", "main")}, "fleet.base-moved"),
        ({"tree": git(three.bare("acme/shop"), "rev-parse", "main^{tree}")}, "fleet.result-differs"),
        ({"name": "acme/other"}, "fleet.plan"),
        ({"state": "current", "wave": 0}, "fleet.plan"),
    ]
    template: list[tuple[dict[str, Any], str]] = [
        ({"url": str(evil)}, "fleet.plan"),
        ({"url": "--upload-pack=id"}, "fleet.plan"),
        ({"version": "v1.0.0"}, "fleet.plan"),
        ({"commit": "0" * 40}, "fleet.template-moved"),
    ]
    for members, code in service:
        edited(three, "acme/orders", **members)
        done = three.rollout()
        assert (done.status != 0, f"[{code}]" in done.out + done.err) == (True, True), members
        plan.write_bytes(text)
    for members, code in template:
        edited(three, template={**said["template"], **members})
        done = three.rollout()
        assert (done.status != 0, f"[{code}]" in done.out + done.err) == (True, True), members
        plan.write_bytes(text)
    # what only the plan says is sure by its digest: the command of the tests, and who goes first
    edited(three, tests=["touch", str(tmp_path / "ran")])
    refused = three.rollout("--digest", digest)
    assert (refused.status, "[fleet.plan]" in refused.err) == (2, True)
    assert not (tmp_path / "ran").exists()
    assert three.forge.requests == []
    for name in ("billing", "orders", "shop"):
        assert three.forge.head(f"acme/{name}", BRANCH) == ""
    (three.base / "other.json").rename(plan)
    assert three.rollout("--digest", digest.upper()).status == 0


def test_a_plan_is_for_the_branch_and_the_template_that_the_list_names(three: World) -> None:
    list_ = three.fleet.read_text()
    three.fleet.write_text(list_.replace('orders.git"\n', 'orders.git"\nbranch = "next"\n'))
    done = three.rollout()
    assert "acme/orders is planned for main, and the list of the fleet says next [fleet.plan]" in done.out
    three.fleet.write_text(list_.replace(TEMPLATE, "https://git.example.com/platform/others.git"))
    assert "[fleet.plan]" in three.rollout().err
    three.fleet.write_text(list_.replace(f'template = "{TEMPLATE}"\n', ""))
    unsaid = three.rollout()
    assert (unsaid.status, "nobody says which template" in unsaid.err) == (2, True)
    assert three.forge.requests == []
    assert three.rollout("--template", TEMPLATE).status == 0
    assert len(three.forge.requests) == 1


@pytest.mark.reason("fleet.shard-missing")
@pytest.mark.reason("fleet.shard-twice")
@pytest.mark.reason("fleet.shard-foreign")
def test_plans_of_shares_are_joined_to_the_plan_of_one_run(acme: World) -> None:
    names = [f"acme/s{number}" for number in range(7)]
    for name in names:
        acme.service(name, *(["copier-fails"] if name == "acme/s3" else []))
    acme.list(*names)
    words = ("--waves", "1,50%,rest", "--first", "acme/s5", "--first", "acme/s3", "--first", "acme/s1")
    acme.plan(*words)
    whole = (acme.base / "plan.json").read_bytes()
    shares = [f"plan-{number}.json" for number in range(2)]
    for number, share in enumerate(shares):
        acme.plan(*words, "--shard", f"{number}/2", "--out", share)
    joined = acme.run("merge", *shares, "--fleet", "fleet.toml", "--output", "joined.json")
    assert joined.status == 0, joined.err
    assert (acme.base / "joined.json").read_bytes() == whole
    assert acme.run("merge", *shares[::-1]).out.encode() == whole
    # a share's own waves are no rollout's
    alone = acme.run("rollout", shares[0], "--trust")
    assert (alone.status, "join all shares with `aurora fleet merge` [fleet.plan]" in alone.err) == (2, True)
    acme.plan("--waves", "1,rest", "--shard", "1/2", "--out", "other.json")
    (acme.base / "status.json").write_text("{}")
    acme.list(*names[:-1])
    for given, code in (
        ([shares[0]], "fleet.shard-missing"),
        ([*shares, shares[0]], "fleet.shard-twice"),
        ([shares[0], "other.json"], "fleet.shard-foreign"),
        ([*shares, "status.json"], "fleet.shard-foreign"),
        ([*shares, "--fleet", "fleet.toml"], "fleet.shard-foreign"),
    ):
        refused = acme.run("merge", *given)
        assert (refused.status, f"[{code}]" in refused.err) == (2, True), given
    assert acme.run("merge", *shares, "--html", "site").status == 2


def test_what_a_mirror_has_is_not_fetched_and_what_it_says_is_not_believed(acme: World) -> None:
    acme.service("acme/orders")
    bare = acme.bare("acme/orders")
    git(bare, "config", "uploadpack.allowFilter", "true")
    old = acme.commit(bare, {"big.bin": "x" * 1000, "one.txt": "one\n"})
    acme.list("acme/orders")
    fleet = listed.read(acme.fleet)
    url = str(bare)
    fleet = fleet.having([fleet.services[0]._replace(url=url)])
    mirror = Mirrors(acme.base / "cache").folder(fleet, fleet.services[0])
    Mirrors(acme.base / "cache").sync(fleet)
    assert known(mirror).commit == old
    new = acme.commit(bare, {"two.txt": "two\n"})
    with Bare(url, ("main",), {}, mirror) as mine:
        assert mine.tip("main") == new  # the remote's word, not the mirror's
        assert git(mine.folder, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
        here, there = (
            dict(line.split(": ") for line in git(one, "count-objects", "-v").splitlines())
            for one in (mine.folder, mirror)
        )
        new_here = int(here["in-pack"]) - int(there["in-pack"])
        assert new_here in (3, 4)  # a commit, a tree, a file, and what Git adds of a delta's base; all else was here
        shutil.rmtree(mirror)
        assert mine.file(new, "one.txt") == b"one\n"
    # a force-push behind the mirror's back
    Mirrors(acme.base / "cache").sync(fleet)
    git(bare, "update-ref", "refs/heads/main", old + "^")
    with Bare(url, ("main",), {}, mirror) as mine:
        assert mine.tip("main") == git(bare, "rev-parse", "main")
        assert mine.file("main", "one.txt") is None


@pytest.mark.parametrize("fault", ["hole", "no pack", "no commit", "another object format", "garbage"])
def test_a_mirror_that_is_of_no_use_is_left_aside(acme: World, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    acme.service("acme/orders")
    bare = acme.bare("acme/orders")
    git(bare, "config", "uploadpack.allowFilter", "true")
    new = acme.commit(bare, {"big.bin": "x" * 3000})
    acme.list("acme/orders")
    fleet = listed.read(acme.fleet)
    fleet = fleet.having([fleet.services[0]._replace(url=str(bare))])
    monkeypatch.setattr("aurora.fleet.mirrors.LARGEST", "1k" if fault == "hole" else "16m")
    mirrors = Mirrors(acme.base / "cache")
    mirrors.sync(fleet)
    mirror = mirrors.folder(fleet, fleet.services[0])
    packs = mirror / "objects/pack"
    if fault == "no pack":
        next(packs.glob("*.pack")).unlink()
    elif fault == "no commit":
        (mirror / "refs/fleet/head").unlink()
    elif fault == "another object format":
        (mirror / "refs/fleet/head").write_text("0" * 64 + "\n")
    elif fault == "garbage":
        for one in packs.iterdir():
            one.chmod(0o644)
            one.write_bytes(b"garbage")
    with Bare(str(bare), ("main",), {}, mirror) as mine:
        assert mine.tip("main") == new
        assert mine.file(new, "big.bin") == b"x" * 3000
        with Workplace(mine, "main", new) as place:
            assert (place.work / "big.bin").stat().st_size == 3000


def test_a_plan_and_a_rollout_go_by_the_remote_where_the_mirror_is_old(three: World) -> None:
    without = (three.base / "plan.json").read_bytes()
    words = ("--cache", str(three.base / "cache"))
    assert three.run("sync", *words).status == 0
    first = ("--waves", "1,rest", "--first", "acme/orders")
    three.plan(*first, *words)
    assert (three.base / "plan.json").read_bytes() == without
    three.commit(three.bare("acme/orders"), {"new.txt": "meanwhile\n"})
    assert three.states(*words) == {"acme/orders": "fleet.base-moved"}
    three.plan(*first, *words)
    assert three.states(*words) == {"acme/orders": "open"}
    assert git(three.bare("acme/orders"), "show", f"{BRANCH}:new.txt") == "meanwhile"


def test_a_look_ahead_at_a_branch_is_no_rollout(acme: World, tmp_path: Path) -> None:
    acme.service("acme/orders")
    acme.list("acme/orders")
    git(tmp_path / "templates.git", "update-ref", "refs/heads/about", "refs/heads/main")
    assert acme.run("plan", "--trust", "--to", "about", "--skip-tests").status == 0
    done = acme.rollout()
    assert (done.status, "is a branch of the template" in done.err) == (2, True)


def test_an_update_without_an_end_and_tests_without_an_end(acme: World) -> None:
    acme.service("acme/orders")
    acme.list("acme/orders")
    words = ["plan", "--trust", "--to", "v2.0.0", "--deadline", "1"]
    done = acme.json(*words, "--tests", "sleep 30")
    assert done["plan"]["services"][0]["message"] == "the tests took longer than 1 seconds, and without the update too"
    done = acme.json(*words, "--tests", "grep v1 standard.txt")
    assert done["plan"]["services"][0]["message"] == "the tests exit with 1"
    assert acme.run("plan-schema").out == json.dumps(schema(), indent=2) + "\n"


@pytest.mark.parametrize("synced", [False, True])
def test_a_service_whose_objects_are_named_by_sha256_is_planned_and_rolled_out(acme: World, synced: bool) -> None:
    acme.service("acme/orders")
    bare = acme.bare("acme/orders")
    old = bare.rename(bare.with_suffix(".old"))
    git(old.parent, "init", "--quiet", "--bare", "--object-format=sha256", "--initial-branch=main", str(bare))
    exported = subprocess.run(["git", "-C", str(old), "fast-export", "--all"], capture_output=True, check=True).stdout
    subprocess.run(["git", "-C", str(bare), "fast-import", "--quiet"], input=exported, check=True)
    acme.fleet.write_text(
        f'[fleet]\ntemplate = "{TEMPLATE}"\n[[service]]\nname = "orders"\nurl = "../hosted/acme/orders.git"\n'
    )
    if synced:
        assert acme.run("sync", "--cache", str(acme.base / "cache")).status in (0, 4)
    row = acme.plan(*(["--cache", str(acme.base / "cache")] if synced else []))["orders"]
    assert (row["state"], row["code"], len(row["base"]), len(row["tree"])) == ("ready", "", 64, 64)
    assert acme.states() == {"orders": "pushed"}
    assert git(bare, "show", f"{BRANCH}:standard.txt") == "standard v2.0.0"
    assert acme.states() == {"orders": "pushed"}
