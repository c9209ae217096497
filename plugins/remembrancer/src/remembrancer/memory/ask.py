"""Answering: every word is scored with BM25, a word of the title counts apart.

A superseded decision is marked, and ranked below the one that replaced it. A question of which too little is found
anywhere has no answer.
"""

import json
import math
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from heapq import nlargest

from remembrancer.memory.sources import ADR
from remembrancer.memory.words import Term, quoted, terms

WEIGHTS = (1.0, 1.0, 1.2, 1.0, 0.8)  # title, Context, Decision, Consequences, More
TITLE = 2.0  # what a word of the title counts beside how often it stands anywhere
ALIKE = 0.25  # how much another word for the same thing counts
COVERS = 0.5  # how much of its word it covers
EVENTS = 200  # receipts that one word can bring into question
RECEIPT = 0.5  # a question is about decisions before it is about events
ENOUGH = 0.25  # the share of a question, by number or by rarity of its words, that an answer has to cover
MORE = 0.26  # the same where none of its words is in the title: one word in four is chance
_SECTIONS = ("Title", "Context", "Decision", "Consequences", "More")
_BEGIN, _END = "\x02", "\x03"


@dataclass(frozen=True, slots=True)
class Answer:
    """One passage: its file, what it is called, its section and text, day and status, and the share of the question
    that it covers (0 to 1). `replaced_by` is the title of the decision that is in force instead."""

    path: str
    kind: str
    title: str
    section: str
    passage: str
    date: str
    status: str
    coverage: float
    replaced_by: str = ""


@dataclass(slots=True)
class _Found:
    score: float = 0.0
    covered: float = 0.0
    words: float = 0.0
    own: bool = False


def ask(base: sqlite3.Connection, question: str, limit: int = 5) -> list[Answer]:
    """Return at most `limit` answers, best first; none where nothing covers enough of the question."""
    (count,) = base.execute("SELECT count(*) FROM document").fetchone()
    asked = terms(question)
    if not count or not asked:
        return []
    found: defaultdict[int, _Found] = defaultdict(_Found)
    whole = 0.0
    of_kind = "SELECT id FROM document WHERE kind = ?"
    decisions = {row for (row,) in base.execute(of_kind, (ADR,))}
    bound = {row for (row,) in base.execute(of_kind, (f"{ADR} receipt",))}
    for term in asked:
        scores, rarity = _score(base, term, count, decisions)
        whole += rarity
        for row, (score, share) in scores.items():
            found[row].score += score
            found[row].covered += rarity * share
            found[row].words += share
            found[row].own |= share == 1.0
    if not whole:
        return []
    any_word = " OR ".join(quoted(term.word) for term in asked)
    titled = {
        row for (row,) in base.execute("SELECT rowid FROM text WHERE text MATCH ?", (f"{{title}} : ({any_word})",))
    }
    ranked = {
        row: one.score * (1 if row in decisions else RECEIPT)
        for row, one in found.items()
        if row not in bound and max(one.covered / whole, one.words / len(asked)) >= (ENOUGH if row in titled else MORE)
    }
    # the question's own words are never outvoted: what has none of them comes behind all that have
    order = sorted(ranked, key=lambda row: (not found[row].own, -ranked[row], row))[: limit * 4]
    placed = _newer_first(base, order)[:limit]
    return [_answer(base, row, by, asked, found[row].covered / whole) for row, by in placed]


def _score(
    base: sqlite3.Connection, term: Term, count: int, decisions: set[int]
) -> tuple[dict[int, tuple[float, float]], float]:
    """Return score and share of the term for each document that has it or a word like it, and how rare the term is."""
    exact = _matches(base, quoted(term.word), count, decisions)
    near: dict[int, float] = {}
    for word in term.alike:
        for row, score in _matches(base, quoted(word), count, decisions).items():
            near[row] = max(near.get(row, 0.0), score)
    if not exact and not near and len(term.word) >= 4:
        near = _matches(base, f"{quoted(term.word)} *", count, decisions)
    found = {row: (ALIKE * score, COVERS) for row, score in near.items()}
    for row, score in exact.items():
        found[row] = (max(score, found.get(row, (0.0, 0.0))[0]), 1.0)
    having = len(exact or near)
    rarity = math.log(1 + (count - having + 0.5) / (having + 0.5))
    return {row: (rarity * score, share) for row, (score, share) in found.items()}, rarity


def _matches(base: sqlite3.Connection, phrase: str, count: int, decisions: set[int]) -> dict[int, float]:
    """Return how much each document says of a phrase: BM25 without its rarity, which FTS5 counts as none for a word
    that half of all documents have."""
    weights = ", ".join(str(weight) for weight in WEIGHTS)
    statement = f"SELECT rowid, -bm25(text, {weights}) FROM text WHERE text MATCH ?"  # noqa: S608 - our own numbers
    found = dict(base.execute(statement, (phrase,)).fetchall())
    rarity = max(math.log((count - len(found) + 0.5) / (len(found) + 0.5)), 1e-6)
    others = found.keys() - decisions
    if len(others) > EVENTS:  # thousands of receipts say the same of it
        others = set(nlargest(EVENTS, others, key=found.__getitem__))
    said = {row: found[row] / rarity for row in (*(found.keys() & decisions), *others)}
    for (row,) in base.execute("SELECT rowid FROM text WHERE text MATCH ?", (f"{{title}} : {phrase}",)):
        if row in said:
            said[row] += TITLE
    return said


def _newer_first(base: sqlite3.Connection, order: Iterable[int]) -> list[tuple[int, int]]:
    """Return (document, what replaced it or 0), each superseded one directly below its replacement.

    A replacement that the question did not find is put in front of what it replaced.
    """
    replaced = _replacements(base)
    placed: list[tuple[int, int]] = []
    there: set[int] = set()
    for row in order:
        chain = [row]
        while (newer := replaced.get(chain[-1], 0)) and newer not in chain:
            chain.append(newer)
        for one in reversed(chain):
            if one not in there:
                there.add(one)
                placed.append((one, replaced.get(one, 0)))
    return placed


def _replacements(base: sqlite3.Connection) -> dict[int, int]:
    """Return which document replaced which: receipts say so, and texts of decisions in force."""
    rows = base.execute("SELECT id, number, status, path FROM document WHERE kind = ?", (ADR,)).fetchall()
    shared = Counter(number for _, number, _, _ in rows)
    # a number that two decisions have says of neither that it is meant
    by_name = {str(number): row for row, number, _, _ in rows if shared[number] == 1}
    by_name |= {path: row for row, _, _, path in rows}
    superseded = {row for row, _, status, _ in rows if status == "Superseded"}
    found: dict[int, int] = {}
    texts = "SELECT id, replaces FROM document WHERE kind = ? AND status = 'Accepted' AND replaces != '[]'"
    for row, numbers in base.execute(texts, (ADR,)):
        for number in json.loads(numbers):
            if by_name.get(str(number)) in superseded:
                found[by_name[str(number)]] = row
    for about, by in base.execute("SELECT about, replaced_by FROM document WHERE replaced_by != '' ORDER BY at"):
        if by_name.get(about) in superseded and by in by_name:
            found[by_name[about]] = by_name[by]
    return found


def _answer(base: sqlite3.Connection, row: int, by: int, asked: list[Term], coverage: float) -> Answer:
    path, kind, title, status, date = base.execute(
        "SELECT path, kind, title, status, date FROM document WHERE id = ?", (row,)
    ).fetchone()
    phrases = " OR ".join(quoted(word) for term in asked for word in (term.word, *term.alike))
    parts = ", ".join(f"snippet(text, {column}, '{_BEGIN}', '{_END}', ' … ', 28)" for column in range(1, 5))
    texts = (
        base.execute(
            f"SELECT {parts} FROM text WHERE rowid = ? AND text MATCH ?",  # noqa: S608 - our own numbers
            (row, phrases),
        ).fetchone()
        or base.execute("SELECT context, decision, consequences, more FROM text WHERE rowid = ?", (row,)).fetchone()
    )
    best = max(range(4), key=lambda column: (_hits(texts[column]) * WEIGHTS[column + 1], column == 1))
    passage = " ".join(texts[best].replace(_BEGIN, "").replace(_END, "").split())
    section = _SECTIONS[best + 1] if kind == ADR else kind
    made = Answer(path, kind, title, section, passage, date, status, round(coverage, 3))
    if not by:
        return made
    (newer,) = base.execute("SELECT title FROM document WHERE id = ?", (by,)).fetchone()
    return replace(made, replaced_by=newer)


def _hits(text: str) -> int:
    """Count the different words of the question in a snippet."""
    return len({part.partition(_END)[0].lower() for part in text.split(_BEGIN)[1:]})
