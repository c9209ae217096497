"""Does a repository still hold what its standard rendered? Pure: manifests, digests and waivers in, answers out.

What the standard rendered is taken from receipts that the caller has proven to be in the log; nothing that lies in the
repository can move the measure. Files that were seeded belong to the team and are told apart, not judged.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from remembrancer.clock import parse_rfc3339
from remembrancer.errors import Rejected
from remembrancer.findings import Finding, Outcome
from remembrancer.named import NamedTuple
from remembrancer.receipt.manifest import SEEDED, Line
from remembrancer.receipt.statement import Receipt

IRREGULAR = "irregular"
NOTHING = hashlib.sha256(b"").hexdigest()


class Status(StrEnum):
    """What became of one file of the standard."""

    IDENTICAL = "identical"
    CHANGED = "changed"
    MISSING = "missing"
    BEHIND = "behind"
    WAIVED = "waived"


class Generation(NamedTuple):
    """A spawn or update receipt that is proven to be in the log: its leaf index, and the lines of its manifest."""

    receipt: Receipt
    leaf: int
    lines: tuple[Line, ...]

    @property
    def layer(self) -> str:
        """Which template it is about."""
        return str(self.receipt.predicate["layer"])

    @property
    def version(self) -> str:
        """The template's version, for people."""
        return str(self.receipt.predicate["template"]["version"])


class Waiver(NamedTuple):
    """A file may differ until a time: its path, the SHA-256 that is accepted, who answers for it, why, until when."""

    path: str
    sha256: str
    owner: str
    reason: str
    expires: str


class File(NamedTuple):
    """One file of the standard: its status, both digests, the version it is `behind` at, its waiver, a reason code.

    `disk` is "" for a missing file and "irregular" for a link or folder in its place. `code` is a `drift.*` reason code
    where the file counts as drift, else "".
    """

    path: str
    layer: str
    status: Status
    rendered: str
    disk: str
    version: str = ""
    waiver: Waiver | None = None
    code: str = ""


class Seeded(NamedTuple):
    """A file that began as the template's and is the team's: whether it is still as rendered."""

    path: str
    layer: str
    edited: bool
    missing: bool


class Drift(NamedTuple):
    """Every file of the current standards, by layer and path, and the seeded ones apart."""

    files: tuple[File, ...]
    seeded: tuple[Seeded, ...]

    def counts(self, layer: str) -> dict[str, int]:
        """Return how many files of a layer have each status."""
        found = Counter(one.status for one in self.files if one.layer == layer)
        return {str(status): found[status] for status in Status}


def current(generations: Sequence[Generation]) -> dict[str, Generation]:
    """Return each layer's newest generation; `generations` are in order, oldest first."""
    return {one.layer: one for one in generations}


def judge(
    generations: Sequence[Generation],
    disk: Mapping[str, str],
    listed: Mapping[str, Waiver],
    sealed: Iterable[Waiver],
    now: datetime,
    *,
    runnable: Collection[str] | None = None,
) -> Drift:
    """Compare what lies on disk with what the standard rendered.

    Args:
        generations: proven, oldest first; of every layer the last one counts, the others tell what is merely behind.
        disk: path to SHA-256 hex, "" for nothing, "irregular" for anything but a file; for every path of a manifest.
        listed: the waivers that the repository lists, by path.
        sealed: the waivers whose receipts are proven to be in the log.
        now: when a waiver has to be in force.
        runnable: the paths that may be run here; None where nothing can be said about that.
    """
    proven = frozenset(sealed)
    files: list[File] = []
    seeded: list[Seeded] = []
    for layer, one in sorted(current(generations).items()):
        older = _older(generations, one)
        # manifests before 4.2 say of no file that it may be run
        modes = runnable if any(line.executable for line in one.lines) else None
        for line in one.lines:
            found = disk[line.path]
            if line.owner == SEEDED:
                seeded.append(Seeded(line.path, layer, found != line.rendered, not found))
            else:
                file = _file(line, layer, found, older, listed.get(line.path), proven, now)
                if modes is not None and found == line.rendered and line.executable != (line.path in modes):
                    file = file._replace(status=Status.CHANGED, code="drift.mode")
                files.append(file)
    return Drift(tuple(files), tuple(seeded))


def _older(generations: Sequence[Generation], one: Generation) -> dict[tuple[str, str], str]:
    """Return (path, digest) to the newest earlier version that rendered this."""
    return {
        (line.path, line.rendered): past.version
        for past in generations
        if past.layer == one.layer and past.leaf != one.leaf
        for line in past.lines
    }


def _file(  # noqa: PLR0917 - one call, above
    line: Line,
    layer: str,
    found: str,
    older: Mapping[tuple[str, str], str],
    waiver: Waiver | None,
    proven: frozenset[Waiver],
    now: datetime,
) -> File:
    if found == line.rendered:
        return File(line.path, layer, Status.IDENTICAL, line.rendered, found)
    version = older.get((line.path, found), "")
    status = Status.MISSING if not found else Status.BEHIND if version else Status.CHANGED
    code = f"drift.{status}"
    if waiver is not None:
        code = _refusal(waiver, found, proven, now)
        status = status if code else Status.WAIVED
    return File(line.path, layer, status, line.rendered, found, version, waiver, code)


def _refusal(waiver: Waiver, found: str, proven: frozenset[Waiver], now: datetime) -> str:
    """Return the reason code why a waiver does not count, or an empty text."""
    if waiver not in proven:
        return "drift.waiver-unsealed"
    if parse_rfc3339(waiver.expires) <= now:
        return "drift.waiver-expired"
    if waiver.sha256 != (found or NOTHING):
        return "drift.waiver-outdated"
    return ""


def findings(drift: Drift, generations: Mapping[str, Generation]) -> list[Finding]:
    """Return one failed finding per drifted file, and one verified finding per layer that has none."""
    answers = []
    for layer, one in sorted(generations.items()):
        drifted = [file for file in drift.files if file.layer == layer and file.code]
        answers += [_finding(file, one.version) for file in drifted]
        if not drifted:
            counts = drift.counts(layer)
            message = f"{counts['identical']} files are as {one.version} rendered them"
            message += f", {counts['waived']} are waived" if counts["waived"] else ""
            answers.append(Finding("drift", Outcome.VERIFIED, "drift.ok", layer, message))
    return answers


def _finding(file: File, version: str) -> Finding:
    said = {
        Status.CHANGED: f"differs from what {version} rendered",
        Status.MISSING: f"is missing, {version} has it",
        Status.BEHIND: f"is still as in {file.version}, the standard is {version}",
    }[file.status]
    if file.code == "drift.mode":
        said = f"has the bytes that {version} rendered, and another permission to run it"
    if file.disk == IRREGULAR:
        said = "isn't a regular file, so its bytes are not the standard's"
    if file.waiver is not None:
        said += {
            "drift.waiver-unsealed": "; its waiver is not in the ledger",
            "drift.waiver-expired": f"; its waiver ended at {file.waiver.expires}",
            "drift.waiver-outdated": "; its waiver is for other bytes",
        }[file.code]
    details = {"status": str(file.status), "layer": file.layer, "rendered": file.rendered, "disk": file.disk}
    if file.version:
        details["behind"] = file.version
    return Finding("drift", Outcome.FAILED, file.code, file.path, f"{file.path} {said}", "", details)


def waiver_of(receipt: Receipt) -> Waiver:
    """Return what a waiver receipt states."""
    said = receipt.predicate
    subject = receipt.subject[0]
    return Waiver(subject.name, subject.sha256, str(said["owner"]), str(said["reason"]), str(said["expires"]))


def accept(line: Line | None, found: str, path: str) -> str:
    """Return the digest that a new waiver of a file is for; raises Rejected(drift.no-need) where none is needed."""
    if line is None or line.owner == SEEDED:
        why = "is not a file of the standard" if line is None else "is the team's own (seeded)"
        raise Rejected("drift.no-need", f"{path} {why}, so it needs no waiver")
    if found == line.rendered:
        raise Rejected("drift.no-need", f"{path} is as the standard rendered it, so it needs no waiver")
    if found == IRREGULAR:
        raise Rejected("drift.no-need", f"{path} isn't a regular file; a waiver is for bytes")
    return found or NOTHING
