"""Which standards a repository follows, as its log proves it, and what lies on disk in their place.

The whole log is read and hashed, so that neither an edited receipt nor a missing one can change which generation is the
newest: what is found here leads to the root that the log key signed.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from remembrancer.errors import EnvironmentTrouble, Rejected
from remembrancer.findings import Finding, negative, positive
from remembrancer.paths import RECEIPTS
from remembrancer.receipt import manifest as manifests
from remembrancer.receipt.statement import Receipt, parse, relative_path
from remembrancer.repository.reader import Repository
from remembrancer.repository.store import Store
from remembrancer.standard import waivers
from remembrancer.standard.drift import IRREGULAR, Generation, Waiver, waiver_of
from remembrancer.standard.generations import ANSWERS, answers_in, generations, in_order
from remembrancer.tlog.tile import Reader
from remembrancer.verify.whole import PolicyVersions, entries

KINDS = ("spawn", "update", "waiver")
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_BLOCK = 1 << 16
Blob = Callable[[str], bytes]
"""The SHA-256 (hex) of a blob to its bytes, checked."""


class Recorded(NamedTuple):
    """The receipts that matter here, each with its leaf index, as proven by a log of `size` leaves or a proof file."""

    receipts: tuple[tuple[Receipt, int], ...]
    size: int

    def index_of(self, digest: str) -> int | None:
        """Return the leaf index of a receipt (SHA-256 hex), or None."""
        return next((index for receipt, index in self.receipts if receipt.digest == digest), None)

    def generations(self, blob: Blob) -> list[Generation]:
        """Return the generations, oldest first, with their manifests.

        Raises Rejected(receipt.manifest, blob.missing, blob.mismatch).
        """
        places = {receipt.digest: index for receipt, index in self.receipts if receipt.kind != "waiver"}
        known = in_order([receipt for receipt, _ in self.receipts if receipt.kind != "waiver"])
        return [
            Generation(
                one,
                places[one.digest],
                manifests.read(blob(one.predicate["manifest"]["sha256"]), one.predicate["manifest"]),
            )
            for one in known
        ]

    def waivers(self) -> list[Waiver]:
        """Return what the waiver receipts state."""
        return [waiver_of(receipt) for receipt, _ in self.receipts if receipt.kind == "waiver"]


def read_log(read: Reader, size: int, root: bytes, policies: PolicyVersions | None = None) -> Recorded:
    """Return the receipts that matter out of all entries of a log.

    Args:
        read: gives a file of the ledger.
        size: how many leaves the verified checkpoint commits to.
        root: the root that it signs (32 bytes).
        policies: is shown every entry on the way.

    Raises:
        Rejected: log.tile where the entries do not lead to that root, log.missing, or what reading a receipt raises.
    """
    marks = tuple(f'"predicateType": "https://vaultmesh.cloud/receipt/{kind}/v1"'.encode() for kind in KINDS)
    found: list[tuple[bytes, int]] = []
    for index, entry in entries(read, size, root):
        if policies:
            policies.see(entry)
        if any(mark in entry for mark in marks):
            found.append((entry, index))
    return Recorded(tuple((receipt, index) for data, index in found if (receipt := parse(data)).kind in KINDS), size)


def unsealed(store: Store, recorded: Recorded) -> list[Finding]:
    """Return a failed finding for each layer whose newest generation is not in the log, or is not recorded at all."""
    sealed = {receipt.digest for receipt, _ in recorded.receipts}
    answers = []
    known = in_order([*generations(store), *(one for one, _ in recorded.receipts if one.kind != "waiver")])
    newest = {str(one.predicate["layer"]): one for one in known}
    for one in newest.values():
        if one.digest in sealed:
            continue
        error = Rejected("log.pending", f"the newest generation ({one.predicate['template']['version']}) is not sealed")
        if one.held:
            error = Rejected(
                "receipt.held", f"the update to {one.predicate['template']['version']} waits for decisions"
            )
        answers.append(negative("standard", f"{RECEIPTS}/{relative_path(one)}", error))
    for layer, name in ANSWERS.items():
        if layer not in newest and any(found.layer == layer for found in answers_in(store.root, name)):
            error = Rejected("drift.unrecorded", f"no receipt states which standard {name} came from")
            answers.append(negative("standard", name, error))
    if not newest and not answers:
        error = Rejected("drift.unrecorded", "no receipt states that a standard was ever applied here")
        answers.append(negative("standard", RECEIPTS, error))
    return answers


def standard_findings(newest: Mapping[str, Generation], size: int) -> list[Finding]:
    """Return one verified finding per layer: which standard built it, and which leaf of the log says so."""
    return [
        positive(
            "standard",
            layer,
            f"{layer} {one.version} from {one.receipt.predicate['template']['source']} at commit "
            f"{one.receipt.predicate['template']['commit']}, leaf {one.leaf} of {size}",
            "",
            str(one.receipt.predicate["recordedAt"]),
            receipt=one.receipt.digest,
        )
        for layer, one in sorted(newest.items())
    ]


def listed_waivers(repository: Repository) -> dict[str, Waiver]:
    """Return the waivers that the repository lists, by path. Raises BadInput(input.waivers), and as reading does."""
    try:
        return waivers.parse(repository.read(waivers.FILE))
    except FileNotFoundError:
        return {}


def on_disk(root: Path, generations: Sequence[Generation]) -> dict[str, str]:
    """Return path to SHA-256 hex of every file in a manifest: "" for nothing, "irregular" for no regular file.

    A file below a linked folder counts as irregular: its bytes are another place's.
    """
    paths = {line.path for one in generations for line in one.lines}
    base = f"{root}/"
    folders = {parent for folder in {path.rpartition("/")[0] for path in paths} for parent in _parents(folder + "/")}
    linked = {folder for folder in folders if os.path.islink(base + folder)}  # noqa: PTH114 - hundreds of them
    return {
        path: IRREGULAR if linked and not linked.isdisjoint(_parents(path)) else digest(base + path) for path in paths
    }


def _parents(path: str) -> Iterator[str]:
    at = path.find("/")
    while at != -1:
        yield path[:at]
        at = path.find("/", at + 1)


def digest(path: str) -> str:
    """Return the SHA-256 hex of a regular file, "" where there is nothing, "irregular" for anything else.

    Raises EnvironmentTrouble(env.io).
    """
    try:
        handle = os.open(path, _READ)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EMLINK, errno.ENXIO}:
            return IRREGULAR
        if error.errno == errno.ENAMETOOLONG:
            return ""
        raise EnvironmentTrouble("env.io", f"cannot read {path}: {error.strerror}") from error
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return IRREGULAR
        # a regular file gives less than was asked for only at its end, so most need one read
        found = hashlib.sha256(data := os.read(handle, _BLOCK))
        while len(data) == _BLOCK:
            found.update(data := os.read(handle, _BLOCK))
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"cannot read {path}: {error.strerror}") from error
    finally:
        os.close(handle)
    return found.hexdigest()
