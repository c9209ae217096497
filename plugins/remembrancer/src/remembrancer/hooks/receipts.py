"""`check-receipts`: what is recorded is only added to, and what is added is whole.

A receipt, a blob or an archive that HEAD has never changes or goes. A new receipt has its kind's schema, lies where its
content belongs, and comes with its blobs; a file of the repository that it names has the digest that it states; a
new version of the template comes with its spawn or update receipt.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from remembrancer.errors import Rejected
from remembrancer.findings import Finding
from remembrancer.hooks.refusal import refusal
from remembrancer.hooks.staged import Change, Staged
from remembrancer.paths import RECEIPTS
from remembrancer.receipt.statement import Receipt, parse, relative_path

CHECK = "check-receipts"
_HEX = re.compile("[0-9a-f]{64}")
_CHECKPOINT = f"{RECEIPTS}/ledger/checkpoint"
_ARCHIVE = f"{RECEIPTS}/archive/"
_BLOBS = f"{RECEIPTS}/blobs/"
_DEVELOPMENT = b"dev.invalid/"


def check(staged: Staged, changes: Iterable[Change]) -> list[Finding]:
    """Return the refusals for what is staged. Raises EnvironmentTrouble(env.git)."""
    changes = list(changes)
    archived = archived_by(staged, changes)
    found: list[Finding] = []
    new: list[Receipt] = []
    blobs: set[str] = set()
    for change in changes:
        kept = change.path.startswith((_ARCHIVE, _BLOBS)) or _is_receipt(change.path)
        if not kept:
            continue
        if change.status != "A":
            if not (change.status == "D" and change.old in archived):
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
    answers = [one for one in changes if not one.path.startswith(RECEIPTS) and one.status != "D"]
    if answers:
        found += _generations(staged, answers)
    return found


def _is_receipt(path: str) -> bool:
    return path.startswith(f"{RECEIPTS}/") and path.endswith(".receipt")


def archived_by(staged: Staged, changes: Iterable[Change]) -> set[str]:
    """Return the blobs that this commit moves into an archive.

    Closing a development ledger does that, and only that counts: the archive must hold HEAD's own checkpoint, and its
    origin must be a development one.
    """
    folders: defaultdict[str, set[str]] = defaultdict(set)
    checkpoint = ""
    for change in changes:
        if change.status == "A" and change.path.startswith(_ARCHIVE):
            folders[change.path.removeprefix(_ARCHIVE).partition("/")[0]].add(change.new)
        elif change.path == _CHECKPOINT and change.status in "MD":
            checkpoint = change.old
    moved = set().union(*(held for held in folders.values() if checkpoint in held))
    return moved if moved and (staged.read(checkpoint) or b"").startswith(_DEVELOPMENT) else set()


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
    """An answers file that names a version of the template comes with the receipt of that version."""
    from remembrancer.standard.generations import answers_said  # noqa: PLC0415 - only where an answers file is staged

    known = set(_recorded(staged))
    for change in changed:
        answers = answers_said(change.path, staged.added(change).decode("utf-8", "replace"))
        if answers is not None and (answers.layer, answers.version) not in known:
            kind = "update" if change.status == "M" else "spawn"
            remedy = f"Run `remembrancer record {kind}`, and stage what it writes: git add {RECEIPTS}"
            message = f"says template version {answers.version}, and no receipt records it"
            yield refusal(CHECK, "receipt.unrecorded", change.path, message, remedy)


def _recorded(staged: Staged) -> Iterator[tuple[str, str]]:
    for name in staged.names(f"{RECEIPTS}/spawn", f"{RECEIPTS}/update"):
        try:
            said = parse(staged.file(name) or b"").predicate
        except Rejected:
            continue
        yield said["layer"], said["template"]["version"]
