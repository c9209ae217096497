"""Which witnesses must have cosigned a checkpoint: the text format of c2sp.org/tlog-policy, parsed and evaluated.

Pure functions. A policy's `log` lines do not decide here (the trust policy lists the log keys with their size ranges);
they are kept, so that whoever uses the policy can say which logs it is about. So is a witness whose keys are of a type
that is not known here: it is named with the reason, and never counts as having cosigned.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from remembrancer.errors import BadInput
from remembrancer.named import NamedTuple
from remembrancer.tlog.key import COSIGNATURES, ED25519, VerifierKey, named_key, trouble_with

KEYWORDS = frozenset({"none", "all", "any"})
LIMIT = 64


class Group(NamedTuple):
    """At least `threshold` of the named members (witnesses or earlier groups) must have cosigned."""

    threshold: int
    members: tuple[str, ...]


class Quorum(NamedTuple):
    """A parsed witness policy: the witnesses' keys by name, the groups in order, and the name that must be
    satisfied.

    `urls` are the witnesses' submission prefixes as far as they are given, `unusable` the witnesses whose cosignatures
    cannot be checked here with the reason, `logs` the verifier keys of the `log` lines.
    """

    witnesses: Mapping[str, VerifierKey] = MappingProxyType({})
    groups: Mapping[str, Group] = MappingProxyType({})
    required: str = "none"
    text: str = "quorum none\n"
    urls: Mapping[str, str] = MappingProxyType({})
    unusable: Mapping[str, str] = MappingProxyType({})
    logs: tuple[str, ...] = ()

    def cosigned_by(self, cosigners: Collection[tuple[str, str]]) -> list[str]:
        """Return the names of the witnesses whose keys (name and key id) are among those that cosigned."""
        return [name for name, key in self.witnesses.items() if (key.name, key.key_id) in cosigners]

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
    """Parse a witness policy (c2sp.org/tlog-policy), as it is published.

    Raises BadInput(policy.malformed) for anything the specification does not allow, more than 64 names or logs, or a
    witness whose key signs notes (0x01). Cosignature keys of types 0x04 and 0x06 are used, a witness with any other
    type is unusable.
    """
    if any((ord(char) < 0x20 and char not in "\t\n") or ord(char) == 0x7F for char in text):
        raise BadInput("policy.malformed", "witness policy: control characters are not allowed")
    found = _Lines()
    for line in text.split("\n"):
        items = [item for item in line.replace("\t", " ").split(" ") if item]
        if items and not items[0].startswith("#"):
            found.take(line, items)
    if not found.required:
        raise BadInput("policy.malformed", "witness policy: exactly one quorum line is needed")
    return Quorum(
        found.witnesses,
        found.groups,
        found.required,
        text,
        found.urls,
        found.unusable,
        tuple(found.logs.values()),
    )


class _Lines:
    """What the lines so far have defined."""

    def __init__(self) -> None:
        self.witnesses: dict[str, VerifierKey] = {}
        self.unusable: dict[str, str] = {}
        self.groups: dict[str, Group] = {}
        self.urls: dict[str, str] = {}
        self.logs: dict[bytes, str] = {}
        self.required = ""
        self._listed: set[bytes] = set()
        self._grouped: set[str] = set()

    @property
    def names(self) -> set[str]:
        """Every name that is defined."""
        return {*self.witnesses, *self.unusable, *self.groups}

    def take(self, line: str, items: list[str]) -> None:
        """Take one statement. Raises BadInput(policy.malformed)."""
        match items:
            case ["log", vkey, *url] if len(url) <= 1:
                self._log(vkey, line)
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._define(name, line)
                self._witness(name, vkey, line)
                self.urls |= {name: url[0]} if url else {}
            case ["group", name, threshold, *members] if members:
                self._define(name, line)
                self.groups[name] = _group(threshold, members, line, self.names, self._grouped)
            case ["quorum", name] if not self.required:
                if name not in {"none", *self.names}:
                    raise _malformed(line, "an undefined name")
                self.required = name
            case _:
                raise _malformed(line, "an unknown or repeated statement")

    def _define(self, name: str, line: str) -> None:
        if name in KEYWORDS or name in self.names:
            raise _malformed(line, "a name that is a keyword or already defined")
        if len(self.names) >= LIMIT:
            raise _malformed(line, f"more than {LIMIT} names")

    def _log(self, vkey: str, line: str) -> None:
        _, _, material = _key(vkey, line)
        if material in self.logs:
            raise _malformed(line, "a log that is already listed")
        if len(self.logs) >= LIMIT:
            raise _malformed(line, f"more than {LIMIT} logs")
        self.logs[material] = vkey

    def _witness(self, name: str, vkey: str, line: str) -> None:
        _, algorithm, material = _key(vkey, line)
        if algorithm == ED25519:
            raise _malformed(line, "a key that is not for cosignatures")
        if material in self._listed:
            raise _malformed(line, "a key that is already listed")
        self._listed.add(material)
        if algorithm not in COSIGNATURES:
            self.unusable[name] = f"its key is of type 0x{algorithm:02x}, which is not supported"
            return
        key = VerifierKey.parse(vkey)
        if trouble := trouble_with(key):
            self.unusable[name] = trouble
        else:
            self.witnesses[name] = key


def _key(vkey: str, line: str) -> tuple[str, int, bytes]:
    try:
        return named_key(vkey)
    except ValueError as error:
        raise _malformed(line, "a malformed verifier key") from error


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
