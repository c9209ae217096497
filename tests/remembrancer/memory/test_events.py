"""What happened, told and filtered; and one receipt with its verdict."""

import json
import re
from collections.abc import Iterator

import pytest

from cli_support import Scratch, end_agents, receipts, released
from receipt_samples import statement
from remembrancer.memory.events import actor, summary
from remembrancer.receipt.kinds import KINDS
from remembrancer.receipt.statement import encode, parse

RECEIPT = "ops/receipts/deploy/my-svc-0.1.0.receipt"


@pytest.fixture(scope="module")
def scratch() -> Iterator[Scratch]:
    """One version released, brought into staging, and taken back there from a second one."""
    made = released()
    made.write("dist/other-0.2.0.tar.gz", b"two")
    made.ok("record", "deploy", "--component", "my-svc", "--version", "0.1.0", "--environment", "staging")
    made.ok("record", "deploy", "--component", "other", "--version", "0.2.0", "--environment", "production")
    made.ok("record", "rollback", "--component", "my-svc", "--version", "0.2.0", "--to", "0.1.0", "--environment",
            "staging", "--reason", "too many\u00a0errors at noon")  # fmt: skip
    yield made
    end_agents(made)
    made.remove()


def told(scratch: Scratch, *arguments: str) -> list[tuple[str, str]]:
    items = scratch.json("timeline", *arguments).report["data"]["items"]
    assert [item["recordedAt"] for item in items] == sorted(item["recordedAt"] for item in items)
    return [(item["kind"], item["event"]) for item in items]


def test_the_whole_story(scratch: Scratch) -> None:
    story = told(scratch)
    assert sorted(kind for kind, _ in story) == ["deploy", "deploy", "rollback", "rollout", "trust"]
    assert ("rollout", "my-svc 0.1.0 into staging") in story
    assert ("rollback", "my-svc from 0.2.0 back to 0.1.0 in staging: too many\u00a0errors at noon") in story
    assert {kind for kind, _ in told(scratch, "-v")} >= {"sign", "timestamp"}


@pytest.mark.parametrize(
    ("arguments", "kinds"),
    [
        (("--component", "other"), ["deploy"]),
        (("--component", "my-svc", "--environment", "staging"), ["rollback", "rollout"]),
        (("--environment", "production"), ["deploy"]),
        (("--kind", "rollback"), ["rollback"]),
        (("--kind", "rollout", "--kind", "trust"), ["rollout", "trust"]),
        (("--since", "2200-01-01"), []),
        (("--until", "2000-01-01"), []),
        (("--since", "1d", "--until", "2200-01-01", "--kind", "deploy"), ["deploy", "deploy"]),
        (("--component", "nobody"), []),
    ],
)
def test_filters(scratch: Scratch, arguments: tuple[str, ...], kinds: list[str]) -> None:
    assert sorted(kind for kind, _ in told(scratch, *arguments)) == kinds
    listed = scratch.json("list", "receipts", *arguments).report["data"]["items"]
    counted = [item["kind"] for item in listed if item["kind"] not in ("sign", "timestamp")]
    assert sorted(counted) == kinds
    placed = ("deploy", "rollout", "rollback")
    if "--kind" not in arguments:
        deployments = scratch.json("list", "deployments", *arguments).report["data"]["items"]
        assert sorted(item["kind"] for item in deployments) == [kind for kind in kinds if kind in placed]


def test_a_release_is_not_a_deployment(scratch: Scratch) -> None:
    """What was recorded for no environment is a release; only what went into one is a deployment."""
    rows = scratch.json("list", "deployments").report["data"]["items"]
    assert sorted((row["event"], row["component"], row["environment"], row["kind"]) for row in rows) == [
        ("deployment", "my-svc", "staging", "rollout"),
        ("deployment", "other", "production", "deploy"),
        ("release", "my-svc", None, "deploy"),
        ("rollback", "my-svc", "staging", "rollback"),
    ]
    text = scratch.run("list", "deployments").out
    assert re.search(r"(?m)^\S+ +release +my-svc +0\.1\.0 +- ", text)
    assert re.search(r"(?m)^\S+ +deployment +my-svc +0\.1\.0 +staging ", text)


@pytest.mark.parametrize("command", ["timeline", "list deployments", "list receipts"])
@pytest.mark.parametrize(("option", "code"), [("--since=noon", "input.time"), ("--kind=x", "input.kind")])
def test_filters_that_are_none(scratch: Scratch, command: str, option: str, code: str) -> None:
    done = scratch.json(*command.split(), option)
    assert (done.status, done.codes) == (2, {code})


def test_deployments_have_three_kinds_only(scratch: Scratch) -> None:
    assert scratch.json("list", "deployments", "--kind", "sign").codes == {"input.kind"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_told(kind: str) -> None:
    receipt = parse(encode(statement(kind)))
    assert "{" not in summary(receipt)
    assert "\n" not in summary(receipt) + actor(receipt)


def test_a_receipt_with_its_verdict(scratch: Scratch) -> None:
    done = scratch.run("receipt", RECEIPT)
    assert done.status == 0
    lines = done.out.splitlines()
    assert lines[0] == "deploy: my-svc 0.1.0 released"
    assert any(line.split() == ["artifact.name", "my-svc-0.1.0.tar.gz"] for line in lines)
    assert lines[-1].startswith(f"VERIFIED {RECEIPT} (development trust")
    report = scratch.json("receipt", RECEIPT).report
    assert report["verdict"] == "verified"
    assert report["data"]["receipt"] == json.loads((scratch.root / RECEIPT).read_bytes())
    assert isinstance(report["data"]["index"], int)


def test_every_receipt_can_be_shown(scratch: Scratch) -> None:
    for kind in ("trust", "sign", "timestamp", "rollback"):
        for path in receipts(scratch, kind):
            assert scratch.run("receipt", str(path)).status == 0


def test_a_receipt_is_judged(scratch: Scratch) -> None:
    copy = scratch.copy()
    try:
        copy.write("dist/late-1.0.0.tar.gz", b"late")
        copy.ok("record", "deploy", "--no-seal", "--component", "late", "--version", "1.0.0")
        done = copy.json("receipt", "ops/receipts/deploy/late-1.0.0.receipt")
        assert (done.status, done.codes) == (1, {"log.pending"})
        (sealed,) = list(receipts(copy, "timestamp"))
        for blob in (copy.root / "ops/receipts/blobs").iterdir():
            blob.write_bytes(b"x")
        assert "blob.mismatch" in copy.json("receipt", str(sealed)).codes
        assert copy.json("receipt", RECEIPT, HOME=str(copy.base / "nobody")).status == 3
        note = copy.root / "ops/receipts/ledger/checkpoint"
        note.write_bytes(note.read_bytes().replace(b"dev.invalid", b"dev.invalix"))
        assert copy.json("receipt", RECEIPT).codes == {"log.checkpoint"}
    finally:
        copy.remove()
