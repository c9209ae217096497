"""What a witness must never forget: the newest checkpoint of each log that it cosigned, and the evidence that it keeps.

A folder holds `keys` (private, mode 0600) and `witness.sqlite3`. `State.create` makes both, once. A witness whose
database is lost would cosign any fork of what it cosigned before, so `State.open` refuses keys without theirs.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from aurora.evidence import Evidence
from aurora.keys import cosigners, read_keys, write_keys
from aurora.witness.decide import NOTHING, judge, time_to_state
from aurora.witness.older import cosigned, is_older
from aurora.witness.request import Answer, Submission
from remembrancer.clock import Clock
from remembrancer.errors import EnvironmentTrouble, Refused
from remembrancer.tlog import NoteError, SignerKey, VerifierKey, cosign, open_note
from remembrancer.tlog.note import Signature

KEYS = "keys"
DATABASE = "witness.sqlite3"
BUSY = 10.0  # seconds; another process of the same witness holds the database no longer
MAX_EVIDENCE = 100  # documents of each kind that are kept of one log
FRESH = 60  # seconds in which the same checkpoint gets the same cosignatures again

_TABLES = """
CREATE TABLE witness (keys TEXT NOT NULL) STRICT;
CREATE TABLE logs (
  origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL, time INTEGER NOT NULL
) STRICT;
CREATE TABLE evidence (
  digest BLOB PRIMARY KEY, origin TEXT NOT NULL, kind TEXT NOT NULL, document BLOB NOT NULL, time INTEGER NOT NULL
) STRICT;
CREATE TRIGGER never_lower BEFORE UPDATE ON logs WHEN NEW.size < OLD.size
BEGIN SELECT RAISE(ABORT, 'a size never falls'); END;
CREATE TRIGGER never_gone BEFORE DELETE ON logs BEGIN SELECT RAISE(ABORT, 'a log is never forgotten'); END;
"""


class Known(NamedTuple):
    """What was cosigned last of one log: its size, and its note with the log's signatures and this witness's."""

    origin: str
    size: int
    note: bytes


class Kept(NamedTuple):
    """A document of evidence: of which log, "fork", "unproven" or "lost" (see `older`), and the file's bytes."""

    origin: str
    kind: str
    document: bytes


class State:
    """The folder of one witness; `submit` is its only step forward. May be used by many threads and processes."""

    def __init__(self, folder: Path, keys: Sequence[SignerKey], database: sqlite3.Connection, clock: Clock) -> None:
        self.folder, self.keys, self._clock = folder, tuple(keys), clock
        self._database, self._alone = database, threading.Lock()

    @classmethod
    def create(cls, folder: Path, keys: Sequence[SignerKey]) -> None:
        """Make a folder with these keys and a database that has cosigned nothing.

        Raises Refused(input.file) when the folder holds anything: nobody's state is begun anew. Raises
        EnvironmentTrouble(env.io).
        """
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if any(folder.iterdir()):
                raise Refused("input.file", f"{folder} is not empty, and a witness is never begun anew")
            with closing(sqlite3.connect(folder / DATABASE)) as database:
                database.executescript(f"PRAGMA journal_mode=WAL; {_TABLES}")
                database.execute("INSERT INTO witness VALUES (?)", [_ids(keys)])
                database.commit()
        except OSError as error:
            raise EnvironmentTrouble("env.io", f"cannot make {folder}: {error.strerror}") from None
        write_keys(folder / KEYS, keys)

    @classmethod
    def open(cls, folder: Path, clock: Clock) -> "State":
        """Open the folder of a witness that was created before.

        Raises BadInput(input.file) where none is, Refused(witness.lost-state) for keys without the database that
        belongs to them, EnvironmentTrouble(env.io).
        """
        keys = cosigners(read_keys(folder / KEYS))
        database: sqlite3.Connection | None = None
        try:
            database = sqlite3.connect(
                f"{(folder / DATABASE).absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=BUSY,
                isolation_level=None,
                check_same_thread=False,
            )
            database.execute("PRAGMA synchronous=FULL")  # what was answered is on the disk, whatever falls
            row = database.execute("SELECT keys FROM witness").fetchone()
        except sqlite3.Error as error:
            if database:
                database.close()
            raise Refused("witness.lost-state", f"{folder / DATABASE} is not this witness's: {error}") from None
        if row is None or row[0] != _ids(keys):
            database.close()
            raise Refused("witness.lost-state", f"{folder / DATABASE} belongs to other keys than {folder / KEYS}")
        return cls(folder, keys, database, clock)

    def close(self) -> None:
        """Close the database."""
        with self._alone:
            self._database.close()

    @property
    def verifiers(self) -> tuple[VerifierKey, ...]:
        """The public keys."""
        return tuple(key.verifier() for key in self.keys)

    def submit(self, asked: Submission) -> Answer:
        """Judge a submission and, if it is cosigned, make it the newest: one transaction, on the disk first.

        Raises EnvironmentTrouble(witness.clock, env.io): then nothing has changed.
        """
        with self._transaction() as database:
            row = database.execute(
                "SELECT size, root, note, time FROM logs WHERE origin = ?", [asked.checkpoint.origin]
            ).fetchone()
            size, root = row[:2] if row else NOTHING
            if self._is_older(database, asked.checkpoint.origin, asked.whole):
                return Answer(503, "what this witness remembers is older than what it cosigned [witness.lost-state]\n")
            refusal = judge(asked, size, root)
            if refusal:
                if refusal.evidence and row:
                    self._keep(database, asked, row[2], refusal.evidence)
                return refusal.answer
            now = time_to_state(int(self._clock.now().timestamp()), row[3] if row else 0)
            if row and asked.checkpoint.size == size and now - row[3] < FRESH and (held := self._held(asked, row[2])):
                return Answer(200, held)
            lines = self._cosigned(asked.text, now)
            if not lines:
                return Answer(422, "a checkpoint with extension lines is not cosigned here\n")
            text = "".join(line.line for line in lines)
            database.execute(
                "INSERT INTO logs VALUES (?, ?, ?, ?, ?) ON CONFLICT (origin) DO UPDATE"
                " SET size = excluded.size, root = excluded.root, note = excluded.note, time = excluded.time",
                [asked.checkpoint.origin, asked.checkpoint.size, asked.root, asked.note + text.encode(), now],
            )
        return Answer(200, text)

    def refuse_older(self, note: bytes) -> None:
        """Compare what is remembered with a checkpoint that somebody publishes.

        Raises Refused(witness.lost-state) if this witness has cosigned it and remembers less: then, and whenever it is
        asked later, nothing is cosigned. Raises EnvironmentTrouble(env.io).
        """
        own = cosigned(note, self.verifiers)
        with self._transaction() as database:
            older = own is not None and self._is_older(database, own.origin, note)
        if older and own:
            why = f"this witness cosigned {own.origin} at size {own.size}, and remembers less"
            raise Refused("witness.lost-state", why)

    def _is_older(self, database: sqlite3.Connection, origin: str, note: bytes) -> bool:
        """Say whether this database has been found older than what was cosigned, now or before; that is kept."""
        if database.execute("SELECT 1 FROM evidence WHERE kind = 'lost'").fetchone():
            return True
        row = database.execute("SELECT size, root, note FROM logs WHERE origin = ?", [origin]).fetchone()
        size, root, last = row or (*NOTHING, note)
        if not is_older(size, root, note, self.verifiers):
            return False
        document, now = Evidence(origin, (last, note)).format(), int(self._clock.now().timestamp())
        values = [sha256(b"lost" + note).digest(), origin, "lost", document, now]
        database.execute("INSERT OR IGNORE INTO evidence VALUES (?, ?, ?, ?, ?)", values)
        return True

    def note(self, origin_hash: str) -> bytes | None:
        """Return the newest cosigned note of the log whose origin has this SHA-256 (hex), or None."""
        with self._reading() as database:
            for (origin,) in database.execute("SELECT origin FROM logs"):
                if sha256(origin.encode()).hexdigest() == origin_hash:
                    found: bytes = database.execute("SELECT note FROM logs WHERE origin = ?", [origin]).fetchone()[0]
                    return found
        return None

    def size(self, origin: str) -> int:
        """Return the size that was cosigned last of a log, 0 before the first."""
        with self._reading() as database:
            row = database.execute("SELECT size FROM logs WHERE origin = ?", [origin]).fetchone()
        return int(row[0]) if row else 0

    def known(self) -> list[Known]:
        """Return what was cosigned last of every log."""
        with self._reading() as database:
            return [Known(*row) for row in database.execute("SELECT origin, size, note FROM logs ORDER BY origin")]

    def evidence(self) -> list[Kept]:
        """Return every document of evidence, oldest first."""
        with self._reading() as database:
            asked = "SELECT origin, kind, document FROM evidence ORDER BY time, rowid"
            return [Kept(*row) for row in database.execute(asked)]

    def _held(self, asked: Submission, note: bytes) -> str:
        """Return the cosignatures of this very text that are remembered, "" for another text of the same tree."""
        held = open_note(note, self.verifiers)
        return "".join(line.line for line in held.signatures) if held.text == asked.text else ""

    def _cosigned(self, text: str, now: int) -> list[Signature]:
        lines = []
        for key in self.keys:
            try:
                lines.append(cosign(text, key, now))
            except NoteError:  # extension lines, of which an ML-DSA-44 cosignature says nothing
                continue
        return lines

    def _keep(self, database: sqlite3.Connection, asked: Submission, note: bytes, kind: str) -> None:
        origin = asked.checkpoint.origin
        document = Evidence(origin, (note, asked.note)).format()
        same = "SELECT count(*) FROM evidence WHERE origin = ? AND kind = ?"
        if database.execute(same, [origin, kind]).fetchone()[0] < MAX_EVIDENCE:
            row = [sha256(asked.note).digest(), origin, kind, document, int(self._clock.now().timestamp())]
            database.execute("INSERT OR IGNORE INTO evidence VALUES (?, ?, ?, ?, ?)", row)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as database:
            database.execute("BEGIN IMMEDIATE")  # nobody else decides between this and the commit
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:  # also where the commit could not be written
                    database.execute("ROLLBACK")
                raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._alone:
            try:
                yield self._database
            except sqlite3.Error as error:
                raise EnvironmentTrouble("env.io", f"the witness's database cannot be used: {error}") from None


def _ids(keys: Sequence[SignerKey]) -> str:
    return "\n".join(f"{key.name}+{key.key_id}" for key in keys)
