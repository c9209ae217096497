"""The status of a fleet: what the verified ledger of each service says, read without a checkout, and only once."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from jsonschema import Draft202012Validator

import fleet_world
from aurora.cli.main import main
from aurora.fleet import parts
from aurora.fleet import row as rows
from aurora.fleet.kept import Asked, keep, kept
from aurora.fleet.listed import Service
from aurora.fleet.mirrors import Mirrors
from aurora.fleet.releases import sync_template
from aurora.fleet.row import Row
from aurora.fleet.status import status
from cli_support import Scratch, receipts
from collection import ROOT, git
from fleet_world import Desk, tree_of
from terminal import terminal

TODAY = datetime.now(UTC).strftime("%Y-%m-%d")


class At:
    """A clock that stands still."""

    def __init__(self, days: float = 0) -> None:
        self.at = datetime.now(UTC) + timedelta(days=days)

    def now(self) -> datetime:
        return self.at


def look(desk: Desk, *, sync: bool = True, days: float = 0) -> dict[str, Row]:
    """Fetch the fleet, read it in this process, and return its rows by name; each is what the schema says."""
    if sync:
        Mirrors(desk.cache).sync(desk.fleet, deadline=20)
    found = status(desk.fleet, desk.cache, desk.memory, jobs=1, clock=At(days))
    Draft202012Validator(rows.schema()).validate(found.document())
    return {row.name: row for row in found.rows}


def test_a_service_shows_what_its_ledger_proves(desk: Desk, service: Scratch) -> None:
    service.write("renovate.json", "{}")
    service.write("catalog-info.yaml", "kind: Component\n")
    service.commit("more")
    desk.publish("payments", service)
    sync_template(desk.cache, desk.fleet)
    row = look(desk)["payments"]
    assert (row.state, row.verdict, row.code, row.behind) == ("behind", "verified", "", 2)
    (layer,) = row.layers
    assert (layer.layer, layer.version, layer.proven, layer.drifted) == ("fastapi-service", "v1.0.0", True, 0)
    assert layer.standard is not None
    assert (layer.standard.identical, layer.seeded) == (4, parts.Seeded(1, 0, 0))
    assert row.release is not None
    assert (row.release.version, row.release.verdict) == ("0.1.0", "verified")
    assert row.ledger is not None
    assert (row.ledger.size, row.ledger.pending, row.ledger.newest_at[:10]) == (6, 0, TODAY)
    assert row.trust is not None
    assert (row.trust.verdict, row.trust.profile) == ("verified", "development")
    assert {one.what for one in row.trust.endings} >= {"the owner's key", "authority development"}
    assert (row.rating, row.renovate, row.catalog) == (9.2, True, True)
    assert row.committed_at[:10] == row.synced_at[:10] == TODAY
    fleet_world.update(service)
    service.ok("seal")
    service.commit("update")
    desk.publish("payments", service)
    row = look(desk)["payments"]
    assert (row.state, row.layers[0].version, row.layers[0].behind) == ("current", "v2.0.0", 0)
    assert [step.version for step in row.layers[0].history] == ["v1.0.0", "v2.0.0"]
    assert row.layers[0].history[-1].at == row.layers[0].recorded_at


def drifted(service: Scratch) -> None:
    service.write("Dockerfile", "FROM ours\n")
    service.write("README.md", "# Ours\n")
    (service.root / "ops/x.sh").unlink()


def answered(service: Scratch) -> None:
    path = service.root / ".copier-answers.yml"
    path.write_text(path.read_text() + "port: 1\n")


def linked(service: Scratch) -> None:
    (service.root / "ops/x.sh").unlink()
    (service.root / "ops/x.sh").symlink_to("/etc/passwd")
    (service.root / "Dockerfile").unlink()
    (service.root / "Dockerfile").mkdir()
    (service.root / "Dockerfile/file").touch()


def conflicting(service: Scratch) -> None:
    fleet_world.update(service, conflicts=["Makefile", "ops/x.sh"])


def unsealed(service: Scratch) -> None:
    fleet_world.update(service)


def released(service: Scratch) -> None:
    path = receipts(service, "deploy")[0]
    path.write_bytes(path.read_bytes().replace(b"lately", b"for years"))


def unreadable(service: Scratch) -> None:
    path = receipts(service, "deploy")[0]
    path.write_bytes(path.read_bytes().replace(b'"component": "payments"', b'"component": "Payments"'))


def forged(service: Scratch) -> None:
    for path in (service.root / "ops/receipts/ledger/tile/entries").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(b"v1.0.0", b"v9.0.0"))


def unsigned(service: Scratch) -> None:
    for path in (service.root / "ops/trust").glob("policy.toml.*.asc"):
        path.unlink()


def unbegun(service: Scratch) -> None:
    service.git("rm", "-rq", "ops/trust", "ops/receipts")


def unlogged(service: Scratch) -> None:
    service.git("rm", "-rq", "ops/receipts/ledger")


@pytest.mark.parametrize(
    ("change", "state", "codes"),
    [
        (drifted, "drifted", {"drift.changed", "drift.missing"}),
        (answered, "drifted", {"drift.answers"}),
        (linked, "drifted", {"drift.changed"}),
        (conflicting, "conflicting", {"receipt.held"}),
        (unsealed, "failed", {"log.pending"}),
        (released, "failed", {"log.not-included", "log.pending"}),
        (unreadable, "failed", {"receipt.malformed"}),
        (forged, "failed", {"log.tile"}),
        (unsigned, "failed", {"trust.policy-signature", "trust.unpinned"}),
        (unbegun, "unverifiable", {"trust.not-begun"}),
        (unlogged, "failed", {"log.missing"}),
    ],
)
def test_what_is_wrong_is_named(
    desk: Desk, service: Scratch, change: Callable[[Scratch], None], state: str, codes: set[str]
) -> None:
    owner = fleet_world.owner(service)
    change(service)
    service.commit("changed")
    desk.publish("payments", service, trust=owner)
    row = look(desk)["payments"]
    assert (row.state, row.code in codes) == (state, True), row
    if change is drifted:
        (layer,) = row.layers
        assert layer.standard is not None
        assert (layer.standard.changed, layer.standard.missing, layer.drifted) == (1, 1, 2)
        assert layer.seeded == parts.Seeded(1, 1, 0)
    if change is answered:
        assert "says port: 1; the files were made with port: nothing" in row.message
    if change is conflicting:
        assert (row.held, row.conflicts) == (1, ("Makefile", "ops/x.sh"))


def test_trust_never_comes_out_of_the_repository(desk: Desk, service: Scratch) -> None:
    desk.publish("payments", service, trust="")
    desk.publish("stranger", service, trust="0" * 40)
    found = look(desk)
    row = found["payments"]
    assert (row.state, row.code, row.layers[0].version, row.layers[0].proven) == (
        "unverifiable",
        "trust.unpinned",
        "v1.0.0",
        False,
    )
    assert found["stranger"].state == "failed"
    assert found["stranger"].trust is not None
    assert found["stranger"].trust.verdict == "failed"


def test_a_waiver_counts_until_it_ends(desk: Desk, service: Scratch) -> None:
    service.write("Dockerfile", "FROM ours\n")
    until = (datetime.now(UTC) + timedelta(days=5)).strftime("%Y-%m-%d")
    service.ok("record", "waiver", "Dockerfile", "--owner", "us", "--reason", "a GPU", "--expires", until)
    service.commit("a waiver")
    desk.publish("payments", service)
    row = look(desk)["payments"]
    assert (row.code, [(one.path, one.code) for one in row.waivers]) == ("", [("Dockerfile", "")])
    row = look(desk, sync=False, days=7)["payments"]
    assert (row.state, row.code) == ("drifted", "drift.waiver-expired")


def test_what_did_not_change_is_not_read_again(desk: Desk, service: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.publish("payments", service)
    first = look(desk)["payments"]
    read: list[str] = []
    judged = "aurora.fleet.facts._judged"
    monkeypatch.setattr(judged, lambda asked, *rest: read.append(asked.name) or rest[-1])
    assert replace(look(desk)["payments"], synced_at="") == replace(first, synced_at="")
    assert read == []
    (kept,) = (desk.cache / "facts").iterdir()
    for spoiled in (b"", b"[]", b"{}", kept.read_bytes().replace(b'"name"', b'"mane"')):
        kept.write_bytes(spoiled)
        look(desk, sync=False)
        assert read.pop() == "payments"
    look(desk, sync=False, days=2)
    assert read.pop() == "payments"
    service.commit("more")
    desk.publish("payments", service)
    look(desk)
    assert read.pop() == "payments"
    desk.services["payments"] = desk.services["payments"]._replace(trust="1" * 40)
    look(desk, sync=False)
    assert read.pop() == "payments"


def test_what_is_kept_has_the_name_that_the_list_has_now(desk: Desk, service: Scratch) -> None:
    desk.publish("payments", service)
    look(desk)
    desk.services["billing"] = desk.services.pop("payments")._replace(name="billing")
    assert look(desk, sync=False)["billing"].name == "billing"


def test_a_waiver_of_the_year_one_has_ended(tmp_path: Path) -> None:
    asked = Asked("a", "a", "", "", tmp_path / "m", tmp_path / "kept", tmp_path, datetime.now(UTC))
    row = Row("a", "a", waivers=(parts.Waiver("x", "us", "0001-01-01T00:00:00Z"),))
    keep(asked, row, asked.now())
    assert kept(asked, "", asked.now()) == row


@pytest.mark.reason("fleet.not-synced")
def test_what_could_not_be_fetched_shows_what_was_known(desk: Desk, service: Scratch) -> None:
    remote = desk.publish("payments", service)
    assert look(desk, sync=False)["payments"].code == "fleet.not-synced"
    look(desk)
    remote.rename(desk.base / "moved.git")
    row = look(desk)["payments"]
    assert (row.state, row.code) == ("unreachable", "fleet.unreachable")
    assert row.layers[0].version == "v1.0.0"


def test_a_log_that_went_back_is_noticed(desk: Desk, service: Scratch) -> None:
    older = service.git("rev-parse", "HEAD")
    fleet_world.update(service)
    service.ok("seal")
    service.commit("update")
    desk.publish("payments", service)
    assert look(desk)["payments"].verdict == "verified"
    service.git("reset", "--quiet", "--hard", older)
    desk.publish("payments", service)
    row = look(desk)["payments"]
    assert (row.state, row.code) == ("failed", "log.rollback")


def hostile(service: Scratch, what: str) -> None:
    """Let HEAD be a commit that somebody made by hand."""
    folder, store = service.root, service.root / "ops/receipts"
    blob = git(folder, "hash-object", "-w", "README.md")
    kept = [line.split(None, 3) for line in git(folder, "ls-tree", "HEAD").splitlines()]
    entries = [(mode.lstrip("0"), name, oid) for mode, _, oid, name in kept]
    made = ""
    if what == "names":
        inner = tree_of(folder, [("100644", "..", blob), ("100644", "a", blob)])
        made = tree_of(folder, [*[one for one in entries if one[1] != "ops"], ("40000", "ops", inner)])
    elif what == "twice":
        made = tree_of(folder, [*entries, entries[0]])
    elif what == "deep":
        made = blob
        mode = "100644"
        for _ in range(90):
            made, mode = tree_of(folder, [(mode, "d", made)]), "40000"
        for name in ("receipts", "ops"):
            made = tree_of(folder, [("40000", name, made)])
    elif what == "bomb":
        made, mode = blob, "100644"
        for _ in range(12):
            made = tree_of(folder, [(mode, f"d{number:02}", made) for number in range(20)])
            mode = "40000"
        for name in ("receipts", "ops"):
            made = tree_of(folder, [("40000", name, made)])
    if made:
        git(folder, "update-ref", "HEAD", git(folder, "commit-tree", made, "-p", "HEAD", "-m", "x"))
        return
    if what == "linked":
        store.rename(folder / "aside")
        store.symlink_to("/etc")
    elif what == "receipt":
        service.write("ops/receipts/spawn/\x1b[31mx.receipt", b"\xff" * 100)
        service.write("ops/receipts/deploy/x.receipt", b"[" * 100_000)
    elif what == "policy":
        service.write("ops/trust/policy.toml", "x = " + "[" * 100_000)
    elif what == "waivers":
        service.write("ops/trust/waivers.toml", b"\xff\0[[")
    elif what == "answers":
        service.write(".copier-answers.yml", b"_commit: \x1b]0;x\x07\n_src_path: a\xffb\nlayer: fastapi-service\n")
    elif what == "huge":
        service.write("README.md", b"x" * (3 << 20))
        service.write("Makefile", b"\0" * (18 << 20))
    elif what == "checkpoint":
        path = store / "ledger/checkpoint"
        lines = path.read_text().split("\n")
        path.write_text("\n".join([lines[0], "9" * 18, *lines[2:]]))
    service.commit("hostile")


@pytest.mark.reason("fleet.tree", "fleet.oversized")
@pytest.mark.parametrize(
    ("what", "codes"),
    [
        ("names", {"fleet.tree"}),
        ("twice", {"fleet.tree"}),
        ("deep", {"fleet.oversized"}),
        ("bomb", {"fleet.oversized"}),
        ("linked", {"trust.policy-signature", "log.missing", "input.file"}),
        ("receipt", {"receipt.size"}),
        ("policy", {"trust.malformed-policy", "policy.malformed", "trust.policy-signature"}),
        ("waivers", {"input.waivers"}),
        ("answers", {"drift.unrecorded", "drift.changed", "drift.answers"}),
        ("huge", {"drift.changed"}),
        ("checkpoint", {"log.checkpoint"}),
    ],
)
def test_a_hostile_repository_is_a_row(desk: Desk, service: Scratch, what: str, codes: set[str]) -> None:
    owner = fleet_world.owner(service)
    hostile(service, what)
    desk.publish("payments", service, trust=owner)
    row = look(desk)["payments"]
    assert row.code in codes, row
    assert all(text.isprintable() for text in (row.message, row.code, *(one.version for one in row.layers)))


def test_what_was_left_out_for_its_size_is_named(desk: Desk, service: Scratch) -> None:
    service.write("Makefile", os.urandom(17 << 20))
    service.commit("large")
    remote = desk.publish("payments", service)
    git(remote, "config", "uploadpack.allowFilter", "true")
    row = look(desk)["payments"]
    assert (row.state, row.code) == ("unverifiable", "fleet.oversized")
    folder = Mirrors(desk.cache).folder(desk.fleet, desk.services["payments"])
    assert sum(path.stat().st_size for path in folder.rglob("*.pack")) < 1 << 20


def test_the_table_is_for_people_and_the_document_for_programs(
    desk: Desk, service: Scratch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.publish("payments", service)
    desk.services["gone"] = Service("gone", str(desk.base / "gone"))
    words = [*desk.options, "--memory", str(desk.memory)]
    assert main(["fleet", "sync", *words[:4]]) == 4
    capsys.readouterr()
    assert main(["fleet", "status", *words]) == 4
    shown = capsys.readouterr()
    head, first, second, last = shown.out.splitlines()
    assert head.split()[:3] == ["service", "state", "standard"]
    assert first.split()[:2] == ["gone", "unreachable"]
    assert first.endswith("[fleet.unreachable]")
    assert "v1.0.0 (2 behind)" in second
    assert last == "2 services: 1 unreachable, 1 behind"
    assert shown.err == ""
    assert main(["fleet", "status", *words, "--format", "json", "--shard", "0/1"]) == 4
    found = rows.parse(capsys.readouterr().out.encode())
    assert [row.name for row in found.rows] == ["gone", "payments"]
    assert found.template is not None
    json.dumps(found.document())


def test_a_terminal_shows_progress_and_colours(desk: Desk, service: Scratch) -> None:
    desk.publish("payments", service)
    desk.services["a-service-with-a-long-name"] = Service("a-service-with-a-long-name", str(desk.base / "gone"))
    words = [*desk.options, "--memory", str(desk.memory)]
    program = [sys.executable, "-m", "aurora"]
    paths = os.pathsep.join(str(ROOT / f"plugins/{name}/src") for name in ("aurora", "remembrancer"))
    shown = terminal(service, "fleet", "sync", *words[:4], width=100, program=program, PYTHONPATH=paths)
    assert "fetching" in shown
    for more, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        shown = terminal(service, "fleet", "status", *words, width=130, program=program, PYTHONPATH=paths, **more)
        assert "reading" in shown
        assert ("\x1b[31munreachable" in shown) == coloured
        assert max(len(click.unstyle(line)) for line in shown.split("\r")[-1].splitlines()[-4:]) <= 130
