"""Development trust is one person's; the second is told the way, and gets it in one command."""

import shutil
from collections.abc import Iterator

import pytest

from cli_support import ARTIFACT, Outcome, Scratch, end_agents, release, released
from production_support import production


@pytest.fixture
def second() -> Iterator[Scratch]:
    """Somebody else's clone of a released service, with an empty home."""
    first = released()
    try:
        mine = Scratch(first.base / "second")
        mine.home.mkdir(parents=True)
        first.git("clone", "-q", str(first.root), str(mine.root))
        (mine.root / "dist").mkdir()
        shutil.copy(first.root / ARTIFACT, mine.root / ARTIFACT)
        yield mine
        end_agents(mine)
    finally:
        first.remove()


def advice(done: Outcome) -> str:
    error = done.report.get("error") or next(one for one in done.report["findings"] if one["outcome"] != "verified")
    return str(error["remedy"])


def test_the_second_person_is_told_the_way(second: Scratch) -> None:
    for command in (("verify-full", ARTIFACT), ("sign", ARTIFACT), ("seal",), ("init", "--dev")):
        done = second.json(*command)
        assert done.status in {2, 3}
        assert "remembrancer init --dev --again" in advice(done), command
    assert "init --dev --again" in second.run("status").out


def test_one_command_gives_it(second: Scratch) -> None:
    before = len(list((second.root / "ops/receipts/deploy").iterdir()))
    done = second.json("init", "--dev", "--again", "--component", "my-svc")
    archive = second.root / done.report["data"]["archive"]
    assert (done.status, before, len(list((archive / "deploy").iterdir()))) == (0, 1, 1)
    assert second.run("hook", "pre-commit").status == 0
    second.git("add", "-A")
    assert second.run("hook", "pre-commit").status == 0, "the hooks allow just this"
    second.commit("begin anew")
    assert second.json("verify-audit").codes == set()
    release(second)
    full = second.json("verify-full", ARTIFACT)
    assert (full.status, full.codes) == (0, set()), full.out
    again = second.json("init", "--dev", "--again", "--component", "my-svc")
    assert again.status == 0
    assert len(list(archive.parent.iterdir())) == 2


def test_production_is_never_begun_anew_by_development() -> None:
    with production() as made:
        before = made.scratch.snapshot()
        done = made.scratch.json("init", "--dev", "--again")
        assert (done.status, done.codes, made.scratch.snapshot()) == (2, {"trust.exists"}, before), done.out
        home = made.scratch.base / "nobody"
        home.mkdir()
        asked = made.scratch.json("verify-audit", HOME=str(home))
        assert (asked.status, "--again" in advice(asked)) == (3, False), asked.out
        given = made.scratch.json("init", "--production", "--again")
        assert (given.status, given.codes) == (2, {"input.name"})


def test_without_a_ledger_again_is_the_beginning() -> None:
    first = released()
    try:
        shutil.rmtree(first.root / "ops")
        done = first.json("init", "--dev", "--again", "--component", "my-svc")
        assert (done.status, done.report["data"]["archive"]) == (0, "")
    finally:
        first.remove()
