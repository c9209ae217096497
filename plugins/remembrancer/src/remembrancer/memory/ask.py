"""Answering: decisions by the question's words, by words that are near them, and by what a passage is about.

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

from remembrancer.memory.ranking import WEIGHTS, Found, decisions, sought
from remembrancer.memory.sources import ADR
from remembrancer.memory.words import Term, quoted, terms

EVENTS = 200  # receipts that one word can bring into question
RECEIPT = 0.5  # a question is about decisions before it is about events
ENOUGH = 0.25  # or the share of a question, by number or by rarity, whose very words an answer has
MORE = 0.34  # the same where none of its words is in the title: one word in three is chance
LEAST = 0.45  # score and coverage together, of one of the best decisions at least
SHARE = 0.4  # of the best decision's score, for another one
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


def ask(base: sqlite3.Connection, question: str, limit: int = 5) -> list[Answer]:
    """Return at most `limit` answers, best first; none where nothing covers enough of the question."""
    asked = terms(question)
    if not asked:
        return []
    looked = sought(asked)
    found = _enough(decisions(base, looked), _titled(base, "decided", asked)) | _receipts(base, asked)
    order = sorted(found, key=lambda row: (-found[row].score, row))
    placed = _newer_first(base, order[: limit * 4])[:limit]
    words = sorted({word for one in looked for word in one.words})
    return [_answer(base, row, by, words, found[row].covered if row in found else 0.0) for row, by in placed]


def _enough(found: dict[int, Found], titled: set[int]) -> dict[int, Found]:
    """Return the decisions that answer; none where even the best have too little to do with the question."""
    least = SHARE * max((one.score for one in found.values()), default=0.0)
    best = {row: one for row, one in found.items() if one.score >= least}
    if any(
        one.score + one.covered >= LEAST or one.word_for_word >= (ENOUGH if row in titled else MORE)
        for row, one in best.items()
    ):
        return best
    return {}


def _titled(base: sqlite3.Connection, table: str, asked: list[Term]) -> set[int]:
    """Return what has a word of the question in its title."""
    phrase = f"{{title}} : ({' OR '.join(quoted(term.word) for term in asked)})"
    return {row for (row,) in base.execute(f"SELECT rowid FROM {table} WHERE {table} MATCH ?", (phrase,))}  # noqa: S608


def _receipts(base: sqlite3.Connection, asked: list[Term]) -> dict[int, Found]:
    """Return the receipts that have enough of a question's words."""
    (count,) = base.execute("SELECT count(*) FROM text").fetchone()
    scores: defaultdict[int, float] = defaultdict(float)
    covered: defaultdict[int, float] = defaultdict(float)
    having: Counter[int] = Counter()
    whole = 0.0
    for term in asked:
        said = dict(base.execute("SELECT rowid, -bm25(text) FROM text WHERE text MATCH ?", (quoted(term.word),)))
        rarity = math.log(1 + (count - len(said) + 0.5) / (len(said) + 0.5))
        whole += rarity
        usual = max(math.log((count - len(said) + 0.5) / (len(said) + 0.5)), 1e-6)  # FTS5 counts a common word as none
        for row in nlargest(EVENTS, said, key=said.__getitem__):
            scores[row] += rarity * said[row] / usual / 2.2
            covered[row] += rarity
            having[row] += 1
    titled = _titled(base, "text", asked)
    return {
        row: Found(RECEIPT * score / whole, covered[row] / whole)
        for row, score in scores.items()
        if max(covered[row] / whole, having[row] / len(asked)) >= (ENOUGH if row in titled else MORE)
    }


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


def _answer(base: sqlite3.Connection, row: int, by: int, words: list[str], coverage: float) -> Answer:
    path, kind, title, status, date = base.execute(
        "SELECT path, kind, title, status, date FROM document WHERE id = ?", (row,)
    ).fetchone()
    phrases = " OR ".join(map(quoted, words))
    table = "decided" if kind == ADR else "text"
    parts = ", ".join(f"snippet({table}, {column}, '{_BEGIN}', '{_END}', ' … ', 28)" for column in range(1, 5))
    texts = (
        base.execute(
            f"SELECT {parts} FROM {table} WHERE rowid = ? AND {table} MATCH ?",  # noqa: S608 - our own names
            (row, phrases),
        ).fetchone()
        or base.execute(f"SELECT context, decision, consequences, more FROM {table} WHERE rowid = ?", (row,)).fetchone()  # noqa: S608
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
