"""Two branches take one number and Git merges both: it is said at once, and one command mends it."""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from cli_support import Scratch, end_agents, new_scratch
from remembrancer.adr import renumber as renumbering
from remembrancer.clock import SystemClock, parse_rfc3339, rfc3339
from remembrancer.receipt.statement import build, parse
from remembrancer.repository.store import Store

WRITTEN = ("--context", "A.", "--decision", "B.", "--consequences", "C.", "--verification", "`make test`")
FOLDER = "ops/receipts/adr"
FIRST, MINE, YOURS = f"{FOLDER}/ADR-001-first.md", f"{FOLDER}/ADR-002-mine.md", f"{FOLDER}/ADR-002-yours.md"
MOVED = f"{FOLDER}/ADR-003-yours.md"


def decide(scratch: Scratch, title: str, number: int) -> None:
    scratch.ok("adr", "create", title, *WRITTEN)
    scratch.ok("adr", "accept", "--no-seal", str(number))


@pytest.fixture(scope="module")
def original() -> Iterator[Scratch]:
    """The tree after a clean merge; the first decision is superseded on the branch that is merged."""
    scratch = new_scratch()
    scratch.ok("init", "--dev", "--component", "my-svc")
    decide(scratch, "First", 1)
    scratch.commit("first")
    scratch.git("checkout", "-q", "-b", "other")
    decide(scratch, "Mine", 2)
    scratch.commit("mine")
    scratch.git("checkout", "-q", "main")
    decide(scratch, "Yours", 2)
    scratch.ok("adr", "supersede", "--no-seal", "1", "--by", "2")
    scratch.commit("yours")
    scratch.git("-c", "user.name=x", "-c", "user.email=x@y", "merge", "-q", "--no-edit", "other")
    scratch.ok("seal")
    scratch.commit("seal")
    yield scratch
    end_agents(scratch)
    scratch.remove()


def recorded(scratch: Scratch) -> dict[str, str]:
    return {item["file"]: item["recorded"] for item in scratch.json("adr", "list").report["data"]["items"]}


def hook(scratch: Scratch) -> tuple[int, str]:
    scratch.git("add", "-A")
    done = scratch.run("hook", "pre-commit")
    return done.status, done.err


def newest(scratch: Scratch, slug: str) -> dict:
    store = Store(scratch.root)
    said = [dict(store.read_receipt(name).predicate) for name in store.walk("adr") if name.endswith(".receipt")]
    return max((one for one in said if one["slug"] == slug), key=lambda one: one["recordedAt"])


def test_nobody_is_accused_and_everything_says_it(scratch: Scratch) -> None:
    assert recorded(scratch) == {FIRST: "yes", MINE: "yes", YOURS: "yes"}
    audit = scratch.json("verify-audit")
    assert (audit.status, audit.codes) == (1, {"adr.number"})
    (finding,) = [one for one in audit.report["findings"] if one["code"] == "adr.number"]
    assert MINE in finding["message"]
    assert "same number" in finding["message"]
    assert "adr renumber" in finding["remedy"]
    decide(scratch, "Third", 3)
    status, said = hook(scratch)
    assert status == 1
    assert "[adr.number]" in said
    assert "remembrancer adr renumber" in said


@pytest.mark.parametrize("which", [MINE, YOURS])
def test_look_ups_go_by_path_and_digest(scratch: Scratch, which: str) -> None:
    done = scratch.json("adr", "accept", "2")
    assert done.codes == {"input.adr"}
    assert "adr renumber" in done.report["error"]["remedy"]
    assert scratch.json("adr", "accept", which).report["data"]["recorded"] is False
    digest = hashlib.sha256((scratch.root / which).read_bytes()).hexdigest()
    assert scratch.json("adr", "accept", digest).report["data"]["recorded"] is False
    decide(scratch, "Newer", 3)
    scratch.ok("adr", "supersede", which, "--by", f"{FOLDER}/ADR-003-newer.md")
    assert b"**Status**: Superseded" in (scratch.root / which).read_bytes()
    other = YOURS if which == MINE else MINE
    assert recorded(scratch)[other] == "yes"


def test_one_command_keeps_the_chain(scratch: Scratch) -> None:
    before = (scratch.root / YOURS).read_bytes()
    done = scratch.json("adr", "renumber", YOURS)
    assert (done.status, done.report["data"]["file"]) == (0, MOVED), done.out
    assert not (scratch.root / YOURS).exists()
    assert (scratch.root / MOVED).read_bytes() == before.replace(b"# ADR-002:", b"# ADR-003:")
    said = newest(scratch, "yours")
    assert said["formerly"] == {"number": 2, "text": hashlib.sha256(before).hexdigest()}
    assert (said["number"], said["status"]) == (3, "Accepted")
    first = newest(scratch, "first")
    assert (first["supersededBy"], first["supersededBySlug"]) == (3, "yours")
    assert recorded(scratch) == {FIRST: "yes", MINE: "yes", MOVED: "yes"}
    audit = scratch.run("verify-audit")
    assert audit.status == 0, audit.out
    assert hook(scratch) == (0, "")
    snapshot = scratch.snapshot()
    again = scratch.json("adr", "renumber", YOURS)
    assert (again.status, again.report["data"]["renumbered"]) == (0, False)
    assert scratch.snapshot() == snapshot
    scratch.commit("renumbered")
    decide(scratch, "Later", 4)
    scratch.ok("adr", "supersede", "3", "--by", "4")
    assert scratch.run("verify-audit").status == 0
    assert hook(scratch) == (0, "")
    shown = {item["file"]: item for item in scratch.json("query", "first").report["data"]["items"]}
    assert shown[FIRST]["replacedBy"].startswith("ADR-003")


def test_a_draft_takes_its_new_number_without_a_receipt(scratch: Scratch) -> None:
    scratch.ok("adr", "create", "Draft of mine", *WRITTEN)
    draft = f"{FOLDER}/ADR-003-draft-of-mine.md"
    text = (scratch.root / draft).read_bytes().replace(b"ADR-003", b"ADR-001")
    (scratch.root / draft).unlink()
    scratch.write(f"{FOLDER}/ADR-001-draft-of-mine.md", text)
    done = scratch.json("adr", "renumber", f"{FOLDER}/ADR-001-draft-of-mine.md").report["data"]
    assert (done["file"], done["receipts"]) == (draft, [])
    assert (scratch.root / draft).read_bytes() == text.replace(b"ADR-001", b"ADR-003")


@pytest.mark.parametrize("step", ["the copy", "the receipt", "the successor's receipt"])
def test_an_interrupted_run_is_taken_up(scratch: Scratch, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Whatever was written before the program ended, the same command comes to the same end."""

    def ends(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if step == "the copy":
            patch.setattr(renumbering, "_record", ends)
        elif step == "the receipt":
            patch.setattr(renumbering, "_named", ends)
        else:
            patch.setattr(renumbering, "exclusive", _second_time_ends(renumbering.exclusive))
        with pytest.raises(KeyboardInterrupt):
            renumbering.renumber(Store(scratch.root), YOURS, SystemClock())
    assert (scratch.root / YOURS).exists()
    assert (scratch.root / MOVED).exists()
    if step != "the copy":
        assert recorded(scratch)[YOURS] == "renumbered"
        assert hook(scratch)[0] == 1
        done = scratch.json("adr", "accept", YOURS)
        assert (done.status, done.codes) == (2, {"adr.number"})
    scratch.ok("adr", "renumber", YOURS)
    assert not (scratch.root / YOURS).exists()
    scratch.ok("seal")
    assert recorded(scratch) == {FIRST: "yes", MINE: "yes", MOVED: "yes"}
    audit = scratch.run("verify-audit")
    assert audit.status == 0, audit.out
    assert newest(scratch, "first")["supersededBy"] == 3
    assert len(list((scratch.root / FOLDER).glob("ADR-003-yours.*.receipt"))) == 1


def _second_time_ends(real):
    calls: list[int] = []

    def exclusive(root: Path):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(root)

    return exclusive


REFUSED = [
    ("its number is its own", FIRST, "input.adr"),
    ("two have the number", "2", "input.adr"),
    ("nothing there", f"{FOLDER}/ADR-009-x.md", "input.adr"),
]


@pytest.mark.parametrize(("what", "which", "code"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused_and_nothing_written(scratch: Scratch, what: str, which: str, code: str) -> None:
    before = scratch.snapshot()
    done = scratch.json("adr", "renumber", which)
    assert (done.status, done.codes) == (2, {code}), what
    assert scratch.snapshot() == before


def test_an_edited_text_is_not_renumbered(scratch: Scratch) -> None:
    path = scratch.root / YOURS
    path.write_bytes(path.read_bytes() + b"more\n")
    before = scratch.snapshot()
    done = scratch.json("adr", "renumber", YOURS)
    assert (done.status, done.codes) == (2, {"adr.edited"})
    assert scratch.snapshot() == before


def test_a_receipt_that_does_not_say_which_successor_it_means(scratch: Scratch) -> None:
    """Receipts before 4.2 have the successor's number only."""
    said = newest(scratch, "first")
    said = {name: value for name, value in said.items() if name != "supersededBySlug"}
    said["recordedAt"] = said["recordedAt"].replace("20", "21", 1)
    Store(scratch.root).write_receipt(build("adr", [(FIRST, said["text"])], said))
    done = scratch.json("adr", "renumber", YOURS)
    assert (done.status, done.codes) == (2, {"adr.number"})
    remedy = done.report["error"]["remedy"]
    assert f"adr supersede {FIRST} --by {YOURS}" in remedy


def test_a_renumbering_of_a_text_that_nobody_recorded_fails(scratch: Scratch) -> None:
    """A renumbering is no way to bring in another text."""
    scratch.ok("adr", "renumber", YOURS)
    (path,) = (scratch.root / FOLDER).glob("ADR-003-yours.*.receipt")
    receipt = parse(path.read_bytes())
    text = (scratch.root / MOVED).read_bytes().replace(b"# ADR-003", b"# ADR-004").replace(b"B.", b"Z.")
    scratch.write(f"{FOLDER}/ADR-004-yours.md", text)
    (scratch.root / MOVED).unlink()
    digest = hashlib.sha256(text).hexdigest()
    said = {**receipt.predicate, "number": 4, "text": digest, "formerly": {"number": 3, "text": "0" * 64}}
    said["recordedAt"] = rfc3339(parse_rfc3339(str(said["recordedAt"])) + timedelta(seconds=1))
    Store(scratch.root).write_receipt(build("adr", [(f"{FOLDER}/ADR-004-yours.md", digest)], said))
    scratch.run("seal")
    audit = scratch.json("verify-audit")
    assert audit.status == 1
    assert any("renumbered" in one["message"] for one in audit.report["findings"]), audit.out
