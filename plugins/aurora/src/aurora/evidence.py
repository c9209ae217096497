"""Evidence that a log forked: two checkpoints that it signed, and where they contradict each other. Judged offline.

The file is JSON (`evidence.schema.json`): the origin, the two signed notes, and for trees of two sizes what the longer
one says about the shorter one's size, with the consistency proof that it does (RFC 6962 section 2.1.2). A witness and
`remembrancer verify-audit` write it. Whoever judges it needs the log's key from elsewhere, and nothing else.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from aurora.files import packaged
from remembrancer.errors import BadInput, Rejected
from remembrancer.tlog import NoteError, ProofError, VerifierKey, open_note, verify_consistency
from remembrancer.tlog.checkpoint import Checkpoint
from remembrancer.tlog.key import COSIGNATURE

SCHEMA = "https://vaultmesh.cloud/schema/fork-evidence/v1"
MAX_FILE = 5_000_000  # bytes; two notes of the largest size, escaped

_HASH = re.compile("[0-9a-f]{64}", re.ASCII)
_MEMBERS = {"schema", "origin", "checkpoints", "prefix"}


class Prefix(NamedTuple):
    """What the longer log says about the shorter one's size: the root that it had then, and the proof of that."""

    size: int
    root: bytes
    consistency: tuple[bytes, ...]


class Evidence(NamedTuple):
    """Two signed checkpoints (notes) of one origin, and for two sizes what lies between them."""

    origin: str
    checkpoints: tuple[bytes, bytes]
    prefix: Prefix | None = None

    def format(self) -> bytes:
        """Return the file's bytes."""
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "origin": self.origin,
            "checkpoints": [note.decode() for note in self.checkpoints],
        }
        if self.prefix:
            size, root, proof = self.prefix
            document["prefix"] = {"size": size, "root": root.hex(), "consistency": [one.hex() for one in proof]}
        return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


class Fork(NamedTuple):
    """A fork that is proven: what was signed of one size, twice."""

    origin: str
    size: int
    roots: tuple[bytes, bytes]


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the file."""
    return packaged("evidence.schema.json")


def parse(data: bytes) -> Evidence:
    """Return the evidence in a file; a file of the Remembrancer leaves `schema` out. Raises BadInput(evidence.form)."""
    if len(data) > MAX_FILE:
        raise _malformed(f"a file of evidence has at most {MAX_FILE} bytes")
    try:
        document = json.loads(data, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise _malformed("it is not JSON, or a member is there twice") from None
    if not isinstance(document, dict) or not document.keys() <= _MEMBERS or document.get("schema", SCHEMA) != SCHEMA:
        raise _malformed(f"it is not an object of {SCHEMA}")
    match document:
        case {"origin": str(origin), "checkpoints": [str(one), str(other)]}:
            try:
                notes = (one.encode(), other.encode())
            except UnicodeEncodeError:
                raise _malformed("a checkpoint is not text") from None
            return Evidence(origin, notes, _prefix(document["prefix"]) if "prefix" in document else None)
    raise _malformed("it needs an origin and two checkpoints")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is there twice")
    return found


def _prefix(value: object) -> Prefix:
    match value:
        case {"size": int(size), "root": str(root), "consistency": [*proof], **rest} if not rest:
            hashes = [root, *proof]
            if type(size) is int and all(isinstance(one, str) and _HASH.fullmatch(one) for one in hashes):
                first, *others = (bytes.fromhex(one) for one in hashes)
                return Prefix(size, first, tuple(others))
    raise _malformed("its prefix is not a size, a root and a consistency proof")


def judge(evidence: Evidence, keys: Sequence[VerifierKey]) -> Fork:
    """Return the fork that the evidence proves under the log's keys.

    1. Each checkpoint is of the origin, and one of the keys signed it.
    2. Of one size: the roots differ.
    3. Of two sizes: the consistency proof leads from the prefix's root to the longer one's, and the shorter one has
       another root.

    Raises Rejected(log.checkpoint) for a checkpoint that does not hold, Rejected(evidence.no-fork) when both do and do
    not contradict each other as far as the file shows.
    """
    shorter, longer = sorted((_open(note, evidence.origin, keys) for note in evidence.checkpoints), key=_size)
    if shorter.size == longer.size:
        if shorter.root == longer.root:
            raise Rejected("evidence.no-fork", f"both checkpoints of size {longer.size} have one root")
        return Fork(evidence.origin, longer.size, (shorter.root, longer.root))
    prefix = evidence.prefix
    if prefix is None or prefix.size != shorter.size:
        raise Rejected("evidence.no-fork", f"nothing says what the log of {longer.size} had at size {shorter.size}")
    try:
        verify_consistency(prefix.size, longer.size, prefix.consistency, prefix.root, longer.root)
    except ProofError as error:
        raise Rejected("evidence.no-fork", f"the consistency proof does not hold: {error}") from None
    if prefix.root == shorter.root:
        raise Rejected("evidence.no-fork", f"the log of {longer.size} extends the one of {shorter.size}")
    return Fork(evidence.origin, shorter.size, (shorter.root, prefix.root))


def _size(checkpoint: Checkpoint) -> int:
    return checkpoint.size


def _open(note: bytes, origin: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    try:
        said = Checkpoint.parse(open_note(note, [key for key in keys if key.algorithm != COSIGNATURE]).text)
    except NoteError as error:
        raise Rejected("log.checkpoint", f"a checkpoint does not hold: {error}") from None
    if said.origin != origin or not any(key.name == origin for key in keys):
        raise Rejected("log.checkpoint", f"a checkpoint does not hold: it is of {said.origin}, not of {origin}")
    return said


def _malformed(why: str) -> BadInput:
    return BadInput("evidence.form", f"this is not evidence of a fork: {why}")
