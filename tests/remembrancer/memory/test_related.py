"""Words that have to do with each other: the table is whole, and a near word counts less than the word itself."""

from contextlib import closing
from pathlib import Path

import pytest

from collection import ROOT
from remembrancer.adr import form as adr
from remembrancer.memory import stems
from remembrancer.memory.ask import ask
from remembrancer.memory.index import opened
from remembrancer.memory.ranking import NEAR, decisions, sought
from remembrancer.memory.related import FILE, NEAREST, UNIT, Related, cosine, meaning, related
from remembrancer.memory.words import terms


def corpus(root: Path, *texts: tuple[str, str]) -> Path:
    """Write a decision for each title and text."""
    for number, (title, text) in enumerate(texts, 1):
        fields = {"Date": "2026-01-02", "Status": adr.ACCEPTED, "Context": "Nothing is said."}
        fields |= {"Decision": text, "Consequences": "Nothing is said.", "Verification": "`make test`"}
        path = root / adr.FOLDER / adr.file_name(number, adr.slug_of(title))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(adr.render(number, title, fields))
    return root


def numbers(root: Path, question: str) -> list[int]:
    with closing(opened(root, root / "cache")) as base:
        return [adr.number_of(one.path) for one in ask(base, question)]


def near(word: str) -> list[str]:
    return [one.word for one in related().near(stems.of_words([word])[0][0])]


def test_the_table_is_whole_and_made_of_the_listed_words() -> None:
    lines = (ROOT / "benchmarks/related_words.txt").read_text(encoding="utf-8").splitlines()
    listed = {line.split()[0] for line in lines}
    table = related()
    words = sorted(listed)
    known = dict(zip(words, (one[0] for one in stems.of_words(words)), strict=True))
    rows = {stem: table.near(stem) for stem in set(known.values()) if table.vector(stem) is not None}
    assert len(rows) > 8_000
    for row in rows.values():
        assert len(row) <= NEAREST
        assert [one.nearness for one in row] == sorted((one.nearness for one in row), reverse=True)
        assert all(0 < one.nearness <= 1 and known[one.word] == one.stem for one in row)
    with pytest.raises(ValueError, match="not whole"):
        Related(FILE.read_bytes()[:-1])


def test_near_words_are_near() -> None:
    assert "auth" in near("authentication")
    assert "delete" in near("remove")
    assert "employee" in near("colleague")
    assert near("flurbgrok") == []


def test_a_direction_is_compared() -> None:
    one, same, other = (meaning(words) for words in (["databas"], ["databas", "databas"], ["guitar"]))
    assert one is not None
    assert same is not None
    assert other is not None
    assert cosine(one, same) == pytest.approx(1, abs=1e-3)
    assert cosine(one, other) < 0.2
    assert max(map(abs, one)) <= UNIT
    assert meaning(["flurbgrok"]) is None


@pytest.mark.parametrize(
    ("question", "title", "text"),
    [
        ("How do we get rid of old accounts?", "Delete inactive users", "A nightly job erases them."),
        ("Can a colleague remove it?", "Let employees delete files", "Any worker may erase them."),
    ],
)
def test_other_words_find_it(tmp_path: Path, question: str, title: str, text: str) -> None:
    others = (("Write in Rust", "The planner is fast."), ("Keep money as cents", "Whole cents with a currency."))
    assert numbers(corpus(tmp_path, *others, (title, text)), question)[:1] == [3]


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("k8s", "Kubernetes"),
        ("kubernetes", "k8s"),
        ("i18n", "localization"),
        ("database", "db"),
        ("organisation", "organization"),
        ("behavior", "behaviour"),
        ("authorize", "authorise"),
        ("licences", "licence"),
    ],
)
def test_other_spellings_are_the_word(tmp_path: Path, asked: str, written: str) -> None:
    root = corpus(tmp_path, ("Use it", f"We want {written} here."), ("Write in Rust", "The planner is fast."))
    assert numbers(root, asked)[0] == 1


@pytest.mark.parametrize("word", ["remove", "colleague", "authentication", "database", "price"])
def test_the_questions_own_word_counts_more_than_any_near_one(tmp_path: Path, word: str) -> None:
    nearest = related().near(stems.of_words([word])[0][0])[0]
    root = corpus(tmp_path, ("Use it", f"The {nearest.word} is here."), ("Use it", f"The {word} is here."))
    assert numbers(root, word)[0] == 2
    (one,) = sought(terms(word))
    assert all(weight < 1 for stem, weight in one.weights.items() if stem != one.own[0])
    assert NEAR < 1


def test_near_words_never_outvote_it_however_many(tmp_path: Path) -> None:
    many = " ".join(near("zebra")[:20] * 300)
    assert numbers(corpus(tmp_path, ("Use it", many), ("Use that", "A zebra is here.")), "zebra")[0] == 2


def test_parts_are_weighed_apart(tmp_path: Path) -> None:
    root = tmp_path
    for number, part in enumerate(("title", "Context", "Decision", "Consequences", "Verification"), 1):
        fields = dict.fromkeys(adr.PROMPTS, "Nothing is said.") | {"Date": "2026-01-02", "Status": adr.ACCEPTED}
        title = "Use the zebra" if part == "title" else "Use it"
        if part != "title":
            fields[part] = "Zebra is said."
        path = root / adr.FOLDER / adr.file_name(number, adr.slug_of(title))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(adr.render(number, title, fields))
    with closing(opened(root, root / "cache")) as base:
        found = decisions(base, sought(terms("zebra")))
    scores = [found[row].score for row in sorted(found)]
    title, context, decision, _, more = scores
    assert title > decision > context > more


def test_stems_are_those_of_the_index(tmp_path: Path) -> None:
    root = corpus(tmp_path, ("Use parcels", "Deliveries of 1.4.0 are organised."))
    with closing(opened(root, root / "cache")) as base:
        known = {term for (term,) in base.execute("SELECT term FROM word")}
    found = stems.of_words(["deliveries", "1.4.0", "organised", "parcel"])
    assert found[1] == ("1", "4", "0")
    assert {stem for word in found for stem in word} <= known
    assert stems.of_texts({}) == {}
