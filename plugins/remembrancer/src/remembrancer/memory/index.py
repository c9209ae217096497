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

from remembrancer.memory.sources import Source, sources

if TYPE_CHECKING:
    from remembrancer.memory.documents import Document

FORMAT = 2
_SCHEMA = """
CREATE TABLE source (path TEXT PRIMARY KEY, size INTEGER, changed INTEGER) WITHOUT ROWID;
CREATE TABLE state (digest TEXT);
CREATE TABLE document (
    id INTEGER PRIMARY KEY, path TEXT UNIQUE, kind TEXT, title TEXT, status TEXT, date TEXT, number INTEGER,
    replaces TEXT, replaced_by TEXT, about TEXT, at TEXT
);
CREATE VIRTUAL TABLE text USING fts5 (
    title, context, decision, consequences, more, tokenize = "porter unicode61 remove_diacritics 2"
);
"""


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
    for name in ("source", "state", "document", "text"):
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
            base.execute("DELETE FROM document WHERE id = ?", row)
            base.execute("DELETE FROM text WHERE rowid = ?", row)
        base.execute("DELETE FROM source WHERE path = ?", (path,))
    base.executemany("INSERT INTO source VALUES (?, ?, ?)", [(one.path, one.size, one.changed) for one in changed])
    _add(base, read(root, [one.path for one in changed]))


def _add(base: sqlite3.Connection, documents: "Iterable[Document]") -> None:
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
        base.execute("INSERT INTO text (rowid, title, context, decision, consequences, more) VALUES (?, ?, ?, ?, ?, ?)",
                     (cursor.lastrowid, one.title, *one.parts))  # fmt: skip
