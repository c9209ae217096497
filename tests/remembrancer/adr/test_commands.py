"""`adr`: from a draft to a sealed decision, edits noticed, and folders of other forms brought in."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_support import Scratch, end_agents, new_scratch
from remembrancer.adr import adopt as adopting
from remembrancer.adr.form import read
from remembrancer.clock import SystemClock, parse_rfc3339
from remembrancer.receipt.statement import build, parse
from remembrancer.repository.reader import Repository
from remembrancer.repository.store import Store

WRITTEN = (
    "--context",
    "Orders need it.",
    "--decision",
    "This.",
    "--consequences",
    "Work.",
    "--verification",
    "`make test`",
)
FIRST = "ops/receipts/adr/ADR-001-use-postgresql.md"


@pytest.fixture(scope="module")
def original() -> Iterator[Scratch]:
    scratch = new_scratch()
    scratch.ok("init", "--dev", "--component", "my-svc")
    scratch.ok("adr", "create", "Use PostgreSQL", *WRITTEN)
    scratch.ok("adr", "accept", "1")
    scratch.commit("decide")
    yield scratch
    end_agents(scratch)
    scratch.remove()


def listed(scratch: Scratch) -> list[tuple[str, str, str]]:
    items = scratch.json("adr", "list").report["data"]["items"]
    return [(item["title"].partition(":")[0], item["status"], item["recorded"]) for item in items]


def test_create_accept_and_audit(original: Scratch) -> None:
    one = read(Path(FIRST).name, (original.root / FIRST).read_bytes())
    assert (one.title, one.status, one.fields["Verification"]) == ("Use PostgreSQL", "Accepted", "`make test`")
    assert listed(original) == [("ADR-001", "Accepted", "yes")]
    assert original.run("verify-audit").status == 0
    (path,) = (original.root / "ops/receipts/adr").glob("*.receipt")
    said = parse(path.read_bytes()).predicate
    assert said["text"] == hashlib.sha256((original.root / FIRST).read_bytes()).hexdigest()
    assert said["status"] == "Accepted"


def test_a_second_decision_replaces_the_first(scratch: Scratch) -> None:
    before = (scratch.root / FIRST).read_bytes()
    scratch.ok("adr", "create", "Use CockroachDB", *WRITTEN)
    done = scratch.json("adr", "supersede", "1", "--by", "2")
    assert (done.status, done.codes) == (2, {"adr.decided"})
    scratch.ok("adr", "accept", "ADR-002")
    scratch.ok("adr", "supersede", "1", "--by", "2")
    after = (scratch.root / FIRST).read_bytes()
    assert after == before.replace(b"**Status**: Accepted", b"**Status**: Superseded")
    assert listed(scratch) == [("ADR-001", "Superseded", "yes"), ("ADR-002", "Accepted", "yes")]
    assert scratch.run("verify-audit").status == 0
    repeated = scratch.json("adr", "supersede", "1", "--by", "2").report["data"]
    assert repeated["recorded"] is False


def test_receipts_about_one_decision_are_ordered_whatever_their_digests(scratch: Scratch) -> None:
    """Sealed in one go, accepted and superseded in the same second: the audit still knows which came last."""
    for number in range(2, 7):
        scratch.ok("adr", "create", f"Choice {number}", *WRITTEN)
        scratch.ok("adr", "accept", "--no-seal", str(number))
    for number in range(2, 6):
        scratch.ok("adr", "supersede", "--no-seal", str(number), "--by", "6")
    scratch.ok("seal")
    assert scratch.run("verify-audit").status == 0
    store = Store(scratch.root)
    times: dict[int, list[str]] = {}
    for name in store.walk("adr"):
        if name.endswith(".receipt"):
            said = store.read_receipt(name).predicate
            times.setdefault(said["number"], []).append(said["recordedAt"])
    assert all(len(set(found)) == len(found) for found in times.values())
    assert parse_rfc3339(max(times[2])) > parse_rfc3339(min(times[2]))


def test_a_status_line_in_code_is_not_the_one_that_is_changed(scratch: Scratch) -> None:
    scratch.ok("adr", "create", "Use a queue", *WRITTEN)
    file = scratch.root / FIRST.replace("001-use-postgresql", "002-use-a-queue")
    text = file.read_text().replace("**Date**", "```\n**Status**: Draft\n```\n\n**Date**", 1)
    file.write_text(text)
    scratch.ok("adr", "accept", "2")
    before, _, after = text.rpartition("**Status**: Draft")
    assert file.read_text() == f"{before}**Status**: Accepted{after}"
    assert listed(scratch)[1] == ("ADR-002", "Accepted", "yes")
    assert scratch.run("verify-audit").status == 0


def test_a_status_that_cannot_be_set_is_not_recorded(scratch: Scratch) -> None:
    scratch.ok("adr", "create", "Use a queue", *WRITTEN)
    file = scratch.root / FIRST.replace("001-use-postgresql", "002-use-a-queue")
    file.write_text(file.read_text().replace("**Status**: Draft", "**Status**:\nDraft"))
    before = scratch.snapshot()
    done = scratch.json("adr", "accept", "2")
    assert (done.status, done.codes) == (2, {"adr.form"}), done.out
    assert scratch.snapshot() == before


EDITS = [
    ("one letter", lambda data: data.replace(b"This.", b"That.")),
    ("a final space", lambda data: data + b" "),
    ("another line ending", lambda data: data.replace(b"\n", b"\r\n")),
]


@pytest.mark.parametrize(("what", "edit"), EDITS, ids=[row[0] for row in EDITS])
def test_a_later_edit_is_noticed(scratch: Scratch, what: str, edit) -> None:
    file = scratch.root / FIRST
    file.write_bytes(edit(file.read_bytes()))
    audit = scratch.json("verify-audit")
    assert audit.status == 1
    assert "receipt.text" in audit.codes
    assert any(finding["subject"] == FIRST for finding in audit.report["findings"])
    assert listed(scratch)[0][2] == "edited"
    scratch.ok("adr", "create", "Other", *WRITTEN)
    scratch.ok("adr", "accept", "2")
    before = scratch.snapshot()
    done = scratch.json("adr", "supersede", "1", "--by", "2")
    assert (done.status, done.codes) == (2, {"adr.edited"})
    assert scratch.snapshot() == before


def test_a_status_set_by_hand_is_corrected_by_the_command(scratch: Scratch) -> None:
    file = scratch.root / FIRST
    file.write_bytes(file.read_bytes().replace(b": Accepted", b": Rejected"))
    assert "receipt.text" in scratch.json("verify-audit").codes
    scratch.ok("adr", "accept", "1")
    assert listed(scratch) == [("ADR-001", "Accepted", "yes")]
    assert scratch.run("verify-audit").status == 0


def test_a_deleted_decision_keeps_its_number(scratch: Scratch) -> None:
    (scratch.root / FIRST).unlink()
    assert "receipt.text" in scratch.json("verify-audit").codes
    assert scratch.json("adr", "create", "Next").report["data"]["file"].endswith("ADR-002-next.md")


REFUSED = [
    ("accept twice otherwise", ("adr", "reject", "1"), "adr.decided"),
    ("no such number", ("adr", "accept", "9"), "input.adr"),
    ("not a number", ("adr", "accept", "../1x"), "input.adr"),
    ("unwritten", ("adr", "accept", "2"), "adr.form"),
    ("reject unwritten", ("adr", "reject", "2"), "adr.form"),
    ("by itself", ("adr", "supersede", "1", "--by", "1"), "input.adr"),
    ("by a draft", ("adr", "supersede", "1", "--by", "2"), "adr.decided"),
    ("title of two lines", ("adr", "create", "a\nb"), "input.field"),
    ("no title", ("adr", "create", " "), "input.field"),
    ("title that never ends", ("adr", "create", "a" * 1001), "input.field"),
    ("a folder that is none", ("adr", "import", "nowhere"), "input.file"),
    ("nothing to import", ("adr", "import", "dist"), "input.file"),
    ("its own folder", ("adr", "import", "ops/receipts/adr"), "input.file"),
]


@pytest.mark.parametrize(("what", "arguments", "code"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused_and_nothing_written(original: Scratch, what: str, arguments: tuple[str, ...], code: str) -> None:
    scratch = original.copy()
    try:
        scratch.ok("adr", "create", "Draft of something")
        before = scratch.snapshot()
        done = scratch.json(*arguments)
        assert (done.status, done.codes) == (2, {code})
        assert done.report["error"]["remedy"]
        assert scratch.snapshot() == before
    finally:
        scratch.remove()


def test_two_files_with_one_number_are_named(scratch: Scratch) -> None:
    scratch.write("ops/receipts/adr/ADR-001-other.md", (scratch.root / FIRST).read_bytes())
    done = scratch.json("adr", "accept", "1")
    assert done.codes == {"input.adr"}
    assert "ADR-001-other.md" in done.report["error"]["message"]


def test_the_editor_is_opened_when_asked(scratch: Scratch) -> None:
    editor = scratch.write("editor.py", "import sys; open(sys.argv[1], 'a').write('edited\\n')\n")
    scratch.ok("adr", "create", "Edited", "--edit", EDITOR=f"{sys.executable} {editor}", VISUAL="")
    assert (scratch.root / "ops/receipts/adr/ADR-002-edited.md").read_text().endswith("edited\n")
    done = scratch.json("adr", "create", "Broken", "--edit", EDITOR="/nonexistent/editor", VISUAL="")
    assert (done.status, done.codes) == (4, {"env.editor"})
    assert (scratch.root / "ops/receipts/adr/ADR-003-broken.md").exists()


MADR = """---
status: accepted
date: 2022-11-03
---
# Use Markdown Any Decision Records

## Context and Problem Statement

We want to record decisions.

## Considered Options

* MADR
* Nothing

## Decision Outcome

Chosen option: MADR.

### Consequences

* Good, because it is read.

### Confirmation

`grep -q MADR README.md`

## More Information

See the site.
"""
OLD_MADR = """# [short] Keep two databases

* Status: superseded by [ADR-0003](0003-one-database.md)
* Deciders: all
* Date: 2019-04-05

Technical Story: 12

## Context and Problem Statement

Two teams.

## Decision Outcome

Two databases.
"""
NYGARD = """# 3. One database

Date: 2020-02-29

## Status

Accepted

Supersedes [2. Keep two databases](0002-keep-two-databases.md)

## Context

Two were too many.

## Decision

One.

## Consequences

Less work.
"""
PROPOSED = (
    "# 4. Maybe\n\nDate: 2021-01-02\n\n## Status\n\nProposed\n\n## Context\n\nWho knows.\n\n## Decision\n\nPerhaps.\n"
)


def test_import_keeps_numbers_dates_statuses_and_texts(scratch: Scratch) -> None:
    files = {
        "0001-madr.md": MADR,
        "0002-keep-two-databases.md": OLD_MADR,
        "0003-one-database.md": NYGARD,
        "0004-maybe.md": PROPOSED,
        "README.md": "# Decisions\n\nAn index.\n",
        "template.md": "# Title\n",
    }
    for name, text in files.items():
        scratch.write(f"docs/adr/{name}", text)
    done = scratch.json("adr", "import", "docs/adr")
    assert done.status == 0
    items = done.report["data"]["items"]
    # number 1 is taken already, so it gets the first one that nobody wants
    assert [(Path(item["file"]).name, item["status"]) for item in items] == [
        ("ADR-005-use-markdown-any-decision-records.md", "Accepted"),
        ("ADR-002-short-keep-two-databases.md", "Superseded"),
        ("ADR-003-one-database.md", "Accepted"),
        ("ADR-004-maybe.md", "Draft"),
    ]
    rows = {row["file"]: row for row in scratch.json("adr", "list").report["data"]["items"]}
    dates = [rows[item["file"]]["date"] for item in items]
    assert dates == ["2022-11-03", "2019-04-05", "2020-02-29", "2021-01-02"]
    assert [rows[item["file"]]["recorded"] for item in items] == ["yes", "yes", "yes", "no"]
    text = (scratch.root / items[0]["file"]).read_text()
    for part in (
        "We want to record",
        "* Nothing",
        "Chosen option: MADR.",
        "because it is read",
        "`grep -q MADR",
        "See the",
    ):
        assert text.count(part) == 1
    digest = hashlib.sha256(NYGARD.encode()).hexdigest()
    assert digest in (scratch.root / items[2]["file"]).read_text()
    assert "`sha256sum docs/adr/0003-one-database.md`" in (scratch.root / items[2]["file"]).read_text()
    said = [said for said in _adr_receipts(scratch) if said["number"] == 2]
    assert said[0]["supersededBy"] == 3
    assert scratch.run("verify-audit").status == 0
    before = scratch.snapshot()
    again = scratch.json("adr", "import", "docs/adr").report["data"]["items"]
    assert [item["imported"] for item in again] == [False] * 4
    assert scratch.snapshot() == before


def _adr_receipts(scratch: Scratch) -> list[dict]:
    store = Store(scratch.root)
    return [dict(store.read_receipt(name).predicate) for name in store.walk("adr") if name.endswith(".receipt")]


def test_import_takes_the_day_of_the_first_commit_where_a_file_has_none(scratch: Scratch) -> None:
    scratch.write("docs/adr/0001-x.md", "# 1. X\n\n## Status\n\nAccepted\n\n## Context\n\nA.\n\n## Decision\n\nB.\n")
    scratch.git("add", "docs")
    scratch.git("-c", "user.name=x", "commit", "-q", "-m", "x", "--date", "2018-07-06T12:00:00Z")
    (item,) = scratch.json("adr", "import", "docs/adr").report["data"]["items"]
    assert "**Date**: 2018-07-06\n" in (scratch.root / item["file"]).read_text()


@pytest.mark.parametrize("option", ["--since=2030-01-01", "--until=2000-01-01", "--status=Rejected"])
def test_list_filters(original: Scratch, option: str) -> None:
    assert original.json("list", "adrs", option).report["data"]["items"] == []
    assert len(original.json("list", "adrs", "--status", "accepted").report["data"]["items"]) == 1


def test_a_decision_that_is_too_long_to_be_read_is_not_cut_short(scratch: Scratch) -> None:
    scratch.ok("adr", "create", "Use Kafka", *WRITTEN)
    path = scratch.root / "ops/receipts/adr/ADR-002-use-kafka.md"
    whole = path.read_bytes() + b"\n## Pictures\n\n" + b"iVBORw0KGgo" * 150_000
    path.write_bytes(whole)
    done = scratch.json("adr", "accept", "2")
    assert (done.status, done.codes) == (2, {"adr.form"}), done.out
    assert path.read_bytes() == whole


def test_what_is_too_long_to_be_read_is_not_imported_by_its_beginning(scratch: Scratch) -> None:
    text = b"# 1. Use Kafka\n\nDate: 2020-02-29\n\n## Status\n\nAccepted\n\n## Context\n\nA.\n\n"
    text += b"## Decision\n\nB.\n\n## Consequences\n\n"
    scratch.write("docs/adr/0002-small.md", text.replace(b"Kafka", b"Redis") + b"C.\n")
    scratch.write("docs/adr/0001-large.md", text + b"C.\n" * 400_000)
    done = scratch.ok("adr", "import", "docs/adr")
    assert "imported docs/adr/0002-small.md" in done.out
    assert "docs/adr/0001-large.md: left out: it is larger than" in done.out


LOSSY = """# 2. Keep two databases

Date: 2019-04-05

## Status

Partly superseded by [One](0003-one-database.md), never implemented

Supplemented by [the runbook][1]

## Context

Two teams.

## Decision Outcome

Two databases.

[1]: https://example.org/runbook
"""


def test_what_stands_behind_the_status_is_kept(scratch: Scratch) -> None:
    scratch.write("docs/adr/0002-two.md", LOSSY)
    done = scratch.json("adr", "import", "docs/adr", "--strict")
    (item,) = done.report["data"]["items"]
    assert (done.status, item["status"], done.report["data"]["unplaced"]) == (0, "Accepted", [])
    text = (scratch.root / item["file"]).read_text()
    for part in LOSSY.splitlines():
        assert part.lstrip("# ").removeprefix("Date: ") in text
    assert scratch.run("verify-audit").status == 0


UNPLACED = [
    ("a status without a word", "0001-x.md", NYGARD.replace("Accepted\n", "Deprecated\n"), "no word for its status"),
    ("number 0", "0000-x.md", NYGARD, "its number 0"),
    ("a number that is taken", "0001-x.md", NYGARD, "its number 1 is taken"),
    ("no day anywhere", "0003-x.md", NYGARD.replace("Date: 2020-02-29\n", ""), "names no day"),
    ("no decision", "notes.md", "# Notes\n\n## Minutes\n\nWe met.\n", "no decision"),
    ("another markup", "0003-x.adoc", "= X\n", "not Markdown"),
    ("not UTF-8", "0003-x.md", NYGARD.encode("utf-16"), "not UTF-8"),
    (
        "a successor that is not here",
        "0003-x.md",
        NYGARD.replace("Accepted", "Superseded by ADR-0009"),
        "its successor",
    ),
]


@pytest.mark.parametrize(("what", "name", "text", "said"), UNPLACED, ids=[row[0] for row in UNPLACED])
@pytest.mark.reason("adr.unplaced")
def test_what_has_no_place_is_named(scratch: Scratch, what: str, name: str, text: str | bytes, said: str) -> None:
    scratch.write(f"docs/adr/{name}", text)
    before = scratch.snapshot()
    done = scratch.run("adr", "import", "docs/adr", "--strict")
    assert (done.status, scratch.snapshot()) == (2, before), what
    assert f"docs/adr/{name}: " in done.out
    assert said in done.out
    assert "[adr.unplaced]" in done.out
    done = scratch.json("adr", "import", "docs/adr")
    assert done.status == 0
    assert any(said in one["message"] for one in done.report["data"]["unplaced"])
    assert scratch.run("verify-audit").status == 0


def test_a_shallow_clone_dates_nothing(scratch: Scratch) -> None:
    scratch.write("docs/adr/0003-x.md", NYGARD.replace("Date: 2020-02-29\n", ""))
    scratch.commit("one")
    scratch.commit("two")
    (scratch.root / ".git/shallow").write_bytes(scratch.git("rev-parse", "HEAD").encode())
    (left,) = scratch.json("adr", "import", "docs/adr").report["data"]["unplaced"]
    assert "shallow" in left["message"]


def test_successors_go_by_the_name_of_the_file(scratch: Scratch) -> None:
    """Two sources with one number, and both renumbered here: the link still says which one is meant."""
    old = NYGARD.replace("Accepted", "Superseded by [Two](0002-two.md) and [Three](0004-three.md)", 1)
    scratch.write("docs/adr/0001-old.md", old.replace("One database", "Old"))
    for name in ("0002-one", "0002-two", "0004-three"):
        scratch.write(f"docs/adr/{name}.md", NYGARD.replace("One database", name))
    done = scratch.run("adr", "import", "docs/adr")
    assert "its number 2 is taken" in done.out
    assert "0004-three.md stands in the text alone" in done.out
    said = [one for one in _adr_receipts(scratch) if one["status"] == "Superseded"]
    rows = {one["title"].partition(": ")[2]: one["file"] for one in scratch.json("adr", "list").report["data"]["items"]}
    assert rows["0002-two"].endswith(f"ADR-{said[0]['supersededBy']:03d}-{said[0]['supersededBySlug']}.md")


def test_an_interrupted_import_is_taken_up(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch.write("docs/adr/0002-keep-two-databases.md", OLD_MADR)
    scratch.write("docs/adr/0003-one-database.md", NYGARD)

    def ends(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    repository = Repository(scratch.root)
    with monkeypatch.context() as patch:
        patch.setattr(adopting, "_decide", ends)
        with pytest.raises(KeyboardInterrupt):
            adopting.adopt(repository, scratch.root / "docs/adr", SystemClock())
    assert [row[2] for row in listed(scratch)] == ["yes", "no", "no"]
    scratch.ok("adr", "import", "docs/adr")
    assert [row[2] for row in listed(scratch)] == ["yes", "yes", "yes"]
    assert {one.get("supersededBy") for one in _adr_receipts(scratch)} == {None, 3}
    assert scratch.run("verify-audit").status == 0


def test_a_receipt_from_the_last_second_of_the_calendar_ends_no_command(scratch: Scratch) -> None:
    scratch.ok("adr", "create", "Use Kafka", *WRITTEN)
    scratch.ok("adr", "accept", "2")
    (path,) = (scratch.root / "ops/receipts/adr").glob("ADR-001*.receipt")
    said = dict(parse(path.read_bytes()).predicate) | {"recordedAt": "9999-12-31T23:59:59Z"}
    Store(scratch.root).write_receipt(build("adr", [(FIRST, str(said["text"]))], said))
    done = scratch.json("adr", "supersede", "1", "--by", "2")
    assert (done.status, done.codes) == (1, {"receipt.future"}), done.out
