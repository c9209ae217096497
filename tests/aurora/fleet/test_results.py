"""The shares of an audit, left in a folder and joined: what one audit leaves, to the byte, with its evidence."""

import doctest
import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from aurora.cli.main import main
from aurora.fleet import audited, listed, results
from aurora.fleet.audit import audit
from aurora.fleet.audited import Audit, Audited, Problem
from aurora.fleet.listed import Fleet, Service
from aurora.fleet.mirrors import Mirrors
from aurora.fleet.results import leave, take
from aurora.fleet.row import Row, Status
from aurora.fleet.shard import Joined, Shard
from cli_support import Scratch
from fleet_rows import at
from fleet_world import Desk
from remembrancer.errors import BadInput, RemembrancerError

FORK = json.dumps({"origin": "log.example/b", "checkpoints": ["one", "two"]}).encode()
DIGEST = sha256(FORK).hexdigest()
ROWS = (
    Audited("a", "https://h.example/a", "verified", commit="a" * 40, origin="log.example/a", size=3, root="b" * 64),
    Audited(
        *("b", "https://h.example/b", "failed", "log.split-view", "two logs", "c" * 40, "log.example/b", 3, ""),
        *((Problem("memory", "log.split-view", "log.example/b", "two logs"),), ("a partial clone",), (DIGEST,)),
    ),
    Audited("c", "https://h.example/c", "unverifiable", "trust.unpinned", "nobody has pinned its owner"),
    Audited("d", "https://h.example/d", "unreachable", "fleet.not-synced", "its mirror was never fetched"),
)
WHOLE = Audit("shop", at(0), ROWS, "/memory", listed="d" * 64)


def share(number: int, count: int = 2) -> Audit:
    mine = Shard(number, count)
    return replace(WHOLE, rows=tuple(row for row in ROWS if mine.takes(row.name)), shard=str(mine))


def code(work: Callable[[], Any]) -> str:
    with pytest.raises(RemembrancerError) as caught:
        work()
    return caught.value.code


def test_the_examples_hold() -> None:
    assert doctest.testmod(audited).failed == 0


def test_a_document_is_what_the_schema_says_and_is_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    judge = Draft202012Validator(audited.schema())
    judge.check_schema(audited.schema())
    for one in (WHOLE, Audit("shop", at(0)), replace(WHOLE, shares=(Joined("0/2", DIGEST),))):
        judge.validate(one.document())
        assert audited.parse(results.data_of(one)) == results.read(results.data_of(one)) == one
    assert [replace(WHOLE, rows=rows).exit_code for rows in (ROWS, ROWS[2:], ROWS[2:3], ROWS[:1])] == [1, 4, 3, 0]
    assert main(["fleet", "audit-schema"]) == 0
    assert json.loads(capsys.readouterr().out) == audited.schema()


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said.update(extra=1),
        lambda said: said.pop("services"),
        lambda said: said.pop("version"),
        lambda said: said.pop("at"),
        lambda said: said["services"].append(1),
        lambda said: said["services"][0].update(verdict="perfect"),
        lambda said: said["services"][0].update(size=True),
        lambda said: said["services"][1].update(evidence=["../../etc/passwd"]),
        lambda said: said["services"][1]["problems"][0].pop("code"),
    ],
)
def test_another_document_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    said = WHOLE.document()
    change(said)
    assert code(lambda: results.read(json.dumps(said).encode())) == "fleet.audit"
    for data in (b"", b"[", b"[" * 100_000, b"1", b"{}"):
        assert code(lambda data=data: audited.parse(data)) == "fleet.audit"  # type: ignore[misc]
        assert code(lambda data=data: results.read(data)) == "fleet.status"  # type: ignore[misc]


def test_shares_joined_are_what_one_run_leaves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (0, 1):
        assert leave(str(tmp_path / "shares"), share(number), {DIGEST: FORK, "0" * 64: b"of no service here"})
    leave(str(tmp_path / "one"), WHOLE, {DIGEST: FORK})
    words = ["fleet", "merge", str(tmp_path / "shares"), "--results", str(tmp_path / "joined")]
    assert main([*words, "--format", "json"]) == WHOLE.exit_code == 1
    said = json.loads(capsys.readouterr().out)
    files = [tmp_path / f"shares/audit-{number}.json" for number in (0, 1)]
    digests = [{"shard": f"{n}/2", "sha256": sha256(one.read_bytes()).hexdigest()} for n, one in enumerate(files)]
    assert said == {**WHOLE.document(), "shares": digests}
    joined, one = ({path.name: path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file()} for name
                   in ("joined", "one"))  # fmt: skip
    assert joined.keys() == one.keys() == {"audit-0.json", f"{DIGEST}.json"}
    assert joined["audit-0.json"] == results.data_of(audited.parse(joined["audit-0.json"]))
    unnamed = replace(audited.parse(joined.pop("audit-0.json")), shares=())
    assert results.data_of(unnamed) == one.pop("audit-0.json")
    assert joined == one
    assert main([*words, "--exit-zero"]) == 0, "the same again is no other result"
    out = capsys.readouterr()
    assert "has this share already, and it says the same" in out.err
    assert out.out.splitlines()[-1] == "4 services: 1 failed, 1 unreachable, 1 unverifiable, 1 verified"
    given = ["fleet", "merge", *map(str, reversed(files)), "--format", "json", "--output", str(tmp_path / "x.json")]
    assert main(given) == 1
    assert json.loads((tmp_path / "x.json").read_text()) == said


def test_an_audit_has_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave(str(tmp_path), WHOLE, {DIGEST: FORK})
    for more in (["--html", str(tmp_path / "p")], ["--sqlite", str(tmp_path / "d")], ["--format", "backstage"]):
        assert main(["fleet", "merge", str(tmp_path), *more]) == 2
        assert "these shares of an audit" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit-0.json", "evidence"]


def test_evidence_is_held_against_its_name_on_the_way_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place, out = tmp_path / "shares", str(tmp_path / "out")
    assert code(lambda: leave(str(place), WHOLE, {})) == "fleet.evidence"
    assert not place.exists()
    leave(str(place), WHOLE, {DIGEST: FORK})
    kept = place / f"evidence/{DIGEST}.json"
    kept.unlink()
    assert main(["fleet", "merge", str(place)]) == 1, "the verdict is there all the same"
    assert f"1 file of evidence not beside the shares: {DIGEST}" in capsys.readouterr().err
    assert main(["fleet", "merge", str(place), "--results", out]) == 2
    assert "[fleet.evidence]" in capsys.readouterr().err
    kept.write_bytes(FORK + b" ")
    assert main(["fleet", "merge", str(place)]) == 2
    assert f"{DIGEST}.json in {place} is not what its name says [fleet.evidence]" in capsys.readouterr().err
    assert code(lambda: leave(str(place), share(0), {DIGEST: FORK})) == "fleet.evidence"
    assert not Path(out).exists()


def test_two_machines_with_one_share_cannot_differ_without_a_word(tmp_path: Path) -> None:
    place = str(tmp_path)
    row = Row("a", "https://h.example/a", synced_at=at(1))
    for first, same, other in (
        (share(0), replace(share(0), at=at(-0.1)), replace(share(0), rows=())),
        (
            Status("f", at(0), (row,)),
            Status("f", at(-1), (replace(row, synced_at=at(0)),)),
            Status("f", at(0), (replace(row, code="x"),)),
        ),
    ):
        assert leave(place, first, {DIGEST: FORK})
        assert not leave(place, same, {DIGEST: FORK})
        assert code(lambda other=other: leave(place, other, {DIGEST: FORK})) == "fleet.share-differs"  # type: ignore[misc]
    assert code(lambda: take(place)) == "fleet.shard-foreign"  # a status and an audit


def test_a_place_lacks_a_share_or_holds_another_under_its_name(tmp_path: Path) -> None:
    assert code(lambda: take(str(tmp_path))) == "fleet.shard-missing"
    assert code(lambda: take(str(tmp_path / "nothing"))) == "input.file"
    (tmp_path / "audit-0.json").write_bytes(results.data_of(share(0, 30)))
    assert code(lambda: take(str(tmp_path))) == "fleet.shard-missing"
    (tmp_path / "audit-0.json").write_bytes(results.data_of(share(0)))
    assert len(take(str(tmp_path))) == 1
    assert main(["fleet", "merge", str(tmp_path)]) == 2
    (tmp_path / "audit-1.json").write_bytes(results.data_of(share(0)))
    assert code(lambda: take(str(tmp_path))) == "fleet.shard-foreign"


def test_places_that_cannot_be_are_refused_before_anything_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", "audit", "--fleet", "/nothing", "--results", "ftp://somewhere"]) == 2
    assert "ftp://somewhere is not the URL of an object store" in capsys.readouterr().err


def test_shares_of_an_audit_are_one_audit(desk: Desk, service: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    """By the commands, with a service that forked: each share leaves its verdicts and the evidence that it has."""
    branches = [service.copy(), service.copy()]
    for number, one in enumerate(branches):
        words = ["--component", "payments", "--to", "0.1.0", "--environment", f"e{number}", "--reason", "x"]
        one.ok("record", "rollback", *words)
        one.commit("rolled back")
    desk.publish("payments", branches[0])
    desk.publish("nobody", service, trust="")
    desk.services["gone"] = Service("gone", str(desk.base / "gone"))
    for branch in branches:
        desk.publish("payments", branch)
        Mirrors(desk.cache).sync(desk.fleet, deadline=20)
        whole = audit(desk.fleet, desk.cache, desk.memory, jobs=1)
    for one in branches:
        one.remove()
    words = [*desk.options, "--memory", str(desk.memory), "--jobs", "1"]
    status = main(["fleet", "audit", *words, "--results", str(desk.base / "one")])
    for number in (0, 1):
        more = ["--shard", f"{number}/2", "--results", str(desk.base / "two"), "--exit-zero"]
        assert main(["fleet", "audit", *words, *more]) == 0
    capsys.readouterr()
    merged = ["fleet", "merge", str(desk.base / "two"), "--fleet", str(desk.base / "fleet.toml")]
    assert main([*merged, "--results", str(desk.base / "joined"), "--format", "json"]) == status == 1
    said, one = json.loads(capsys.readouterr().out), json.loads((desk.base / "one/audit-0.json").read_bytes())
    Draft202012Validator(audited.schema()).validate(said)
    assert len(said.pop("shares")) == 2
    assert {**said, "at": one["at"], "shares": []} == one
    verdicts = {row["name"]: (row["verdict"], row["code"]) for row in said["services"]}
    assert verdicts == {row.name: (row.verdict, row.code) for row in whole.rows}
    assert verdicts["payments"] == ("failed", "log.split-view")
    names = [path.name for path in (desk.base / "joined/evidence").iterdir()]
    assert names == [path.name for path in (desk.base / "one/evidence").iterdir()]
    assert len(names) == 1
    listed.write(desk.base / "fleet.toml", desk.fleet._replace(template=""))
    assert main(merged) == 2
    assert "with another list than this one [fleet.shard-foreign]" in capsys.readouterr().err


def test_a_list_has_one_digest_whatever_share_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fleet = Fleet("f", tuple(Service(name, f"https://h.example/{name}") for name in "ab"))
    listed.write(tmp_path / "fleet.toml", fleet)
    for share_asked in ("0/2", "1/2"):
        words = ["fleet", "list", "--fleet", str(tmp_path / "fleet.toml"), "--shard", share_asked, "--format", "json"]
        assert main(words) == 0
        assert json.loads(capsys.readouterr().out)["listed"] == fleet.digest
    with pytest.raises(BadInput):
        _ = fleet._replace(name="a b").digest
