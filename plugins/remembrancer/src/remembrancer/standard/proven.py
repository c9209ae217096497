"""Which standards a repository follows, as its log proves it.

The whole log is read and hashed, so that neither an edited receipt nor a missing one can change which generation is the
newest: what is found here leads to the root that the log key signed.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType

from remembrancer.errors import Rejected, Unverifiable, counted
from remembrancer.findings import Finding, negative, positive
from remembrancer.named import NamedTuple
from remembrancer.paths import RECEIPTS
from remembrancer.receipt import manifest as manifests
from remembrancer.receipt.statement import Receipt, parse, relative_path
from remembrancer.repository.reader import Repository
from remembrancer.repository.store import Store
from remembrancer.standard import waivers
from remembrancer.standard.drift import Generation, Waiver, waiver_of
from remembrancer.standard.generations import ANSWERS, answers_in, generations, in_order
from remembrancer.tlog.tile import Reader
from remembrancer.verify.whole import PolicyVersions, entries

KINDS = ("spawn", "update", "waiver")
_GENERATIONS = tuple(f'"predicateType": "https://vaultmesh.cloud/receipt/{kind}/v1"'.encode() for kind in KINDS[:2])
_WAIVER = b'"predicateType": "https://vaultmesh.cloud/receipt/waiver/v1"'
Blob = Callable[[str], bytes]
"""The SHA-256 (hex) of a blob to its bytes, checked."""


class Recorded(NamedTuple):
    """The receipts that matter here, each with its leaf index, as proven by a log of `size` leaves or a proof file.

    `seals` gives the generations that may be of one seal, whose leaves are in the order of their digests, the same
    number; `complete` says whether there can be no other generation behind the newest one of each layer.
    """

    receipts: tuple[tuple[Receipt, int], ...]
    size: int
    seals: Mapping[int, int] = MappingProxyType({})
    complete: bool = True

    def up_to(self, size: int) -> "Recorded":
        """Return what the first `size` leaves hold of it."""
        shown = tuple((receipt, index) for receipt, index in self.receipts if index < size)
        return self._replace(receipts=shown, size=size)

    def index_of(self, digest: str) -> int | None:
        """Return the leaf index of a receipt (SHA-256 hex), or None."""
        return next((index for receipt, index in self.receipts if receipt.digest == digest), None)

    def generations(self, blob: Blob) -> list[Generation]:
        """Return the generations, oldest first, with their manifests.

        The log's order counts; only inside of what may be one seal does the receipts' own clock, which whoever writes
        one can set. Raises Rejected(receipt.manifest, blob.missing, blob.mismatch).
        """
        places = {receipt.digest: index for receipt, index in self.receipts if receipt.kind != "waiver"}
        known = in_order([receipt for receipt, _ in self.receipts if receipt.kind != "waiver"])
        known.sort(key=lambda one: self.seals.get(places[one.digest], places[one.digest]))
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
    sifted = Sifted()
    for index, entry in entries(read, size, root):
        if policies:
            policies.see(entry)
        sifted.see(index, entry)
    return Recorded(sifted.found(), size, sifted.seals)


class Sifted:
    """Takes out of a log's entries what matters here; give it all of them in their order, or all behind one."""

    def __init__(self) -> None:
        self.seals: dict[int, int] = {}
        self._kept: list[tuple[bytes, int]] = []
        self._seal = -1  # the first generation of what may still be one seal, -1 when that has ended
        self._last = ""

    def see(self, index: int, entry: bytes) -> None:
        """Take an entry. A seal puts its receipts in the order of their digests, so a smaller one begins another."""
        generation = any(mark in entry for mark in _GENERATIONS)
        if generation or _WAIVER in entry:
            self._kept.append((entry, index))
        if not generation and self._seal < 0:
            return
        digest = hashlib.sha256(entry).hexdigest()
        if digest < self._last or self._seal < 0:
            self._seal = index if generation else -1
        self._last = digest
        if generation:
            self.seals[index] = self._seal

    def found(self) -> tuple[tuple[Receipt, int], ...]:
        """Return the receipts with their leaf indexes. Raises Rejected for one that cannot be read."""
        return tuple((one, index) for data, index in self._kept if (one := parse(data)).kind in KINDS)


def unsealed(store: Store, recorded: Recorded) -> list[Finding]:
    """Return a failed finding for each layer whose newest generation is not in the log, or is not recorded at all."""
    sealed = {receipt.digest for receipt, _ in recorded.receipts}
    answers = []
    known = in_order([*generations(store), *(one for one, _ in recorded.receipts if one.kind != "waiver")])
    # what the log does not have comes after all that it has, whatever its own clock says
    known.sort(key=lambda one: recorded.size if (at := recorded.index_of(one.digest)) is None else recorded.seals[at])
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
    answers += unrecorded(store.root, newest, "receipt")
    for layer, one in sorted(newest.items()):
        ends = str(one.predicate["template"]["version"])
        for said in answers_in(store.root, ANSWERS[layer]):
            if said.version != ends:
                message = f"{said.path} names {said.version}, and the newest receipt {ends}: an update has no receipt"
                answers.append(negative("standard", said.path, Rejected("drift.unrecorded", message)))
    answers += [
        negative(
            "standard",
            f"{RECEIPTS}/{relative_path(one)}",
            Rejected("receipt.missing", f"{RECEIPTS}/{relative_path(one)} is sealed, and its file is gone"),
        )
        for one, _ in recorded.receipts
        if not (store.receipts_dir / relative_path(one)).is_file()
    ]
    if not newest and not answers:
        error = Rejected("drift.unrecorded", "no receipt states that a standard was ever applied here")
        answers.append(negative("standard", RECEIPTS, error))
    return answers


def unrecorded(root: Path, newest: Collection[str], what: str) -> list[Finding]:
    """Return a failed finding for each layer with an answers file and without a generation; `what` says of where."""
    answers = []
    for layer, name in ANSWERS.items():
        if layer not in newest and any(found.layer == layer for found in answers_in(root, name)):
            error = Rejected("drift.unrecorded", f"no {what} states which standard {name} came from")
            answers.append(negative("standard", name, error))
    return answers


def unproven(root: Path, recorded: Recorded, newest: Mapping[str, Generation], where: str) -> list[Finding]:
    """Return what keeps a proof file from being an answer: it proves nothing, not all, or perhaps not the newest."""
    answers = unrecorded(root, newest, "receipt in the proof")
    if not newest and not answers:
        error = Rejected("drift.unrecorded", "the proof states no standard that was ever applied")
        answers.append(negative("standard", where, error))
    for layer, one in sorted(newest.items()):
        for found in answers_in(root, ANSWERS[layer]) if layer in ANSWERS else ():
            if found.version != one.version:
                message = f"the proof is about {one.version}, and {found.path} says {found.version}"
                answers.append(negative("standard", found.path, Rejected("drift.unrecorded", message)))
    if not recorded.complete:
        message = (
            f"the proof does not show that nothing newer is among the {counted(recorded.size, 'receipt')} of its log"
        )
        answers.append(negative("standard", where, Unverifiable("proof.incomplete", message)))
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
