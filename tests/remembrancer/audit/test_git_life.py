"""What Git does to a repository with a ledger, seen on the command line: force-pushes, shallow clones, autocrlf."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_support import Scratch, release, released

NEXT = "dist/my-svc-0.2.0.tar.gz"


@pytest.fixture(scope="module")
def original() -> Iterator[Scratch]:
    scratch = released()
    scratch.ok("verify-audit")
    yield scratch
    scratch.remove()


def publish(scratch: Scratch, version: str) -> None:
    artifact = f"dist/my-svc-{version}.tar.gz"
    scratch.write(artifact, f"{version}\n")
    release(scratch, artifact, version)
    scratch.ok("verify-audit")


def clone(scratch: Scratch, *options: str) -> Path:
    target = scratch.base / "clone"
    scratch.git("clone", "-q", *options, scratch.root.as_uri(), str(target))
    return target


def test_a_force_push_that_drops_a_sealed_release_is_noticed(scratch: Scratch) -> None:
    before = scratch.git("rev-parse", "HEAD")
    publish(scratch, "0.2.0")
    scratch.git("reset", "-q", "--hard", before)  # what a pull after the force-push leaves
    done = scratch.json("verify-audit")
    assert (done.status, "log.rollback" in done.codes) == (1, True), done.out
    scratch.write(NEXT, "something else\n")
    scratch.ok("sign", "--no-seal", NEXT)
    refused = scratch.json("seal")
    assert (refused.status, refused.codes) == (2, {"log.behind"}), refused.out


def test_a_force_push_of_another_log_leaves_evidence(scratch: Scratch) -> None:
    other = scratch.copy()
    try:
        publish(scratch, "0.2.0")
        publish(other, "0.3.0")
        scratch.git("fetch", "-q", other.root.as_uri(), "main")
        scratch.git("reset", "-q", "--hard", "FETCH_HEAD")
    finally:
        other.remove()
    done = scratch.json("verify-audit")
    assert (done.status, "log.split-view" in done.codes) == (1, True), done.out
    assert list(scratch.home.rglob("split-view-*.json"))


def test_a_shallow_clone_says_what_it_cannot_know(scratch: Scratch) -> None:
    publish(scratch, "0.2.0")
    done = scratch.run("verify-audit", cwd=clone(scratch, "--depth=1"))
    assert done.status == 0, done.out + done.err
    assert "this clone is shallow" in done.out + done.err
    whole = scratch.run("verify-audit")
    assert "shallow" not in whole.out + whole.err


def test_autocrlf_changes_nothing_where_the_attributes_are(scratch: Scratch) -> None:
    copy = clone(scratch, "-c", "core.autocrlf=true")
    assert scratch.run("verify-audit", cwd=copy).status == 0


@pytest.mark.parametrize(
    ("attributes", "code", "named"),
    [
        ("", "trust.policy-signature", "policy"),
        ("ops/trust/** -text\n", "log.checkpoint", "checkpoint"),
        ("ops/trust/** -text\nops/receipts/ledger/** -text\n", "receipt.edited", "my-svc-0.1.0.receipt"),
    ],
)
def test_autocrlf_without_the_attributes_is_noticed_by_name(
    scratch: Scratch, attributes: str, code: str, named: str
) -> None:
    scratch.write(".gitattributes", attributes)
    scratch.commit("fewer attributes")
    copy = clone(scratch, "-c", "core.autocrlf=true")
    [deploy] = copy.glob("ops/receipts/deploy/*.receipt")
    assert b"\r\n" in deploy.read_bytes()
    done = scratch.json("verify-audit", cwd=copy)
    assert (done.status, done.err, code in done.codes) == (1, "", True), done.out
    assert named in done.out
