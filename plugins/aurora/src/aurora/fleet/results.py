"""Where the shares of a fleet lie: a folder, or an object store by URL, as `--results` of status, audit and merge says.

`status-<i>.json` or `audit-<i>.json` is the document of share i, `evidence/<sha256>.json` what an audit names in it.
Everything is created once and nothing is written over, evidence before the document that names it: so two machines
that were given one share cannot differ without a word.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from aurora.evidence import MAX_FILE as MAX_EVIDENCE
from aurora.files import read_given
from aurora.fleet import audited, row
from aurora.fleet.audited import Audit
from aurora.fleet.members import MAX_FILE, decoded
from aurora.fleet.row import Status
from aurora.fleet.shard import Joined, Shard
from aurora.mirror.place import Folder, Place, probe
from remembrancer.errors import BadInput

KINDS = ("status", "audit")
_MOST_ABSENT = 10  # after so many shares that are not there nobody asks for more
Result = Status | Audit


class Taken(NamedTuple):
    """A share as it lay somewhere: what it says, the name and digest of it, and the evidence that was beside it.

    `absent` are the digests that it names and that were not there.
    """

    result: Result
    joined: Joined
    evidence: dict[str, bytes]
    absent: tuple[str, ...]


def data_of(result: Result) -> bytes:
    """Return the bytes of a document, as --output and --results write them."""
    return (json.dumps(result.document(), indent=2) + "\n").encode()


def read(data: bytes) -> Result:
    """Return the status or audit in a document. Raises BadInput(fleet.status, fleet.audit)."""
    said = decoded(data)
    is_audit = isinstance(said, dict) and said.get("schema") == audited.SCHEMA
    return audited.from_document(said) if is_audit else row.from_document(said)


def leave(target: str, result: Result, evidence: Mapping[str, bytes]) -> bool:
    """Leave a share in a place, with what it names of this evidence; False if the same share was there already.

    Raises BadInput(fleet.share-differs) for another one there, BadInput(fleet.evidence) if some is not here or not
    what its name says there, and what a place raises: EnvironmentTrouble(mirror.conditions) for a store that writes
    over what is there.
    """
    named = _evidence_of(result)
    if absent := [digest for digest in named if digest not in evidence]:
        raise BadInput("fleet.evidence", f"evidence that the audit names is not here: {absent[0]}")
    place = place_of(target)
    if not isinstance(place, Folder):
        probe(place, target)
    for digest in named:
        if not place.create(_evidence(digest), evidence[digest]):
            _checked(place, digest, target)
    name = f"{_kind(result)}-{Shard.parse(result.shard).number}.json"
    if place.create(name, data_of(result)):
        return True
    there = place.read(name, MAX_FILE)
    if there is None or _timeless(read(there.data)) != _timeless(result):
        raise BadInput("fleet.share-differs", f"another {name} lies in {target}")
    return False


def take(target: str) -> list[Taken]:
    """Return the share in a file, or all shares in a folder or below a URL.

    Raises BadInput(fleet.shard-missing, fleet.shard-foreign, fleet.evidence, fleet.status, fleet.audit, input.file) and
    EnvironmentTrouble.
    """
    if "://" not in target and not Path(target).is_dir():
        return [_taken(Folder(Path(target).parent), target, read_given(Path(target), MAX_FILE))]
    place = place_of(target)
    firsts = [kind for kind in KINDS if place.read(f"{kind}-0.json", MAX_FILE) is not None]
    if len(firsts) > 1:
        raise BadInput("fleet.shard-foreign", f"{target} holds both a status and an audit")
    if not firsts:
        raise BadInput("fleet.shard-missing", f"{target} holds no share 0 of a status or an audit")
    return list(_all(place, target, firsts[0]))


def _all(place: Place, target: str, kind: str) -> Iterator[Taken]:
    number, count = 0, 1
    absent: list[str] = []
    while number < count:
        held = place.read(f"{kind}-{number}.json", MAX_FILE)
        if held is None:
            absent.append(str(number))
            if len(absent) > _MOST_ABSENT:
                raise BadInput("fleet.shard-missing", f"{target} lacks many shares: {', '.join(absent)} and more")
        else:
            one = _taken(place, target, held.data)
            shard = Shard.parse(one.result.shard)
            if shard.number != number:
                raise BadInput("fleet.shard-foreign", f"{kind}-{number}.json in {target} is share {shard}")
            count = shard.of if number == 0 else count
            yield one
        number += 1


def _taken(place: Place, target: str, data: bytes) -> Taken:
    result = read(data)
    found = {digest: _checked(place, digest, target) for digest in _evidence_of(result)}
    evidence = {digest: held for digest, held in found.items() if held is not None}
    absent = tuple(digest for digest, held in found.items() if held is None)
    return Taken(result, Joined(result.shard, sha256(data).hexdigest()), evidence, absent)


def _checked(place: Place, digest: str, target: str) -> bytes | None:
    """Return evidence that is what its name says, None for none. Raises BadInput(fleet.evidence)."""
    held = place.read(_evidence(digest), MAX_EVIDENCE)
    if held is not None and sha256(held.data).hexdigest() != digest:
        raise BadInput("fleet.evidence", f"{_evidence(digest)} in {target} is not what its name says")
    return held.data if held else None


def _evidence_of(result: Result) -> list[str]:
    """Return the digests of the evidence that a result names."""
    return sorted({digest for one in result.rows for digest in one.evidence}) if isinstance(result, Audit) else []


def _evidence(digest: str) -> str:
    return f"evidence/{digest}.json"


def _kind(result: Result) -> str:
    return "status" if isinstance(result, Status) else "audit"


def _timeless(result: Result) -> Result:
    """Return a result without the times at which somebody looked."""
    if isinstance(result, Status):
        return replace(result, at="", rows=tuple(replace(one, synced_at="") for one in result.rows))
    return replace(result, at="")


def place_of(target: str) -> Place:
    """Return a folder, or an object store by URL with its settings from the environment.

    Raises BadInput(input.field), EnvironmentTrouble(env.io) without obstore.
    """
    if "://" not in target:
        return Folder(Path(target))
    from aurora.mirror.objects import Objects  # noqa: PLC0415 - obstore is an extra

    return Objects(target)
