"""What others remember of a log, compared with the log itself: two histories of one log are found by whoever asks both.

A repository carries checkpoints of other logs: those of its peers (`ops/receipts/peers/<origin hash>/checkpoint`), what
its witness cosigned (the branch `witness`), and the evidence beside both. Each is that log's own word or nothing: what
none of its keys has signed is passed over, because anybody can write that.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from aurora import evidence, git
from aurora.logs import Log
from aurora.source import Forked, OpenLog, check_extends, signed
from remembrancer.errors import EnvironmentTrouble, Rejected, RemembrancerError
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

    One that cannot be reached says nothing here; whoever looks at its own log reports that.
    """
    found: list[Heard] = []
    for who, url in places.items():
        try:
            with git.Snapshot(url) as source:
                found += _carried(source.folder, source.commit, who, f"{RECEIPTS}/peers")
            if git.branch_of(url, BRANCH):
                with git.Snapshot(url, f"refs/heads/{BRANCH}") as source:
                    found += _carried(source.folder, source.commit, who, ".")
        except EnvironmentTrouble:
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


def _carried(folder: Path, commit: str, who: str, below: str) -> list[Heard]:
    listed = git.must(folder, "ls-tree", "-r", "-z", "--name-only", commit, "--", below).decode(errors="replace")
    found: list[Heard] = []
    for path in [name for name in listed.split("\0") if _PLACE.fullmatch(name)][:MANY]:
        notes: tuple[bytes, ...] = ()
        try:
            if path.endswith("/checkpoint"):
                notes = (git.file(folder, commit, path, MAX_CHECKPOINT),)
            else:
                notes = evidence.parse(git.file(folder, commit, path, evidence.MAX_FILE)).checkpoints
            found += [Heard(said.origin, note, who) for note in notes if (said := claimed(note))]
        except (FileNotFoundError, RemembrancerError):  # malformed, so it is no log's word
            continue
    return found
