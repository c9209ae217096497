"""Recording a version once more: the same is nothing new, what adds to it is recorded, what contradicts is refused."""

from collections.abc import Iterator

import pytest

from cli_support import Outcome, Scratch, new_scratch

ONE, OTHER = (f"sha256:{digit * 64}" for digit in "12")
PLACES = ("release", "staging")


@pytest.fixture(scope="module")
def original() -> Iterator[Scratch]:
    scratch = new_scratch()
    scratch.ok("init", "--dev", "--component", "my-svc")
    yield scratch
    scratch.remove()


@pytest.fixture
def scratch(original: Scratch) -> Iterator[Scratch]:
    copy = original.copy()
    copy.ok("record", "deploy", "--component", "my-svc", "--version", "0.1.0")
    yield copy
    copy.remove()


def record(scratch: Scratch, *more: str, version: str = "0.1.0") -> Outcome:
    return scratch.json("record", "deploy", "--component", "my-svc", "--version", version, *more)


@pytest.mark.parametrize("place", PLACES)
def test_an_image_s_digest_that_comes_later_is_recorded_once(scratch: Scratch, place: str) -> None:
    here = ("--environment", place)
    record(scratch, *here)
    added = record(scratch, *here, "--image-digest", ONE)
    assert added.report["data"]["recorded"] is True
    assert ONE in (scratch.root / added.report["data"]["receipt"]).read_text(encoding="utf-8")
    before = scratch.snapshot()
    for again in (("--image-digest", ONE), ()):
        done = record(scratch, *here, *again)
        assert (done.status, done.report["data"]["recorded"], scratch.snapshot()) == (0, False, before)


@pytest.mark.parametrize("place", PLACES)
def test_another_image_where_one_is_recorded_is_refused(scratch: Scratch, place: str) -> None:
    here = ("--environment", place)
    record(scratch, *here, "--image-digest", ONE)
    before = scratch.snapshot()
    done = record(scratch, *here, "--image-digest", OTHER)
    assert (done.status, done.codes, scratch.snapshot()) == (2, {"receipt.conflict"}, before)


def test_what_a_recorded_version_cannot_take_up_is_said(scratch: Scratch) -> None:
    scratch.write("sbom.json", "{}")
    done = record(scratch, "--sbom", "sbom.json", "--rollback", "another plan")
    assert done.report["data"]["recorded"] is False
    assert done.report["notices"] == [
        "my-svc 0.1.0 is recorded already, so the rollback plan that you gave is not",
        "my-svc 0.1.0 is recorded already, so the software bill of materials that you gave is not",
    ]
    assert "notices" not in record(scratch).report


def test_the_same_artifact_under_two_versions_goes_its_own_ways(scratch: Scratch) -> None:
    evidence = ("--evidence", "dist/my-svc-0.1.0.tar.gz")
    record(scratch, *evidence, version="0.1.1")
    for version in ("0.1.0", "0.1.1"):
        done = record(scratch, *evidence, "--environment", "staging", version=version)
        assert done.report["data"]["recorded"] is True, version
    assert len(list((scratch.root / "ops/receipts/rollout").rglob("*.receipt"))) == 2


def test_a_rollout_that_cannot_be_read_is_in_nobody_s_way(scratch: Scratch) -> None:
    scratch.write("ops/receipts/rollout/aa/junk.receipt", "junk")
    done = record(scratch, "--environment", "staging", "--no-seal")
    assert (done.status, done.report["data"]["recorded"]) == (0, True)


def test_what_was_taken_back_is_brought_again(scratch: Scratch) -> None:
    """After a rollback the same words are no repetition, even in the same second; afterwards they are."""
    here = ("--environment", "staging")
    record(scratch, *here)
    scratch.write("dist/my-svc-0.2.0.tar.gz", "next")
    record(scratch, *here, version="0.2.0")
    scratch.ok("record", "rollback", "--component", "my-svc", "--to", "0.1.0", "--reason", "slow", *here)
    done = record(scratch, *here, version="0.2.0")
    assert done.report["data"]["recorded"] is True
    newest = scratch.json("list", "deployments", *here).report["data"]["items"][0]
    assert (newest["kind"], newest["version"], newest["receipt"]) == (
        "rollout",
        "0.2.0",
        done.report["data"]["receipt"],
    )
    assert record(scratch, *here, version="0.2.0").report["data"]["recorded"] is False
