"""The search index: SQLite FTS5 in the user's cache, one file for each repository, brought up to date before each use.

Whatever is wrong with the file, it is made again; where it cannot be written, the index is made in memory.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from remembrancer.memory import stems
from remembrancer.memory.related import passages
from remembrancer.memory.sources import ADR, Source, sources
from remembrancer.memory.stems import TOKENS

if TYPE_CHECKING:
    from remembrancer.memory.documents import Document

FORMAT = 3
AT_ONCE = 200  # texts that are held as lists of words
_SCHEMA = f"""
CREATE TABLE source (path TEXT PRIMARY KEY, size INTEGER, changed INTEGER) WITHOUT ROWID;
CREATE TABLE state (digest TEXT);
CREATE TABLE document (
    id INTEGER PRIMARY KEY, path TEXT UNIQUE, kind TEXT, title TEXT, status TEXT, date TEXT, number INTEGER,
    replaces TEXT, replaced_by TEXT, about TEXT, at TEXT
);
CREATE TABLE size (document INTEGER PRIMARY KEY, title, context, decision, consequences, more);
CREATE TABLE passage (document INTEGER, vector BLOB);
CREATE INDEX passages ON passage (document);
CREATE VIRTUAL TABLE decided USING fts5 (title, context, decision, consequences, more, tokenize = "{TOKENS}");
CREATE VIRTUAL TABLE word USING fts5vocab (decided, instance);
CREATE VIRTUAL TABLE text USING fts5 (title, context, decision, consequences, more, tokenize = "{TOKENS}");
"""
_FORGET = (
    "DELETE FROM document WHERE id = ?",
    "DELETE FROM size WHERE document = ?",
    "DELETE FROM passage WHERE document = ?",
    "DELETE FROM decided WHERE rowid = ?",
    "DELETE FROM text WHERE rowid = ?",
)
_TABLES = ("source", "state", "document", "size", "passage", "word", "decided", "text")


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the caches that the environment names (it need not exist)."""
    base = environ.get("XDG_CACHE_HOME", "")
    if not (base and Path(base).is_absolute()):
        base = str(Path(environ.get("HOME", "") or Path.home()) / ".cache")
    return Path(base) / "remembrancer" / "memory"


def opened(root: Path, folder: Path | None = None) -> sqlite3.Connection:
    """Return an index of the repository at `root` that is up to date; the caller closes it."""
    path = (folder or cache_folder()) / f"{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:32]}.sqlite"
    here = sources(root)
    for _ in range(2):
        base = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            base = sqlite3.connect(path, timeout=10, isolation_level=None)
            path.chmod(0o600)
            _up_to_date(base, root, here)
        except (sqlite3.Error, OSError, ValueError, TypeError):
            if base is not None:
                base.close()
            for suffix in ("", "-journal"):
                with suppress(OSError):
                    path.with_name(path.name + suffix).unlink()
        else:
            return base
    base = sqlite3.connect(":memory:", isolation_level=None)
    _up_to_date(base, root, here)
    return base


def in_memory() -> sqlite3.Connection:
    """Return an empty index that no file holds, for a program that answers again and again; any thread may use it."""
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)


def refresh(base: sqlite3.Connection, root: Path) -> None:
    """Bring an index up to date with the files of the repository at `root`, reading those that changed."""
    _up_to_date(base, root, sources(root))


def _up_to_date(base: sqlite3.Connection, root: Path, here: list[Source]) -> None:
    digest = hashlib.blake2b(repr(here).encode()).hexdigest()
    if _format(base) == FORMAT and base.execute("SELECT digest FROM state").fetchone() == (digest,):
        return
    base.execute("PRAGMA synchronous = OFF")  # it is a cache: a torn file is made again
    base.execute("BEGIN IMMEDIATE")
    try:
        if _format(base) != FORMAT:
            _begin(base)
        _refresh(base, root, here)
        base.execute("DELETE FROM state")
        base.execute("INSERT INTO state VALUES (?)", (digest,))
        base.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            base.execute("ROLLBACK")
        raise


def _format(base: sqlite3.Connection) -> int:
    return int(base.execute("PRAGMA user_version").fetchone()[0])


def _begin(base: sqlite3.Connection) -> None:
    for name in _TABLES:
        base.execute(f"DROP TABLE IF EXISTS {name}")
    for statement in _SCHEMA.split(";"):
        base.execute(statement)
    base.execute(f"PRAGMA user_version = {FORMAT}")


def _refresh(base: sqlite3.Connection, root: Path, here: list[Source]) -> None:
    from remembrancer.memory.documents import read  # noqa: PLC0415 - an answer from a current index parses nothing

    known = {row[0]: Source(*row) for row in base.execute("SELECT path, size, changed FROM source")}
    changed = [one for one in here if known.get(one.path) != one]
    gone = known.keys() - {one.path for one in here}
    stale = [path for path in (*gone, *(one.path for one in changed)) if path in known]
    for path in stale:
        row = base.execute("SELECT id FROM document WHERE path = ?", (path,)).fetchone()
        if row:
            for statement in _FORGET:
                base.execute(statement, row)
        base.execute("DELETE FROM source WHERE path = ?", (path,))
    base.executemany("INSERT INTO source VALUES (?, ?, ?)", [(one.path, one.size, one.changed) for one in changed])
    _add(base, read(root, [one.path for one in changed]))


def _add(base: sqlite3.Connection, documents: "Iterable[Document]") -> None:
    decisions: dict[int, tuple[str, ...]] = {}
    for one in documents:
        cursor = base.execute(
            "INSERT INTO document (path, kind, title, status, date, number, replaces, replaced_by, about, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                one.path,
                one.kind,
                one.title,
                one.status,
                one.date,
                one.number,
                json.dumps(one.replaces),
                one.replaced_by,
                one.about,
                one.at,
            ),
        )
        if one.kind == f"{ADR} receipt":
            continue  # it says what replaced a decision, which answers for itself
        table = "decided" if one.kind == ADR else "text"
        texts = (one.title, *one.parts)
        base.execute(
            f"INSERT INTO {table} (rowid, title, context, decision, consequences, more) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
            (cursor.lastrowid, *texts),
        )
        if one.kind == ADR:
            decisions[int(cursor.lastrowid or 0)] = texts
    _measure(base, decisions)


def _measure(base: sqlite3.Connection, decisions: dict[int, tuple[str, ...]]) -> None:
    """Keep how long the parts of some decisions are, and what their passages are about."""
    rows = list(decisions)
    for at in range(0, len(rows), AT_ONCE):
        for row, parts in stems.of_texts({row: decisions[row] for row in rows[at : at + AT_ONCE]}).items():
            base.execute("INSERT INTO size VALUES (?, ?, ?, ?, ?, ?)", (row, *map(len, parts)))
            base.executemany("INSERT INTO passage VALUES (?, ?)", [(row, one.tobytes()) for one in passages(parts)])
