"""Receipts: in-toto Statement v1, one event each, in one canonical encoding (DESIGN: one event, one leaf).

The leaf of the ledger is the file's exact bytes, so reading accepts only what writing produces. Standard
library only: the post-generation hook imports this inside Copier's own environment.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring
from typing import Any, Never

from remembrancer.errors import BadInput, Rejected
from remembrancer.named import NamedTuple
from remembrancer.receipt.fields import FieldError, Many
from remembrancer.receipt.kinds import KINDS, STATEMENT_TYPE, SUBJECT, Kind

MAX_BYTES = 65_535  # what the two length bytes of an entry bundle can state
_SUBJECTS = Many(SUBJECT, 1, 1)
_MEMBERS = {"_type", "predicate", "predicateType", "subject"}
_BY_TYPE = {kind.predicate_type: kind for kind in KINDS.values()}


class Subject(NamedTuple):
    """What an event is about: a relative file name and the SHA-256 of its bytes (64 hexadecimal digits)."""

    name: str
    sha256: str


class Receipt(NamedTuple):
    """One checked receipt: `data` is the file's exact bytes and `digest` their SHA-256 in hexadecimal."""

    kind: str
    subject: tuple[Subject, ...]
    predicate: Mapping[str, Any]
    digest: str
    data: bytes

    @property
    def blobs(self) -> tuple[str, ...]:
        """Return the digests of the blobs that the receipt names."""
        return tuple(KINDS[self.kind].predicate.blobs(self.predicate))

    @property
    def held(self) -> bool:
        """Say whether it is an update with open conflicts, which stays pending until they are resolved."""
        return bool(self.predicate.get("conflicts")) and "resolvedAt" not in self.predicate


def encode(statement: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes: UTF-8 JSON, two-space indent, sorted keys, final newline."""
    return (_text(statement, "\n") + "\n").encode()


def build(kind: str, subject: Sequence[tuple[str, str]], predicate: Mapping[str, Any]) -> bytes:
    """Return the bytes of a new receipt.

    `subject` holds (name, SHA-256 in hexadecimal) pairs, `predicate` the fields of the kind (see KINDS). Raises
    BadInput with an `input.*` or `receipt.*` code when anything does not fit.
    """
    known = KINDS.get(kind)
    if known is None:
        raise BadInput("receipt.kind", f"there is no receipt kind {kind!a}")
    members = [{"name": name, "digest": {"sha256": digest}} for name, digest in subject]
    try:
        _check(known, members, predicate)
    except FieldError as error:
        raise BadInput(error.code, f"the receipt does not fit its kind: {error}") from None
    data = encode(
        {
            "_type": STATEMENT_TYPE,
            "predicateType": known.predicate_type,
            "subject": members,
            "predicate": predicate,
        }
    )
    if len(data) > MAX_BYTES:
        raise BadInput("receipt.size", f"the receipt has {len(data)} bytes; at most {MAX_BYTES} are possible")
    return data


def parse(data: bytes) -> Receipt:
    """Return the receipt that the bytes are.

    Raises Rejected (`receipt.size`, `receipt.kind`, `receipt.malformed`) for anything that `build` would not
    have written: other encodings, duplicate keys, floats, unknown kinds and fields, control characters, digests
    that are not lower-case hexadecimal.
    """
    if len(data) > MAX_BYTES:
        raise Rejected("receipt.size", f"the receipt has {len(data)} bytes; at most {MAX_BYTES} are possible")
    try:
        statement = json.loads(data.decode("utf-8"))
        if type(statement) is not dict or statement.keys() != _MEMBERS:
            _malformed("must have exactly the members " + ", ".join(sorted(_MEMBERS)))
        if statement["_type"] != STATEMENT_TYPE:
            _malformed(f"must be of type {STATEMENT_TYPE}")
        kind = _kind(statement["predicateType"])
        _check(kind, statement["subject"], statement["predicate"])
        canonical = encode(statement) == data
    except FieldError as error:
        _malformed(f"is malformed: {error}")
    except UnicodeDecodeError:
        _malformed("is not UTF-8 text")
    except (ValueError, RecursionError):
        _malformed("is not JSON")
    if not canonical:
        _malformed(_difference(data))
    subjects = tuple(Subject(item["name"], item["digest"]["sha256"]) for item in statement["subject"])
    return Receipt(kind.name, subjects, statement["predicate"], hashlib.sha256(data).hexdigest(), data)


def relative_path(receipt: Receipt) -> str:
    """Return the one path, under ops/receipts/ and with forward slashes, at which the receipt belongs."""
    predicate = receipt.predicate
    if receipt.kind == "deploy":
        return f"deploy/{predicate['component']}-{predicate['version']}.receipt"
    if receipt.kind == "adr":
        return f"adr/ADR-{predicate['number']:03d}-{predicate['slug']}.{receipt.digest}.receipt"
    return f"{receipt.kind}/{receipt.digest[:2]}/{receipt.digest}.receipt"


def _text(value: Any, newline: str) -> str:
    """Return what json.dumps(indent=2, sort_keys=True, ensure_ascii=False) gives, four times as fast."""
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    inner = newline + "  "
    if kind is dict:
        members = [
            f"{encode_basestring(name)}: {encode_basestring(one) if type(one) is str else _text(one, inner)}"
            for name, one in sorted(value.items())
        ]
        return f"{{{inner}{(',' + inner).join(members)}{newline}}}" if members else "{}"
    if kind is list:
        return f"[{inner}{(',' + inner).join([_text(item, inner) for item in value])}{newline}]" if value else "[]"
    if kind is int:
        return str(value)
    raise TypeError(f"a receipt holds no {kind.__name__}")


def _kind(predicate_type: object) -> Kind:
    kind = _BY_TYPE.get(predicate_type) if type(predicate_type) is str else None
    if kind is None:
        raise Rejected("receipt.kind", "the receipt is of a kind that this version does not know")
    return kind


def _check(kind: Kind, subject: object, predicate: object) -> None:
    """Raise FieldError unless subject and predicate are what the kind says."""
    _SUBJECTS.check(subject, "subject")
    kind.predicate.check(predicate, "")
    assert isinstance(subject, list) and isinstance(predicate, dict)  # noqa: S101, PT018 - checked above
    problem = kind.rule(subject, predicate)
    if problem:
        raise FieldError("subject", problem)


def _difference(data: bytes) -> str:
    """Return why well-formed JSON is not canonical; only called to explain a refusal."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise FieldError("", "has a duplicate key")
        return found

    try:
        json.loads(data, object_pairs_hook=members)
    except FieldError as error:
        return str(error)
    return "is not in the canonical encoding (two-space indent, sorted keys, one final newline)"


def _malformed(problem: str) -> Never:
    raise Rejected("receipt.malformed", f"the receipt {problem}")
