"""Every service audited under its pinned owner: a forged one is named, and what went back since an earlier run."""

import json
import subprocess
from collections.abc import Callable

import pytest

import fleet_world
from aurora.cli.main import main
from aurora.evidence import judge, parse
from aurora.fleet.audit import audit
from aurora.fleet.audited import Audited, exit_code
from aurora.fleet.listed import Service
from aurora.fleet.mirrors import Mirrors
from aurora.fleet.status import status
from cli_support import Scratch, receipts
from fleet_world import Desk
from remembrancer.tlog import VerifierKey


def look(desk: Desk, *, sync: bool = True) -> dict[str, Audited]:
    if sync:
        Mirrors(desk.cache).sync(desk.fleet, deadline=20)
    return {one.name: one for one in audit(desk.fleet, desk.cache, desk.memory, jobs=1).rows}


def test_a_sound_service_is_verified_as_its_clone_is(desk: Desk, service: Scratch) -> None:
    desk.publish("payments", service)
    found = look(desk)["payments"]
    assert (found.verdict, found.code, found.size, found.problems) == ("verified", "", 6, ())
    said = service.json("verify-audit").report["data"]
    assert (found.size, found.root) == (said["size"], said["root"])
    service.write(".gitignore", "")
    service.commit("its artifact is committed")
    desk.publish("payments", service)
    assert look(desk)["payments"].verdict == "verified"
    service.write("dist/my-svc-0.1.0.tar.gz", "another artifact")
    service.commit("the artifact was changed")
    desk.publish("payments", service)
    assert look(desk)["payments"].verdict in ("verified", "failed")
    assert look(desk)["payments"].verdict == ("failed", "verified")[service.run("verify-audit").status == 0]


def test_git_is_started_five_times_for_a_service(desk: Desk, service: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for the objects that are read, four times for the history; what `as_cloned` wrote Git is not asked about."""
    desk.publish("payments", service)
    look(desk)
    started = []

    class Counted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, words: list[str], **more: object) -> None:
            started.append(words)
            super().__init__(words, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", Counted)
    assert look(desk, sync=False)["payments"].verdict == "verified"
    asked = [next(word for word in words if word in ("cat-file", "rev-list", "diff-tree")) for words in started]
    assert sorted(asked) == ["cat-file"] * 3 + ["diff-tree", "rev-list"]


def edited(service: Scratch) -> None:
    path = receipts(service, "deploy")[0]
    path.write_bytes(path.read_bytes().replace(b"release", b"nowhere") + b"\n")


def replaced(service: Scratch) -> None:
    for path in (service.root / "ops/receipts/ledger/tile/entries").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"v1.0.0", b"v9.0.0"))


def unblobbed(service: Scratch) -> None:
    next((service.root / "ops/receipts/blobs").iterdir()).write_bytes(b"another")


def unsigned(service: Scratch) -> None:
    for path in (service.root / "ops/trust").glob("policy.toml.*.asc"):
        path.unlink()


def branched(service: Scratch) -> None:
    path = service.root / "ops/trust/policy.toml"
    text = path.read_text()
    path.write_text("seal-branch = 'a..b'\n" + text)


def linked(service: Scratch) -> None:
    path = receipts(service, "deploy")[0]
    path.unlink()
    path.symlink_to("/etc/passwd")


def endless(service: Scratch) -> None:
    path = service.root / "ops/receipts/ledger/checkpoint"
    lines = path.read_text().split("\n")
    path.write_text("\n".join([lines[0], "9" * 18, *lines[2:]]))


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (edited, {"receipt.edited"}),
        (replaced, {"receipt.missing"}),
        (unblobbed, {"blob.mismatch"}),
        (unsigned, {"trust.policy-signature", "trust.no-policy"}),
        (branched, {"fleet.tree", "trust.policy-signature"}),
        (linked, {"input.file"}),
        (endless, {"fleet.oversized"}),
    ],
)
def test_a_forged_one_is_named_with_its_code(
    desk: Desk, service: Scratch, change: Callable[[Scratch], None], codes: set[str]
) -> None:
    owner = fleet_world.owner(service)
    change(service)
    service.commit("forged")
    desk.publish("payments", service, trust=owner)
    found = look(desk)["payments"]
    assert (found.verdict, found.code in codes) == ("failed", True), (found.code, found.message)
    assert exit_code([found]) == 1


def test_a_rollback_and_a_fork_between_two_runs_are_noticed(
    desk: Desk, service: Scratch, capsys: pytest.CaptureFixture[str]
) -> None:
    branches = [service.copy(), service.copy()]
    for number, one in enumerate(branches):
        words = ["--component", "payments", "--to", "0.1.0", "--environment", f"e{number}", "--reason", "x"]
        one.ok("record", "rollback", *words)
        one.commit("rolled back")
    desk.publish("payments", branches[0])
    assert look(desk)["payments"].verdict == "verified"
    desk.publish("payments", service)
    assert look(desk)["payments"].code == "log.rollback"
    desk.publish("payments", branches[1])
    found = look(desk)["payments"]
    assert found.code == "log.split-view"
    assert main(["fleet", "forget", found.origin, *desk.options, "--memory", str(desk.memory)]) == 0
    assert "size 7 is no longer noticed" in capsys.readouterr().out
    assert look(desk)["payments"].verdict == "verified"
    assert main(["fleet", "forget", "nothing", *desk.options, "--memory", str(desk.memory)]) == 0
    assert "nothing of nothing was remembered" in capsys.readouterr().out
    for one in branches:
        one.remove()
    (kept,) = (desk.memory / "evidence").iterdir()
    assert str(kept) in found.message
    policy = (service.root / "ops/trust/policy.toml").read_text()
    key = next(line.split('"')[1] for line in policy.splitlines() if line.startswith("key = ") and "+" in line)
    assert judge(parse(kept.read_bytes()), [VerifierKey.parse(key)]).origin == found.origin


def test_what_an_audit_has_seen_counts_in_a_status(desk: Desk, service: Scratch) -> None:
    longer = service.copy()
    longer.ok(
        "record", "rollback", *["--component", "payments", "--to", "0.1.0", "--environment", "e", "--reason", "x"]
    )
    longer.commit("rolled back")
    desk.publish("payments", service)
    Mirrors(desk.cache).sync(desk.fleet, deadline=20)
    (row,) = status(desk.fleet, desk.cache, desk.memory, jobs=1).rows
    assert row.verdict == "verified"
    desk.publish("payments", longer)
    assert look(desk)["payments"].verdict == "verified"
    desk.publish("payments", service)
    Mirrors(desk.cache).sync(desk.fleet, deadline=20)
    (row,) = status(desk.fleet, desk.cache, desk.memory, jobs=1).rows
    assert (row.verdict, row.code) == ("failed", "log.rollback")


def test_the_command_exits_with_the_worst(desk: Desk, service: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    desk.publish("payments", service)
    words = ["fleet", "audit", *desk.options, "--memory", str(desk.memory)]
    assert main(words) == 4
    assert "[fleet.not-synced]" in capsys.readouterr().out
    Mirrors(desk.cache).sync(desk.fleet)
    assert main([*words, "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["memory"], said["services"][0]["verdict"]) == (str(desk.memory), "verified")
    desk.publish("nobody", service, trust="")
    desk.services["gone"] = Service("gone", str(desk.base / "gone"))
    Mirrors(desk.cache).sync(desk.fleet)
    assert desk.options
    assert main(words) == 4
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:4]] == [
        ["gone", "unreachable"],
        ["nobody", "unverifiable"],
        ["payments", "verified"],
    ]
    assert lines[2].endswith("[trust.unpinned]")
    assert lines[-1] == "3 services: 1 unreachable, 1 unverifiable, 1 verified"
    del desk.services["gone"]
    assert desk.options
    assert main(words) == 3


def test_another_default_branch_excuses_no_older_ledger(desk: Desk, service: Scratch) -> None:
    longer = service.copy()
    words = ["--component", "payments", "--to", "0.1.0", "--environment", "e", "--reason", "x"]
    longer.ok("record", "rollback", *words)
    longer.commit("rolled back")
    desk.publish("payments", longer)
    assert look(desk)["payments"].verdict == "verified"
    service.git("branch", "-m", "somewhere-else")
    desk.publish("payments", service)
    assert look(desk)["payments"].code == "log.rollback"
    longer.remove()
