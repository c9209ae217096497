"""docs/fleet.md: a platform engineer lists two services and does what the page says, in its order, word for word."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import fleet_world
from aurora.fleet import audited, listed, row
from cli_support import GIT_IDENTITY, Scratch
from collection import ROOT
from fleet_world import Desk

TEXT = (ROOT / "docs/fleet.md").read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in TEXT.split("\n## ")[1:]}
PLACES = os.pathsep.join(str(ROOT / f"plugins/{name}/src") for name in ("aurora", "remembrancer"))


def blocks(heading: str, kind: str = "sh") -> list[str]:
    found = re.findall(rf"(?ms)^```{kind}\n(.*?)^```$", SECTIONS[heading])
    assert found, heading
    return found


@pytest.fixture
def service() -> Iterator[Scratch]:
    scratch = fleet_world.generated()
    yield scratch
    scratch.remove()
    fleet_world.forget()


def run(folder: Path, script: str, status: int = 0) -> str:
    program = folder / "bin/aurora"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m aurora "$@"\n')
    program.chmod(0o755)
    env = {**os.environ, **GIT_IDENTITY, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    env |= {"PYTHONPATH": PLACES, "HOME": str(folder), "XDG_CACHE_HOME": "", "XDG_STATE_HOME": ""}
    done = subprocess.run(
        ["sh", "-euc", script], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def test_a_platform_engineer_follows_the_page(tmp_path: Path, service: Scratch) -> None:
    (example,) = blocks("List the services", "toml")
    fleet = listed.parse(example.encode())
    assert [one.name for one in fleet.services] == ["orders", "payments"]
    head = listed.format_fleet(fleet).decode().partition("[fleet]")[0].count("\n")
    assert listed.format_fleet(fleet).decode().split("\n", head)[-1] == example
    desk = Desk(tmp_path)
    desk.publish("orders", service)
    desk.publish("payments", service)
    assert desk.options
    sync_and_look, document = blocks("Fetch, and look")
    shown = run(tmp_path, sync_and_look)
    assert "2 services: 2 changed, 0 not fetched" in shown
    assert "2 services: 2 behind" in shown
    run(tmp_path, document)
    assert len(row.parse((tmp_path / "status.json").read_bytes()).rows) == 2
    assert json.loads((tmp_path / "fleet-status.schema.json").read_text()) == row.schema()
    run(tmp_path, blocks("Show it")[0])
    assert "orders" in (tmp_path / "site/index.html").read_text(encoding="utf-8")
    assert [*yaml.safe_load_all((tmp_path / "fleet-entities.yaml").read_text(encoding="utf-8"))]
    with closing(sqlite3.connect(tmp_path / "fleet.db")) as database:
        drifted, endings = (database.execute(one).fetchall() for one in blocks("Show it", "sql")[0].splitlines())
    assert (drifted, endings) == ([], [])
    audit, with_results = blocks("Verify all of it")
    assert "2 services: 2 verified" in run(tmp_path, audit)
    run(tmp_path, with_results)
    assert json.loads((tmp_path / "fleet-audit.schema.json").read_text()) == audited.schema()
    one = audited.parse((tmp_path / "audit.json").read_bytes())
    assert one == audited.parse((tmp_path / "audited/audit-0.json").read_bytes())
    assert (tmp_path / ".local/state/aurora/fleet/shop/checkpoints").is_dir()
    run(tmp_path, blocks("Several machines")[0])
    run(tmp_path, blocks("Several machines")[1])
    joined_audit = audited.parse((tmp_path / "joined/audit-0.json").read_bytes())
    assert replace(joined_audit, at=one.at, shares=()) == one, "what one run gives"
    shares = [row.parse((tmp_path / f"shares/status-{number}.json").read_bytes()).rows for number in (0, 1)]
    assert sorted(one.name for share in shares for one in share) == ["orders", "payments"]
    joined, whole = (
        json.loads(run(tmp_path, f"aurora fleet {words} --format json"))
        for words in ("merge shares --fleet fleet.toml", "status")
    )
    assert [one["shard"] for one in joined["shares"]] == ["0/2", "1/2"]
    assert {**joined, "at": whole["at"], "shares": []} == whole, "what one run gives"
    (tmp_path / "fleet.toml").write_text(example, encoding="utf-8")
    (tmp_path / "bin/kubectl").write_text("#!/bin/sh\ncat\n", encoding="utf-8")
    (tmp_path / "bin/kubectl").chmod(0o755)
    for block, place in zip(blocks("Several machines")[2:4], ("/results", "s3://our-bucket/fleet"), strict=True):
        made = {one["kind"]: one for one in yaml.safe_load_all(run(tmp_path, f"DIGEST={'0' * 64}\n{block}"))}
        assert list(made) == ["ConfigMap", "NetworkPolicy", "Job"]
        assert f"{place}/$(RUN)" in str(made["Job"])


def test_the_states_are_those_of_the_program() -> None:
    table = SECTIONS["Fetch, and look"]
    assert tuple(re.findall(r"`(\w+)`", "".join(re.findall(r"(?m)^\| (`.*?) \|", table)))) == row.STATES
