"""What others remember of a log, compared with the log itself: two histories of one log are found by whoever asks both.

A repository carries checkpoints of other logs: those of its peers (`ops/receipts/peers/<origin hash>/checkpoint`), what
its witness cosigned (the branch `witness`), and the evidence beside both. Each is that log's own word or nothing: what
none of its keys has signed is passed over, because anybody can write that.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import NamedTuple

from aurora import evidence, git
from aurora.foreign.snapshot import Snapshot
from aurora.logs import Log
from aurora.source import Forked, OpenLog, check_extends, signed
from remembrancer.errors import Rejected, RemembrancerError
from remembrancer.ledger.files import MAX_CHECKPOINT, claimed
from remembrancer.paths import RECEIPTS

BRANCH = "witness"
MANY = 1000  # files that one repository may carry

_PLACE = re.compile(rf"(?:{RECEIPTS}/peers/)?[0-9a-f]{{64}}/(?:checkpoint|evidence/[^/]+\.json)")


class Heard(NamedTuple):
    """A note that somebody carries: the origin that it claims, its bytes, and who carries it."""

    origin: str
    note: bytes
    who: str


def hear(places: Mapping[str, str]) -> list[Heard]:
    """Return what repositories carry of logs; `places` is how each is called in messages, and its URL.

    One that cannot be reached, or is more than is read, says nothing here; whoever looks at its own log reports that.
    """
    found: list[Heard] = []
    for who, url in places.items():
        try:
            with Snapshot(url) as source:
                found += _carried(source, who, f"{RECEIPTS}/peers")
            if git.branch_of(url, BRANCH):
                with Snapshot(url, f"refs/heads/{BRANCH}") as source:
                    found += _carried(source, who, "")
        except RemembrancerError:
            continue
    return found


def compare(log: OpenLog, known: Log, heard: Iterable[Heard]) -> None:
    """Compare a log with what was heard of it, the smallest checkpoint first.

    Raises Forked for a checkpoint that the log does not extend, Rejected(log.rollback) when somebody has seen a longer
    log than this one, Rejected(log.tile, log.missing) when its tiles do not belong to its checkpoint.
    """
    origin = log.checkpoint.origin
    words = []
    for one in heard:
        if one.origin == origin:
            try:
                seen, _, note, _ = signed(one.note, one.who, {origin: known})
            except Rejected:
                continue
            words.append((seen, note, one.who))
    for seen, note, who in sorted(words, key=lambda word: word[0].size):
        if seen.size > log.checkpoint.size:
            why = f"{origin} has size {log.checkpoint.size}, but {who} has seen size {seen.size}"
            raise Rejected("log.rollback", why)
        try:
            check_extends(log, seen, note)
        except Forked as fork:
            raise Forked(f"{fork.message}, by {who}", fork.evidence) from None


def _carried(source: Snapshot, who: str, below: str) -> list[Heard]:
    files = (path for path, one in source.tree.walk(below) if one.is_file and _PLACE.fullmatch(path))
    found: list[Heard] = []
    for path in islice(files, MANY):
        notes: tuple[bytes, ...] = ()
        try:
            if path.endswith("/checkpoint"):
                notes = (source.file(path, MAX_CHECKPOINT),)
            else:
                notes = evidence.parse(source.file(path, evidence.MAX_FILE)).checkpoints
            found += [Heard(said.origin, note, who) for note in notes if (said := claimed(note))]
        except RemembrancerError:  # malformed, so it is no log's word
            continue
    return found
