"""`check-receipts`: what is recorded is only added to, and what is added is whole.

A receipt, a blob or an archive that HEAD has never changes or goes. A new receipt has its kind's schema, lies where its
content belongs, and comes with its blobs; a file of the repository that it names has the digest that it states; a
new version of the template comes with its spawn or update receipt, from the source that this records. A receipt that
the seal would refuse is refused here, while it can still be mended, and one that was never sealed may be taken away.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from remembrancer.clock import SystemClock
from remembrancer.errors import Rejected, RemembrancerError
from remembrancer.findings import Finding
from remembrancer.hooks.archived import archived_by
from remembrancer.hooks.refusal import refusal
from remembrancer.hooks.staged import Change, Staged
from remembrancer.paths import RECEIPTS
from remembrancer.receipt.statement import Receipt, parse, relative_path
from remembrancer.record.future import refuse_future

CHECK = "check-receipts"
_HEX = re.compile("[0-9a-f]{64}")
_HEXES = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_PROVEN = ("sign", "timestamp", "trust", "spawn", "update")
_ARCHIVE = f"{RECEIPTS}/archive/"
_BLOBS = f"{RECEIPTS}/blobs/"


def check(staged: Staged, changes: Iterable[Change]) -> list[Finding]:
    """Return the refusals for what is staged. Raises EnvironmentTrouble(env.git)."""
    changes = list(changes)
    archived = archived_by(staged, changes)
    found: list[Finding] = []
    new: list[Receipt] = []
    blobs: set[str] = set()
    taken = _taken_away(staged, changes)
    for change in changes:
        kept = change.path.startswith((_ARCHIVE, _BLOBS)) or _is_receipt(change.path)
        if not kept:
            continue
        if change.status != "A":
            if not (change.status == "D" and (change.old in archived or change.path in taken)):
                found.append(_edited(change))
        elif change.path.startswith(_BLOBS):
            found += _blob(staged, change, blobs)
        elif not change.path.startswith(_ARCHIVE):
            try:
                new.append(_receipt(staged, change))
            except Rejected as error:
                found.append(refusal(CHECK, error.code, change.path, error.message))
    for one in new:
        found += _whole(staged, one, blobs)
    found += _named_files(staged, new)
    found += _unsealable(staged, new)
    answers = [one for one in changes if not one.path.startswith(RECEIPTS) and one.status != "D"]
    if answers:
        found += _generations(staged, answers)
    return found


def interrupted_update(staged: Staged) -> Iterator[Finding]:
    """Yield a refusal where an update broke off and what it left is about to be committed without its receipt."""
    from remembrancer.standard.interrupted import MARK, interrupted  # noqa: PLC0415 - only where there is a mark

    version = interrupted(Path(staged.root))
    if version and any(not change.path.startswith(RECEIPTS) for change in staged.changes(".")):
        yield refusal(CHECK, "receipt.interrupted", MARK, f"an update from {version} broke off here")


def _is_receipt(path: str) -> bool:
    return path.startswith(f"{RECEIPTS}/") and path.endswith(".receipt")


def _taken_away(staged: Staged, changes: list[Change]) -> set[str]:
    """Return the paths of receipts that this commit removes and no ledger ever had, and of blobs that nobody names."""
    gone = [one for one in changes if one.status == "D" and _is_receipt(one.path)]
    read = {one.path: staged.read(one.old) or b"" for one in gone if not one.path.startswith(_ARCHIVE)}
    free = {path for path in _never_sealed(staged, read) if not _is_followed(staged, read[path])} if read else set()
    if not free:
        return set()
    blobs = {digest for path in free for digest in _HEXES.findall(read[path].decode("utf-8", "replace"))}
    paths = {f"{_BLOBS}{digest}" for digest in blobs} & {one.path for one in changes if one.status == "D"}
    if paths:
        for name in staged.names(RECEIPTS):
            if _is_receipt(name):
                text = (staged.file(name) or b"").decode("utf-8", "replace")
                paths -= {f"{_BLOBS}{digest}" for digest in _HEXES.findall(text)}
    return free | paths


def _never_sealed(staged: Staged, receipts: dict[str, bytes]) -> set[str]:
    from remembrancer.hooks.ledger import sealed_in  # noqa: PLC0415 - only where a receipt is removed

    try:
        sealed = sealed_in(staged, set(receipts.values()))
    except RemembrancerError:  # check-ledger says what is wrong with it
        return set()
    return {path for path, data in receipts.items() if data not in sealed}


def _is_followed(staged: Staged, data: bytes) -> bool:
    """Say whether a generation's receipt states the version that an answers file in the index still names."""
    from remembrancer.standard.generations import answers_said  # noqa: PLC0415 - only where one is removed

    try:
        said = parse(data).predicate
    except Rejected:
        return False
    if "template" not in said:
        return False
    path = str(said["answers"]["path"])
    found = answers_said(path, (staged.file(path) or b"").decode("utf-8", "replace"))
    return found is not None and found.version == said["template"]["version"]


def _unsealable(staged: Staged, new: Iterable[Receipt]) -> Iterator[Finding]:
    """What the seal would refuse of the new receipts, under the staged policy; whom to trust is not asked."""
    now = SystemClock().now()
    check: Callable[[Receipt], None] = partial(refuse_future, now=now)
    for one in new:
        if one.kind in _PROVEN:
            from remembrancer.hooks.sealable import checker  # noqa: PLC0415 - cryptography, needed only for such kinds

            check = checker(staged, now)
            break
    for one in new:
        try:
            check(one)
        except RemembrancerError as error:
            yield refusal(CHECK, error.code, f"{RECEIPTS}/{relative_path(one)}", error.message, error.remedy)


def _edited(change: Change) -> Finding:
    restore = f"git restore --source=HEAD --staged --worktree -- {change.path}"
    what = "is recorded and cannot be removed" if change.status == "D" else "is recorded and cannot be edited"
    remedy = f"Take it back ({restore}), and record what happened instead."
    return refusal(CHECK, "receipt.edited", change.path, what, remedy)


def _blob(staged: Staged, change: Change, blobs: set[str]) -> Iterator[Finding]:
    name = change.path.removeprefix(_BLOBS)
    try:
        data = staged.added(change)
    except Rejected as error:
        yield refusal(CHECK, error.code, change.path, error.message)
        return
    if not _HEX.fullmatch(name) or hashlib.sha256(data).hexdigest() != name:
        yield refusal(CHECK, "blob.mismatch", change.path, "does not have the digest that its name states")
    blobs.add(name)


def _receipt(staged: Staged, change: Change) -> Receipt:
    receipt = parse(staged.added(change))
    belongs = f"{RECEIPTS}/{relative_path(receipt)}"
    if belongs != change.path:
        raise Rejected("receipt.path", f"{change.path} belongs at {belongs}")
    return receipt


def _whole(staged: Staged, one: Receipt, blobs: set[str]) -> Iterator[Finding]:
    """A new receipt is complete: no open conflict, and every blob that it names is in the index."""
    path = f"{RECEIPTS}/{relative_path(one)}"
    if one.held:
        yield refusal(
            CHECK, "receipt.held", path, f"waits for a decision about {', '.join(one.predicate['conflicts'])}"
        )
    for digest in one.blobs:
        if digest in blobs:
            continue
        data = staged.file(f"{_BLOBS}{digest}")
        if data is None:
            remedy = f"Stage it: git add {_BLOBS}{digest}"
            yield refusal(CHECK, "blob.missing", path, f"names the blob {digest}, which is not staged", remedy)
        elif hashlib.sha256(data).hexdigest() != digest:
            yield refusal(CHECK, "blob.mismatch", f"{_BLOBS}{digest}", "does not have the digest that its name states")


def _named_files(staged: Staged, new: Iterable[Receipt]) -> Iterator[Finding]:
    """A file in the index that new receipts name has the digest that one of them states."""
    stated: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for one in new:
        for member in ("answers", "evidence", "sbom"):
            if named := one.predicate.get(member):
                stated[named.get("path") or named["name"]][named["sha256"]] = f"{RECEIPTS}/{relative_path(one)}"
    for path, digests in sorted(stated.items()):
        data = staged.file(path)
        if data is not None and hashlib.sha256(data).hexdigest() not in digests:
            receipt = sorted(digests.values())[-1]
            yield refusal(CHECK, "receipt.named-file", receipt, f"states another digest of {path} than is staged")


def _generations(staged: Staged, changed: Iterable[Change]) -> Iterator[Finding]:
    """An answers file names a version of the template that a receipt records, and the source that it came from.

    The next update runs code from that source.
    """
    from remembrancer.standard.generations import answers_said  # noqa: PLC0415 - only where an answers file is staged

    sources, stated = defaultdict(set), set()
    for layer, version, source, digest in _recorded(staged):
        sources[layer, version].add(source)
        stated.add(digest)
    for change in changed:
        answers = answers_said(change.path, staged.added(change).decode("utf-8", "replace"))
        if answers is None:
            continue
        known = sources.get((answers.layer, answers.version))
        if known is None:
            kind = "update" if change.status == "M" else "spawn"
            remedy = f"Run `remembrancer record {kind}`, and stage what it writes: git add {RECEIPTS}"
            message = f"says template version {answers.version}, and no receipt records it"
            yield refusal(CHECK, "receipt.unrecorded", change.path, message, remedy)
        elif not _same_source(staged, change, answers.source, known, stated):
            remedy = (
                f"Take it back (git restore --source=HEAD --staged --worktree -- {change.path}); "
                "where the template has moved, set the new source and update: the update's receipt records it."
            )
            message = f"names the template's source {answers.source}, recorded is {', '.join(sorted(known))}"
            yield refusal(CHECK, "receipt.source", change.path, message, remedy)


def _same_source(staged: Staged, change: Change, source: str, known: set[str], stated: set[str]) -> bool:
    """Say whether an answers file names a recorded source; how one with an address is asked does not matter."""
    from remembrancer.receipt.source import LOCAL, public_source  # noqa: PLC0415
    from remembrancer.standard.generations import answers_said  # noqa: PLC0415

    if public_source(source) not in known:
        return False
    # Without an address any folder of that name would do, so the text itself has to be the recorded or committed one.
    if not public_source(source).startswith(LOCAL) or hashlib.sha256(staged.added(change)).hexdigest() in stated:
        return True
    before = answers_said(change.path, (staged.read(change.old) or b"").decode("utf-8", "replace"))
    return before is not None and before.source == source


def _recorded(staged: Staged) -> Iterator[tuple[str, str, str, str]]:
    """Yield layer, version and source of the template and the digest of the answers that each receipt states."""
    for name in staged.names(f"{RECEIPTS}/spawn", f"{RECEIPTS}/update"):
        try:
            said = parse(staged.file(name) or b"").predicate
        except Rejected:
            continue
        yield said["layer"], said["template"]["version"], said["template"]["source"], said["answers"]["sha256"]
