"""How well each decision answers a question: BM25F over its parts, in which near words count too, and its passages.

BM25F: Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009, 3.6. Near words count as in a translation
language model (Berger and Lafferty 1999): as a part of the word that was asked for, never as much as it.
"""

import math
import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import islice

from remembrancer.memory import stems
from remembrancer.memory.related import cosine, meaning, related
from remembrancer.memory.words import Term, quoted

COLUMNS = ("title", "context", "decision", "consequences", "more")
WEIGHTS = (4.0, 1.0, 1.2, 1.0, 0.7)  # of a word in each of them
LENGTHS = (0.3, 0.75, 0.75, 0.75, 0.75)  # how much a part's length counts against it (b)
SATURATION = 1.6  # k1
ONCE = 1 / (1 + SATURATION)  # what a word counts that is said once: all near words together count no more
SPELLING = 0.9  # how much another spelling counts beside the word
ALIKE = 0.4  # another word for the same thing
NEAR = 0.5  # and a word that is near it, at most
PASSAGE = 0.5  # what a passage about the same counts beside all of the question's words
FEW = 16  # a longer question needs no other words
BEGINS = 4  # letters, for a word that others may begin with
READ = 100  # decisions whose passages are compared

Postings = Mapping[str, Mapping[int, float]]


@dataclass(slots=True)
class Found:
    """How good an answer is, the share of the question that it covers, and the share that it has word for word, by the
    rarity of its words or by their number (all of them 0 to about 1)."""

    score: float = 0.0
    covered: float = 0.0
    word_for_word: float = 0.0


@dataclass(frozen=True, slots=True)
class Sought:
    """One thing that is looked for, as the index knows it: its stems (several for a version or a path), what each stem
    counts that stands for it, and the words to show for them."""

    term: Term
    own: tuple[str, ...]
    weights: Mapping[str, float]
    words: tuple[str, ...]


def sought(asked: Sequence[Term]) -> list[Sought]:
    """Return what to look for: each word itself, other spellings of it, and words near it, the nearer the more."""
    forms = [[term.word, *term.same, *term.alike] for term in asked]
    known = iter(stems.of_words([word for words in forms for word in words]))
    found = []
    for term, words in zip(asked, forms, strict=True):
        own, *others = islice(known, len(words))
        weights: dict[str, float] = {}
        if len(own) == 1:
            weights[own[0]] = 1.0
            for place, other in enumerate(others):
                weights.setdefault(" ".join(other), SPELLING if place < len(term.same) else ALIKE)
            for near in related().near(own[0]) if len(asked) <= FEW else ():
                if near.stem not in weights:
                    weights[near.stem] = NEAR * near.nearness
                    words.append(near.word)
        found.append(Sought(term, own, weights, tuple(words)))
    return found


def decisions(base: sqlite3.Connection, asked: Sequence[Sought]) -> dict[int, Found]:
    """Return every decision that has something to do with a question, by its row."""
    columns = ", ".join(COLUMNS)
    sizes = {row: lengths for row, *lengths in base.execute(f"SELECT document, {columns} FROM size")}  # noqa: S608
    if not sizes:
        return {}
    postings = _postings(base, {stem for one in asked for stem in one.weights}, sizes)
    found: defaultdict[int, Found] = defaultdict(Found)
    own: defaultdict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    whole = 0.0
    for one in asked:
        there = [(weight, postings[stem]) for stem, weight in one.weights.items() if stem in postings]
        there = there or [(weight, rows) for weight, rows in _phrase(base, one) if rows]
        rarity = _rarity(len(sizes), there)
        whole += rarity
        most = ONCE if any(weight == 1.0 for weight, _ in there) else 1.0  # nothing to outvote where nobody has it
        often: defaultdict[int, float] = defaultdict(float)
        best: dict[int, float] = {}
        for weight, rows in there:
            for row, count in rows.items():
                often[row] += weight * count
                best[row] = max(best.get(row, 0.0), weight)
        for row, count in often.items():
            enough = count / (count + SATURATION)
            found[row].score += rarity * (enough if best[row] == 1.0 else min(enough, most))
            found[row].covered += rarity * best[row]
            if best[row] == 1.0:
                own[row][0] += rarity
                own[row][1] += 1.0
    for row, each in found.items():
        each.score /= whole
        each.covered /= whole
        each.word_for_word = max(own[row][0] / whole, own[row][1] / len(asked))
    _compare(base, meaning(stem for one in asked for stem in one.own), found)
    return found


def _postings(base: sqlite3.Connection, wanted: Iterable[str], sizes: Mapping[int, Sequence[int]]) -> Postings:
    """Return how much each decision says of each stem, a part's weight and length counted in."""
    usual = [max(1.0, sum(part) / len(sizes)) for part in zip(*sizes.values(), strict=True)]
    found: defaultdict[str, defaultdict[int, float]] = defaultdict(lambda: defaultdict(float))
    names = sorted(wanted)
    places = ", ".join("?" * len(names))
    statement = f"SELECT term, doc, col, count(*) FROM word WHERE term IN ({places}) GROUP BY term, doc, col"  # noqa: S608
    for stem, row, column, count in base.execute(statement, names):
        part = COLUMNS.index(column)
        length = 1 + LENGTHS[part] * (sizes[row][part] / usual[part] - 1)
        found[stem][row] += WEIGHTS[part] * count / length
    return found


def _phrase(base: sqlite3.Connection, one: Sought) -> Iterator[tuple[float, Mapping[int, float]]]:
    """Yield the decisions that have a word of several stems, or else one that begins with the word."""
    statement = "SELECT rowid FROM decided WHERE decided MATCH ?"
    if len(one.own) > 1:
        yield 1.0, {row: 1.0 for (row,) in base.execute(statement, (quoted(one.term.word),))}
    elif len(one.term.word) >= BEGINS:
        yield NEAR, {row: 1.0 for (row,) in base.execute(statement, (f"{quoted(one.term.word)} *",))}


def _rarity(count: int, there: Sequence[tuple[float, Mapping[int, float]]]) -> float:
    """Return how rare a word is: itself, where it is met; else what stands for it; most, where nothing does."""
    shares = [(weight, rows) for weight, rows in there if weight == 1.0] or there or [(1.0, {})]
    each = [(weight, math.log(1 + (count - len(rows) + 0.5) / (len(rows) + 0.5))) for weight, rows in shares]
    return sum(weight * rare for weight, rare in each) / sum(weight for weight, _ in each)


def _compare(base: sqlite3.Connection, about: "array[int] | None", found: Mapping[int, Found]) -> None:
    """Add to the best decisions so far how near their nearest passage is to the question as a whole."""
    if about is None:
        return
    best = nlargest(READ, found, key=lambda row: found[row].score)
    nearest: dict[int, float] = {}
    statement = f"SELECT document, vector FROM passage WHERE document IN ({', '.join('?' * len(best))})"  # noqa: S608
    for row, vector in base.execute(statement, best):
        nearest[row] = max(nearest.get(row, 0.0), cosine(about, array("h", vector)))
    for row, near in nearest.items():
        found[row].score += PASSAGE * near
