"""A thousand services: exactly those are named that are not as they should be, in bounded time and memory."""

import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fleet_scale
import update_history
from aurora.fleet import listed, template
from aurora.fleet.forges.known import Forges
from aurora.fleet.listed import Fleet
from aurora.fleet.mirrors import Mirrors
from aurora.fleet.plan import make
from aurora.fleet.update import How
from cli_support import GIT_IDENTITY
from collection import ROOT
from fleet_scale import UNLIKE, Used, used
from rollout_world import COPIER, TEMPLATE

pytestmark = pytest.mark.system

COUNT = 1000
PLANNED = 20
EVERY = 4  # of the sound services, which are of three generations, the audit reads this one
CORES = 2
STATE = {"forged": "failed", "endless": "unreachable"}


@pytest.fixture(scope="module")
def silent() -> Iterator[str]:
    """The address of a server that takes every connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"git://127.0.0.1:{server.getsockname()[1]}/x"


@pytest.fixture(scope="module")
def thousand(tmp_path_factory: pytest.TempPathFactory, silent: str) -> tuple[Fleet, dict[str, str]]:
    """The list of a thousand services, and of each what it is."""
    folder = tmp_path_factory.mktemp("thousand")
    return fleet_scale.remotes(folder, *fleet_scale.generations(folder), COUNT, silent)


def test_a_thousand_services_and_exactly_the_bad_ones_are_named(
    tmp_path: Path, thousand: tuple[Fleet, dict[str, str]]
) -> None:
    fleet, what = thousand
    assert sum(kind != "sound" for kind in what.values()) == sum(UNLIKE.values())
    listed.write(tmp_path / "fleet.toml", fleet)
    environment = {**os.environ, **GIT_IDENTITY, "HOME": str(tmp_path), "XDG_STATE_HOME": "", "XDG_CACHE_HOME": ""}
    plugins = (str(ROOT / f"plugins/{name}/src") for name in ("aurora", "remembrancer"))
    environment["PYTHONPATH"] = os.pathsep.join(plugins)

    def aurora(command: str, *more: str) -> Used:
        words = [sys.executable, "-m", "aurora", "fleet", command, "--fleet", str(tmp_path / "fleet.toml"), *more]
        done = used([*words, "--format", "json"], environment)
        print(f"{command}: {done.seconds:.1f} s of processor time, {done.largest >> 20} MiB, exits with {done.status}")
        return done

    sync = aurora("sync", "--deadline", "20")
    status = aurora("status", "--jobs", str(CORES))
    expected = {name: STATE.get(kind, kind) for name, kind in what.items() if kind != "sound"}
    rows = {row["name"]: row for row in json.loads(status.said)["services"]}
    assert len(rows) == COUNT
    assert {name: row["state"] for name, row in rows.items() if row["state"] not in ("current", "behind")} == expected
    assert status.status == 1
    codes = {rows[name]["code"] for name, kind in what.items() if kind == "endless"}
    assert codes == {"fleet.endless"}
    assert {row["layers"][0]["behind"] for row in rows.values() if row["state"] == "behind"} == {1, 2}
    again = aurora("sync", "--deadline", "20"), aurora("status", "--jobs", str(CORES))
    assert json.loads(again[1].said)["services"] == [
        {**row, "syncedAt": new["syncedAt"]}
        for row, new in zip(rows.values(), json.loads(again[1].said)["services"], strict=True)
    ]
    sound = [one for one in fleet.services if what[one.name] == "sound"]
    unlike = [one for one in fleet.services if what[one.name] != "sound"]
    listed.write(tmp_path / "fleet.toml", fleet.having([*sound[::EVERY], *unlike]))
    audit = aurora("audit", "--jobs", str(CORES))
    verdicts = {one["name"]: one["verdict"] for one in json.loads(audit.said)["services"]}
    bad = {name for name, kind in what.items() if kind in ("forged", "unreachable", "endless", "conflicting")}
    assert len(verdicts) == len(sound[::EVERY]) + sum(UNLIKE.values())
    assert {name for name, verdict in verdicts.items() if verdict != "verified"} == bad
    assert all(verdicts[name] == "failed" for name, kind in what.items() if kind == "forged")
    # processor time, since it does not depend on what else the machine does; an idle one divides it by its cores
    assert (sync.seconds + status.seconds) / CORES <= 60
    assert sum(one.seconds for one in again) / CORES <= 15
    assert status.largest * (CORES + 1) <= 500 << 20


def test_a_plan_of_many_is_the_same_with_mirrors_and_without(
    tmp_path: Path, thousand: tuple[Fleet, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet, what = thousand
    fleet = fleet.having([one for one in fleet.services if what[one.name] == "sound"][:PLANNED])
    program = tmp_path / "copier"
    program.write_text(COPIER)
    program.chmod(0o755)
    monkeypatch.setattr("aurora.fleet.update.copier", lambda: str(program))
    (tmp_path / ".gitconfig").write_text('[safe]\n\tdirectory = "*"\n')
    for name, value in {
        **GIT_IDENTITY,
        "HOME": str(tmp_path),
        "GIT_CONFIG_GLOBAL": str(tmp_path / ".gitconfig"),
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "template").mkdir()
    newest = template.fetch(fleet.template, update_history.NEWEST, tmp_path / "template", (TEMPLATE,))
    cache = tmp_path / "cache"
    Mirrors(cache).sync(fleet)
    plans = []
    for mirrors in (None, cache):
        before = os.times()
        plans.append(make(fleet, newest, "1,10%,rest", How(()), forges=Forges(), cache=mirrors, jobs=CORES))
        seconds = sum(os.times()[:4]) - sum(before[:4])
        print(f"plan: {seconds / PLANNED:.2f} s of processor time for each of {PLANNED}")
        assert seconds / PLANNED <= 2
    assert plans[0].format() == plans[1].format()
    assert {one.state for one in plans[0].services} == {"ready", "current"}
    assert plans[0].last == 3
