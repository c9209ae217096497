"""Questions in plain words: what is found, in which order, from which cache, and that any input is only text."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from benchmarks import query_quality

from cli_support import ARTIFACT, Scratch, end_agents, new_scratch
from collection import ROOT
from remembrancer.adr import form as adr
from remembrancer.memory.ask import Answer, ask
from remembrancer.memory.index import cache_folder, opened
from remembrancer.memory.words import STOP, terms

TEXTS = {
    1: ("Use Kafka for scans", "Superseded", "Polling hurts.", "Scans go through Kafka.", "Brokers cost time."),
    2: ("Use NATS for scans", "Accepted", "Brokers cost time. Supersedes ADR-001.", "Scans go through NATS.", "Less."),
    3: ("Keep money as cents", "Accepted", "Sums were off.", "Whole cents with a currency.", "Exact."),
    4: ("Write it in Rust", "Rejected", "The planner is slow.", "We stay with Python.", "Ten seconds."),
}


def put(root: Path, number: int, text: tuple[str, str, str, str, str]) -> Path:
    title, status, context, decision, consequences = text
    fields = {"Date": "2026-01-02", "Status": status, "Context": context, "Decision": decision}
    fields |= {"Consequences": consequences, "Verification": "`make test`"}
    path = root / adr.FOLDER / adr.file_name(number, adr.slug_of(title))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(adr.render(number, title, fields))
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number, text in TEXTS.items():
        put(tmp_path / "r", number, text)
    return tmp_path / "r"


def answers(root: Path, question: str, limit: int = 5) -> list[Answer]:
    with closing(opened(root, root.parent / "cache")) as base:
        return ask(base, question, limit)


def numbers(root: Path, question: str) -> list[int]:
    return [adr.number_of(one.path) for one in answers(root, question)]


@pytest.mark.parametrize("half", ["tuned", "held-out"])
def test_the_evaluation_set_is_answered(half: str) -> None:
    first, third, count = query_quality.hits(half)
    assert count >= 20
    assert first >= query_quality.HIT_1
    assert third >= query_quality.HIT_3


def test_the_evaluation_set_is_large_and_has_no_answers_for_nonsense() -> None:
    assert len(list((ROOT / "benchmarks/query_set/adr").iterdir())) >= 25
    assert query_quality.answered_nonsense() == []


def test_a_question_finds_its_section(root: Path) -> None:
    (one,) = answers(root, "Why do we count money in cents, and which currency?")
    assert (one.path, one.section) == (f"{adr.FOLDER}/ADR-003-keep-money-as-cents.md", "Decision")
    assert (one.title, one.status, one.date) == ("ADR-003: Keep money as cents", "Accepted", "2026-01-02")
    assert one.passage == "Whole cents with a currency."


def test_words_are_stemmed_and_other_words_mean_the_same(root: Path) -> None:
    assert numbers(root, "currencies") == [3]
    assert numbers(root, "price")[0] == 3
    assert numbers(root, "plann") == [4]


def test_the_superseded_one_is_below_what_replaced_it(root: Path) -> None:
    found = answers(root, "why kafka for scans")
    assert [adr.number_of(one.path) for one in found] == [2, 1]
    assert found[0].replaced_by == ""
    assert found[1].status == "Superseded"
    assert found[1].replaced_by == "ADR-002: Use NATS for scans"
    # even where the question fits only the old one
    assert numbers(root, "polling") == [2, 1]


def test_chains_and_circles_of_replacements_end(root: Path) -> None:
    put(root, 2, ("Use NATS for scans", "Superseded", "A. Supersedes ADR-001.", "NATS.", "B."))
    put(root, 5, ("Use tables", "Accepted", "C. Supersedes ADR-002.", "Tables.", "Supersedes ADR-005."))
    assert numbers(root, "kafka") == [1]
    put(root, 1, (*TEXTS[1][:2], "Supersedes ADR-002. Supersedes ADR-001.", "Kafka.", "D."))
    assert numbers(root, "nats") == [5, 2]


@pytest.mark.parametrize(
    "question",
    [
        "",
        " ",
        "why did we?",
        "the of and",
        "flurbgrok",
        "xyzzy plugh quux",
        "kafkaesque trial of josef k",
        "?!.",
        "-",
        "*",
        "\x00",
    ],
)
def test_nothing_is_found_for_nonsense(root: Path, question: str) -> None:
    assert answers(root, question) == []


def test_too_small_a_part_of_a_question_is_no_answer(root: Path) -> None:
    assert answers(root, "zeppelin marmalade accordion xylophone kafka bassoon trombone piccolo") == []


OPERATORS = [
    '"',
    "'",
    '"kafka',
    "kafka*",
    "^kafka",
    "title:kafka",
    "NEAR(kafka scans)",
    "kafka AND NOT",
    "(kafka",
    "kafka)",
    "kafka; DROP TABLE document",
    "{title}: kafka",
    "-kafka",
    "kafka + scans",
    "\\kafka",
    "kafka\nscans",
    "KAFKA",
    "kafka\x00",
    "\udcffkafka",
    "\uff4b kafka",
    "\U0001f642 kafka",
    "why didn't we drop kafka’s brokers?",
]


@pytest.mark.parametrize("question", OPERATORS)
def test_operators_are_text(root: Path, question: str) -> None:
    answers(root, question)
    if "kafka" in question.lower():
        assert 1 in numbers(root, question)


def test_a_pasted_document_is_a_question_too(root: Path) -> None:
    assert numbers(root, "kafka " * 50_000) == [2, 1]
    answers(root, " ".join(f"word{number}" for number in range(5_000)))


def test_the_index_follows_the_files(root: Path) -> None:
    assert numbers(root, "zebra") == []
    path = put(root, 5, ("Use zebras", "Accepted", "Stripes.", "Zebras.", "Hay."))
    assert numbers(root, "zebra") == [5]
    path.write_bytes(path.read_bytes().replace(b"ebras", b"ebus"))
    assert numbers(root, "zebus") == [5]
    assert numbers(root, "zebra") == []
    path.unlink()
    assert numbers(root, "zebus") == []
    (root / adr.FOLDER / "ADR-006-link.md").symlink_to(root / adr.FOLDER / "ADR-003-keep-money-as-cents.md")
    assert numbers(root, "cents") == [3]


def broken(path: Path) -> None:
    path.write_bytes(b"this is no database" * 100)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def other_format(path: Path) -> None:
    with closing(sqlite3.connect(path)) as base:
        base.execute("PRAGMA user_version = 99")


def without_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as base:
        base.execute("DROP TABLE document")


@pytest.mark.parametrize("harm", [broken, empty, folder, other_format, without_table])
def test_a_bad_cache_is_made_again(root: Path, harm) -> None:
    assert numbers(root, "cents") == [3]
    (path,) = (root.parent / "cache").glob("*.sqlite")
    harm(path)
    put(root, 5, ("Use zebras", "Accepted", "Stripes.", "Zebras.", "Hay."))
    assert numbers(root, "zebra") == [5]


def test_many_at_once(root: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: numbers(root, "cents"), range(8)))
    assert found == [[3]] * 8


def test_the_cache_is_where_the_environment_says() -> None:
    assert cache_folder({"XDG_CACHE_HOME": "/c", "HOME": "/h"}) == Path("/c/remembrancer/memory")
    assert cache_folder({"XDG_CACHE_HOME": "relative", "HOME": "/h"}) == Path("/h/.cache/remembrancer/memory")


def test_versions_and_digests_are_one_phrase() -> None:
    assert [term.word for term in terms("is 1.4.0-rc.1 the same as 1.4.0?")] == ["1.4.0-rc.1", "1.4.0"]
    assert [term.word for term in terms("auto-increment keys don't")] == ["auto", "increment", "keys"]
    assert not STOP & {"database", "why-not", "kafka"}


@pytest.fixture(scope="module")
def original() -> Iterator[Scratch]:
    scratch = new_scratch()
    scratch.ok("init", "--dev", "--component", "my-svc")
    for number, text in TEXTS.items():
        put(scratch.root, number, text)
    scratch.ok(
        "record", "deploy", "--component", "my-svc", "--version", "0.1.0", "--rollback", "phone the lighthouse keeper"
    )
    scratch.ok("record", "rollback", "--component", "my-svc", "--to", "0.1.0", "--environment", "staging", "--reason",
               "checkout timeouts on the lighthouse island")  # fmt: skip
    scratch.ok("adr", "accept", "3")
    yield scratch
    end_agents(scratch)
    scratch.remove()


def test_decisions_and_receipts_are_asked_alike(original: Scratch) -> None:
    before = original.snapshot()
    done = original.json("query", "lighthouse")
    assert done.status == 0
    found = {item["kind"]: item for item in done.report["data"]["items"]}
    assert found.keys() == {"deploy", "rollback"}
    assert "phone the lighthouse keeper" in found["deploy"]["passage"]
    digest = original.json("list", "deployments").report["data"]["items"][0]["sha256"]
    assert original.json("query", digest).status == 0
    assert original.json("query", "0.1.0").status == 0
    assert [item["kind"] for item in original.json("query", "cents").report["data"]["items"]] == ["adr"]
    assert original.snapshot() == before
    assert any((original.home / ".cache/remembrancer/memory").iterdir())


def test_what_people_see(original: Scratch) -> None:
    done = original.run("query", "why", "kafka?", COLUMNS="60")
    assert done.status == 0
    assert all(len(line) <= 60 for line in done.out.splitlines())
    lines = done.out.splitlines()
    assert lines[0] == "1. ADR-002: Use NATS for scans (Accepted, 2026-01-02)"
    assert "   replaced by ADR-002: Use NATS for scans" in lines
    nothing = original.run("query", "flurbgrok")
    assert (nothing.status, nothing.out) == (
        1,
        "nothing is recorded about that\n"
        "  Ask in other words, or look at `remembrancer timeline` and `remembrancer list adrs`.\n",
    )
    assert original.json("query", "flurbgrok").report == {
        "schema": "https://vaultmesh.cloud/schema/report/v1",
        "command": "query",
        "exitCode": 1,
        "data": {"items": []},
    }


ARGUMENTS = [
    ("-kafka",),
    ("--kafka",),
    ("--", "--format", "kafka"),
    ("-rf", "kafka"),
    ("-x", "kafka"),
    ("--drop-table", "kafka"),
    ("kafka", "--limit=1"),
    ("kafka", "-v"),
    ("why kafka -- really",),
    ("-", "kafka"),
    ("--=kafka",),
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=" ".join)
def test_arguments_that_look_like_options_are_text(original: Scratch, arguments: tuple[str, ...]) -> None:
    done = original.run("query", *arguments)
    assert done.status == 0
    assert "Kafka" in done.out or "NATS" in done.out


@pytest.mark.parametrize(
    "arguments", [(), ("kafka", "--limit", "0"), ("kafka", "--limit", "x"), ("kafka", "--format"), ("--",)]
)
def test_usage(original: Scratch, arguments: tuple[str, ...]) -> None:
    assert original.run("query", *arguments).status == 2


def test_without_a_cache_folder(original: Scratch) -> None:
    assert original.run("query", "kafka", XDG_CACHE_HOME="/proc/nowhere").status == 0
    assert original.run("query", "kafka", XDG_CACHE_HOME=str(original.root / ARTIFACT)).status == 0
    assert original.run("query", "kafka", HOME="/proc/nowhere").status == 0


def test_no_verdict_reads_it(original: Scratch) -> None:
    original.ok("query", "kafka")
    for path in (original.home / ".cache/remembrancer/memory").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        path.write_bytes(b"")
    assert original.run("verify", ARTIFACT).status == 0
