"""Stems, as the search index itself makes them: SQLite's tokenizer is asked."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

TOKENS = "porter unicode61 remove_diacritics 2"


def of_words(words: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the stems in each word: one for most, several for a version or a path."""
    found = of_texts({row: (word,) for row, word in enumerate(words)})
    return [tuple(found[row][0]) for row in range(len(words))]


def of_texts(texts: Mapping[int, Sequence[str]]) -> dict[int, list[list[str]]]:
    """Return the stems of each part of each text, in their order; all texts have as many parts."""
    if not texts:
        return {}
    parts = len(next(iter(texts.values())))
    names = [f"c{part}" for part in range(parts)]
    with _table(names) as base:
        places = ", ".join("?" * (parts + 1))
        base.executemany(
            f"INSERT INTO given (rowid, {', '.join(names)}) VALUES ({places})",  # noqa: S608 - names made above
            [(row, *text) for row, text in texts.items()],
        )
        found: dict[int, list[list[tuple[int, str]]]] = {row: [[] for _ in names] for row in texts}
        for stem, row, column, offset in base.execute("SELECT term, doc, col, offset FROM stem"):
            found[row][int(column[1:])].append((offset, stem))
    return {row: [[stem for _, stem in sorted(part)] for part in text] for row, text in found.items()}


@contextmanager
def _table(names: Sequence[str]) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as base:
        base.execute(f"CREATE VIRTUAL TABLE given USING fts5 ({', '.join(names)}, tokenize = '{TOKENS}')")
        base.execute("CREATE VIRTUAL TABLE stem USING fts5vocab (given, instance)")
        yield base
