"""Which witnesses must have cosigned a checkpoint: the text format of c2sp.org/tlog-policy, parsed and evaluated.

Pure functions. A policy's `log` lines are not used here (the trust policy lists the log keys with their size
ranges), so they are refused instead of being silently ignored.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

from remembrancer.errors import BadInput
from remembrancer.tlog.note import COSIGNATURES, VerifierKey

KEYWORDS = frozenset({"none", "all", "any"})
LIMIT = 64


class Group(NamedTuple):
    """At least `threshold` of the named members (witnesses or earlier groups) must have cosigned."""

    threshold: int
    members: tuple[str, ...]


class Quorum(NamedTuple):
    """A parsed witness policy: the witnesses' keys by name, the groups in order, and the name that must be
    satisfied."""

    witnesses: Mapping[str, VerifierKey] = MappingProxyType({})
    groups: Mapping[str, Group] = MappingProxyType({})
    required: str = "none"
    text: str = "quorum none\n"

    def satisfied_by(self, cosigned: Collection[str]) -> bool:
        """Return whether the witnesses whose names are in `cosigned` are enough."""
        if self.required == "none":
            return True
        held = {name for name in self.witnesses if name in cosigned}
        for name, group in self.groups.items():
            if sum(member in held for member in group.members) >= group.threshold:
                held.add(name)
        return self.required in held


def _malformed(line: str, why: str) -> BadInput:
    return BadInput("policy.malformed", f"witness policy: {why} in line {line[:80]!r}")


def parse(text: str) -> Quorum:
    """Parse a witness policy (c2sp.org/tlog-policy without `log` lines).

    Raises BadInput(policy.malformed) for anything the specification does not allow, more than 64 names, or witness keys
    that are not cosignature keys (types 0x04 and 0x06).
    """
    if any((ord(char) < 0x20 and char not in "\t\n") or ord(char) == 0x7F for char in text):
        raise BadInput("policy.malformed", "witness policy: control characters are not allowed")
    witnesses: dict[str, VerifierKey] = {}
    groups: dict[str, Group] = {}
    grouped: set[str] = set()
    required = ""
    for line in text.split("\n"):
        items = line.replace("\t", " ").split(" ")
        items = [item for item in items if item]
        if not items or items[0].startswith("#"):
            continue
        match items:
            case ["witness", name, vkey, *url] if len(url) <= 1:
                _define(name, line, witnesses, groups)
                witnesses[name] = _witness_key(vkey, line, witnesses)
            case ["group", name, threshold, *members] if members:
                _define(name, line, witnesses, groups)
                groups[name] = _group(threshold, members, line, {*witnesses, *groups}, grouped)
            case ["quorum", name] if not required:
                if name != "none" and name not in witnesses and name not in groups:
                    raise _malformed(line, "an undefined name")
                required = name
            case _:
                raise _malformed(line, "an unknown or repeated statement")
    if not required:
        raise BadInput("policy.malformed", "witness policy: exactly one quorum line is needed")
    return Quorum(witnesses, groups, required, text)


def _define(name: str, line: str, *tables: Mapping[str, object]) -> None:
    if name in KEYWORDS or any(name in table for table in tables):
        raise _malformed(line, "a name that is a keyword or already defined")
    if sum(map(len, tables)) >= LIMIT:
        raise _malformed(line, f"more than {LIMIT} names")


def _witness_key(vkey: str, line: str, known: Mapping[str, VerifierKey]) -> VerifierKey:
    try:
        key = VerifierKey.parse(vkey)
    except ValueError as error:
        raise _malformed(line, "a malformed verifier key") from error
    if key.algorithm not in COSIGNATURES:
        raise _malformed(line, "a key that is not for cosignatures")
    if any(key.public == other.public for other in known.values()):
        raise _malformed(line, "a key that is already listed")
    return key


def _group(threshold: str, members: list[str], line: str, defined: set[str], grouped: set[str]) -> Group:
    for member in members:
        if member not in defined or member in grouped:
            raise _malformed(line, "a member that is undefined or already grouped")
        grouped.add(member)
    words = {"all": len(members), "any": 1}
    if threshold not in words and not (threshold.isascii() and threshold.isdigit() and len(threshold) <= 3):
        raise _malformed(line, "a threshold that is not a number")
    count = words[threshold] if threshold in words else int(threshold)
    if not 1 <= count <= len(members):
        raise _malformed(line, "a threshold outside the group's size")
    return Group(count, tuple(members))
