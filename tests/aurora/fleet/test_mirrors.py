"""Mirrors are fetched in parallel, each with a deadline; what cannot be fetched is a row, and a kill loses nothing."""

import fcntl
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import fleet_world
from aurora.cli.main import main
from aurora.fleet.listed import Service
from aurora.fleet.mirrors import Mirrors, Synced
from aurora.fleet.releases import releases, sync_template
from aurora.fleet.status import status
from cli_support import Scratch
from collection import ROOT, commit_all, git
from fleet_world import Desk
from remembrancer.errors import RemembrancerError


def sync(desk: Desk, **more: float) -> dict[str, Synced]:
    return {one.name: one for one in Mirrors(desk.cache).sync(desk.fleet, **more)}  # type: ignore[arg-type]


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield f"git://127.0.0.1:{server.getsockname()[1]}/silent.git"
        server.shutdown(socket.SHUT_RDWR)
        for one in taken:
            one.close()


@pytest.mark.reason("fleet.unreachable", "fleet.no-branch", "fleet.endless")
def test_one_that_cannot_be_fetched_keeps_nobody_else(desk: Desk, service: Scratch, silent: str) -> None:
    desk.publish("payments", service)
    desk.publish("other", service, branch="none")
    git(desk.base, "init", "--quiet", "--bare", "empty.git")
    for name, url in (("empty", str(desk.base / "empty.git")), ("gone", str(desk.base / "gone")), ("silent", silent)):
        desk.services[name] = Service(name, url)
    seen: list[Synced] = []
    done = {one.name: one for one in Mirrors(desk.cache).sync(desk.fleet, deadline=2, watched=seen.append)}
    assert {name: one.known.code for name, one in done.items()} == {
        "payments": "",
        "other": "fleet.no-branch",
        "empty": "fleet.no-branch",
        "gone": "fleet.unreachable",
        "silent": "fleet.endless",
    }
    assert len(seen) == len(done)
    assert done["payments"].known.commit == service.git("rev-parse", "HEAD")
    assert "does not appear to be a git repository" in done["gone"].known.message
    assert not Mirrors(desk.cache)._running


def test_what_is_new_is_fetched_and_what_was_taken_back_goes(desk: Desk, service: Scratch) -> None:
    first = service.git("rev-parse", "HEAD")
    service.commit("more")
    remote = desk.publish("payments", service)
    assert sync(desk)["payments"].before == ""
    again = sync(desk)["payments"]
    assert again.before == again.known.commit != first
    git(remote, "update-ref", "HEAD", first)
    assert sync(desk)["payments"].known.commit == first
    git(remote, "config", "core.repositoryformatversion", "9")
    bad = sync(desk)["payments"]
    assert (bad.known.code, bad.known.commit, bad.known.at) == ("fleet.unreachable", first, again.known.at)


def test_what_sends_more_than_is_taken_keeps_the_mirror_as_it_was(
    desk: Desk, service: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.publish("payments", service)
    first = sync(desk)["payments"].known.commit
    (service.root / "large").write_bytes(random.Random(1).randbytes(3 << 20))
    service.commit("large")
    desk.publish("payments", service)
    monkeypatch.setenv("AURORA_FETCH_LIMIT", "1")
    bad = sync(desk)["payments"].known
    assert (bad.code, bad.commit) == ("fleet.endless", first)
    assert bad.message == "the repository sent more than 1 MiB at once, or more memory than that is worth"
    folder = Mirrors(desk.cache).folder(desk.fleet, desk.services["payments"])
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 1 << 20
    assert not list(folder.rglob("tmp_*"))
    monkeypatch.delenv("AURORA_FETCH_LIMIT")
    assert sync(desk)["payments"].known.commit == service.git("rev-parse", "HEAD")


def test_no_program_of_a_repository_runs(desk: Desk, service: Scratch) -> None:
    service.write(".gitattributes", "* filter=evil\n")
    service.commit("filters")
    remote = desk.publish("payments", service)
    for name in ("post-checkout", "reference-transaction", "post-merge"):
        hook = remote / "hooks" / name
        hook.write_text(f"#!/bin/sh\necho ran >> {desk.base}/ran\n")
        hook.chmod(0o755)
    assert not sync(desk)["payments"].known.code
    assert not (desk.base / "ran").exists()
    folder = Mirrors(desk.cache).folder(desk.fleet, desk.services["payments"])
    assert not (folder / "hooks").exists()
    assert git(folder, "rev-parse", "--is-bare-repository") == "true"
    assert {path.name for path in desk.cache.iterdir()} == {"mirrors"}


def test_a_repository_may_name_its_objects_by_sha256(desk: Desk) -> None:
    git(desk.base, "init", "--quiet", "--object-format=sha256", "new")
    (desk.base / "new/.copier-answers.yml").write_text(fleet_world.ANSWERS.replace("{version}", "v1.0.0"))
    head = commit_all(desk.base / "new", "begin")
    desk.services["new"] = Service("new", str(desk.base / "new"))
    for _ in range(2):
        assert sync(desk)["new"].known[:1] == (head,)
    (row,) = status(desk.fleet, desk.cache, desk.memory, jobs=1).rows
    assert (row.read_commit, row.layers[0].version, row.code) == (head, "v1.0.0", "trust.unpinned")


def test_many_fetches_are_packed_into_one(desk: Desk, service: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurora.fleet.mirrors._PACKS", 2)
    for number in range(4):
        service.write("file", str(number))
        service.commit("more")
        remote = desk.publish("payments", service)
        assert not sync(desk)["payments"].known.code
    folder = Mirrors(desk.cache).folder(desk.fleet, desk.services["payments"])
    assert len(list((folder / "objects/pack").glob("*.pack"))) <= 2
    assert git(folder, "rev-list", "--count", "refs/fleet/head") == git(remote, "rev-list", "--count", "HEAD")


def test_a_killed_run_is_gone_on_with(desk: Desk, service: Scratch) -> None:
    """At many instants: whatever is killed, the next run has everything, and never an earlier one's rest in its way."""
    remote = desk.publish("payments", service)
    words = [sys.executable, "-m", "aurora", "fleet", "sync", *desk.options]
    paths = [str(ROOT / f"plugins/{name}/src") for name in ("aurora", "remembrancer")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    folder = Mirrors(desk.cache).folder(desk.fleet, desk.services["payments"])
    for number in range(4):
        service.write("file", str(number))
        service.commit("more")
        git(service.root, "push", "--quiet", str(remote), "HEAD")
        process = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(0.15 + 0.1 * number)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
    sync(desk)
    for left in ("config.lock", "refs/fleet/head.lock", "objects/pack/tmp_pack_x"):
        (folder / left).write_bytes(b"of a run that was killed")
    service.commit("last")
    git(service.root, "push", "--quiet", str(remote), "HEAD")
    assert sync(desk)["payments"].known.commit == service.git("rev-parse", "HEAD")
    assert not list(folder.rglob("tmp_*"))
    git(folder, "fsck", "--connectivity-only", "refs/fleet/head")


def test_an_interruption_ends_at_once(desk: Desk, service: Scratch, silent: str) -> None:
    desk.publish("payments", service)
    desk.services["silent"] = Service("silent", silent)
    words = [sys.executable, "-m", "aurora", "fleet", "sync", *desk.options]
    paths = [str(ROOT / f"plugins/{name}/src") for name in ("aurora", "remembrancer")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    process = subprocess.Popen(words, env=env, stderr=subprocess.PIPE, start_new_session=True)
    folder = Mirrors(desk.cache).folder(desk.fleet, desk.services["silent"])
    for _ in range(600):
        if (folder / "HEAD").exists():
            break
        threading.Event().wait(0.05)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=20)[1].decode()
    assert (process.returncode, said.strip()) == (130, "aurora: interrupted")


def test_another_run_is_waited_for_until_the_deadline(desk: Desk, service: Scratch) -> None:
    desk.publish("payments", service)
    sync(desk)
    folder = Mirrors(desk.cache).folder(desk.fleet, desk.services["payments"])
    with folder.with_suffix(".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = sync(desk, deadline=0.2)["payments"].known
    assert done.code == "env.lock"
    assert done.commit


def test_the_template_says_which_releases_there_are(desk: Desk) -> None:
    assert releases(desk.cache, desk.fleet) is None
    done = sync_template(desk.cache, desk.fleet)
    assert done is not None
    assert done.versions == ("v1.0.0", "v1.10.0", "v2.0.0")
    assert releases(desk.cache, desk.fleet) == done
    assert sync_template(desk.cache, desk.fleet._replace(template="")) is None
    with pytest.raises(RemembrancerError, match="Git failed"):
        sync_template(desk.cache, desk.fleet._replace(template=str(desk.base / "none")))


def test_the_command_says_what_it_did(desk: Desk, service: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    desk.publish("payments", service)
    desk.services["gone"] = Service("gone", str(desk.base / "gone"))
    assert main(["fleet", "sync", *desk.options]) == 4
    shown = capsys.readouterr()
    assert "gone: fatal" in shown.out
    assert shown.out.splitlines()[-1] == "2 services: 1 changed, 1 not fetched"
    assert shown.err == ""
    assert main(["fleet", "sync", *desk.options, "--format", "json"]) == 4
    said = json.loads(capsys.readouterr().out)
    assert (said["exitCode"], said["template"]["versions"][-1]) == (4, "v2.0.0")
    assert [one["code"] for one in said["services"]] == ["fleet.unreachable", ""]
    del desk.services["gone"]
    desk.template.rename(desk.base / "moved.git")
    assert main(["fleet", "sync", *desk.options]) == 4
    assert "the template: Git failed" in capsys.readouterr().out
    assert main(["fleet", "sync", *desk.options, "--format", "json"]) == 4
    said = json.loads(capsys.readouterr().out)["template"]
    assert (said["code"], said["versions"][-1]) == ("fleet.unreachable", "v2.0.0")
    (desk.base / "file").write_text("")
    assert main(["fleet", "sync", *desk.options[:2], "--cache", str(desk.base / "file")]) in (2, 4)


def test_the_cache_is_where_the_platform_says(tmp_path: Path) -> None:
    from aurora.fleet.listed import Fleet
    from aurora.fleet.places import cache_folder, memory_folder

    given = {"XDG_CACHE_HOME": str(tmp_path / "c"), "XDG_STATE_HOME": str(tmp_path / "s")}
    assert cache_folder(given) == tmp_path / "c/aurora/fleet"
    assert memory_folder(Fleet("shop"), given) == tmp_path / "s/aurora/fleet/shop"
    assert cache_folder({"XDG_CACHE_HOME": "relative"}) == Path.home() / ".cache/aurora/fleet"
