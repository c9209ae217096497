"""A portable proof: one JSON file with everything about one artifact, checked without repository or network.

The file carries receipts with their tlog-proofs, the proofs' bytes and the stamped checkpoints. It carries no trust:
the verifier brings the policy. Reading is strict and bounded; `verify.packing` writes.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from remembrancer.errors import BadInput, Rejected
from remembrancer.named import NamedTuple
from remembrancer.receipt import statement as receipt
from remembrancer.tlog.merkle import ProofError
from remembrancer.tlog.proof import InclusionBundle
from remembrancer.trust.policy import Policy
from remembrancer.verify.evidence import Artifact, Entry, Evidence, Log
from remembrancer.verify.log import LogView, Stamp, TreeSource, key_ids, open_checkpoint

SCHEMA = "https://vaultmesh.cloud/schema/proof/v1"
MAX_BYTES = 8 << 20
MAX_RECEIPTS = 1000
ROLES = {
    "deploys": "deploy",
    "signs": "sign",
    "timestamps": "timestamp",
    "record_signs": "sign",
    "signature_times": "timestamp",
}
"""What a receipt is there for, and of which kind it has to be."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_MEMBERS = {"schema", "artifact", "checkpoint", "receipts", "blobs", "stamps"}
_RECEIPT = {"role", "receipt", "proof"}
_ABOVE = {"checkpoint", "consistency", "proof"}
_STAMP = {"authority", "note", "response", "consistency"}


class Above(NamedTuple):
    """The way up to a log of logs: a checkpoint that is its entry, what leads from the file's to it, and the proof."""

    checkpoint: bytes
    consistency: tuple[bytes, ...]
    proof: InclusionBundle


class Portable(NamedTuple):
    """A parsed proof file: the evidence (without the artifact's content), what proves the tree, and the way up."""

    evidence: Evidence
    checkpoint: bytes
    proofs: Mapping[int, tuple[bytes, ...]]
    roots: Mapping[int, tuple[bytes, tuple[bytes, ...]]]
    above: Above | None = None


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _refused(why: str) -> BadInput:
    return BadInput("proof.malformed", f"the proof file {why}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _refused("has a member twice")
    return found


def _record(value: object, members: set[str], what: str) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != members:
        raise _refused(f"must have exactly the members {', '.join(sorted(members))} in {what}")
    return value


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > MAX_RECEIPTS:
        raise _refused(f"must have a list of at most {MAX_RECEIPTS} in {what}")
    return value


def _string(value: object, what: str) -> str:
    # JSON can name half of a surrogate pair, which is no character
    if not isinstance(value, str) or _SURROGATE.search(value):
        raise _refused(f"must have text in {what}")
    return value


def _bytes(value: object, what: str) -> bytes:
    text = _string(value, what)
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise _refused(f"must have base64 in {what}") from error
    if _base64(data) != text:
        raise _refused(f"must have canonical base64 in {what}")
    return data


def parse(data: bytes) -> Portable:
    """Return the evidence in a proof file; nothing of it is judged yet. Raises BadInput(proof.malformed, proof.size).

    At most 8 MiB and 1000 receipts; duplicate and unknown members are refused.
    """
    if len(data) > MAX_BYTES:
        raise BadInput("proof.size", f"the proof file is larger than {MAX_BYTES} bytes")
    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_float=_no_number)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise _refused("is not JSON") from error
    above = None
    if isinstance(document, dict) and "above" in document:
        above = _above(document.pop("above"))
    document = _record(document, _MEMBERS, "the file")
    if document["schema"] != SCHEMA:
        raise _refused(f"must have the schema {SCHEMA}")
    artifact = _record(document["artifact"], {"name", "sha256"}, "artifact")
    name, digest = _string(artifact["name"], "name"), _string(artifact["sha256"], "sha256")
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise _refused("must have 64 lower-case hexadecimal digits in sha256")
    checkpoint = _string(document["checkpoint"], "checkpoint").encode()
    roles: dict[str, list[Entry]] = {role: [] for role in ROLES}
    proofs: dict[int, tuple[bytes, ...]] = {}
    for item in _list(document["receipts"], "receipts"):
        role, entry, proof = _entry(item, checkpoint)
        roles[role].append(entry)
        if entry.index is None or proofs.setdefault(entry.index, proof) != proof:
            raise _refused("has two proofs for one leaf")
    stamps, roots = _stamps(_list(document["stamps"], "stamps"))
    evidence = Evidence(
        artifact=Artifact(name, digest, b""),
        stamps=stamps,
        blob=_blobs(document["blobs"]),
        deploys=tuple(roles["deploys"]),
        signs=tuple(roles["signs"]),
        timestamps=tuple(roles["timestamps"]),
        record_signs=tuple(roles["record_signs"]),
        signature_times=tuple(roles["signature_times"]),
    )
    return Portable(evidence, checkpoint, proofs, roots, above)


def _above(value: object) -> Above:
    record = _record(value, _ABOVE, "above")
    proof = tuple(_bytes(part, "consistency") for part in _list(record["consistency"], "consistency"))
    try:
        bundle = InclusionBundle.parse(_string(record["proof"], "proof").encode())
    except ProofError as error:
        raise _refused(f"has a way up that cannot be read: {error}") from error
    if bundle.extra:
        raise _refused("has a way up with extra data")
    return Above(_string(record["checkpoint"], "checkpoint").encode(), proof, bundle)


def _no_number(text: str) -> Any:
    raise _refused(f"must not have the number {text[:20]}")


def _entry(item: object, checkpoint: bytes) -> tuple[str, Entry, tuple[bytes, ...]]:
    record = _record(item, _RECEIPT, "receipts")
    role = _string(record["role"], "role")
    if role not in ROLES:
        raise _refused("has an unknown role")
    body = _string(record["receipt"], "receipt").encode()
    try:
        parsed = receipt.parse(body)
        bundle = InclusionBundle.parse(_string(record["proof"], "proof").encode())
    except (Rejected, ProofError) as error:
        raise _refused(f"has a receipt or proof that cannot be read: {error}") from error
    if parsed.kind != ROLES[role]:
        raise _refused(f"has a receipt of the kind {parsed.kind} in the role {role}")
    if bundle.checkpoint_note != checkpoint or bundle.extra:
        raise _refused("has a proof under another checkpoint")
    return role, Entry(parsed, bundle.index, body), bundle.proof


def _blobs(value: object) -> Callable[[str], bytes]:
    import hashlib  # noqa: PLC0415 - only here

    if not isinstance(value, dict) or len(value) > 2 * MAX_RECEIPTS:
        raise _refused("must have an object in blobs")
    blobs: dict[str, bytes] = {}
    for digest, text in value.items():
        blobs[digest] = _bytes(text, "blobs")
        if hashlib.sha256(blobs[digest]).hexdigest() != digest:
            raise _refused("has a blob that is not what its name says")

    def blob(digest: str) -> bytes:
        if digest not in blobs:
            raise Rejected("blob.missing", f"the proof file does not hold the blob {digest}")
        return blobs[digest]

    return blob


def _stamps(items: list[Any]) -> tuple[tuple[Stamp, ...], dict[int, tuple[bytes, tuple[bytes, ...]]]]:
    stamps, roots = [], {}
    for item in items:
        record = _record(item, _STAMP, "stamps")
        note = _string(record["note"], "note").encode()
        proof = tuple(_bytes(part, "consistency") for part in _list(record["consistency"], "consistency"))
        try:
            lines = note.split(b"\n")
            size, root = int(lines[1].decode("ascii")), base64.b64decode(lines[2], validate=True)
        except (ValueError, IndexError) as error:
            raise _refused("has a stamped note that is not a checkpoint") from error
        stamps.append(
            Stamp(size, _string(record["authority"], "authority"), note, _bytes(record["response"], "response"))
        )
        roots[size] = (root, proof)
    return tuple(stamps), roots


class ProvenTree(TreeSource):
    """The tree of a proof file: it answers only what the file proves, and every answer is checked by its user."""

    def __init__(self, portable: Portable) -> None:
        self._portable = portable

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:  # noqa: ARG002 - it has one size
        """Return the proof of a leaf; raises FileNotFoundError when the file has none."""
        if index not in self._portable.proofs:
            raise FileNotFoundError(f"proof of leaf {index}")
        return list(self._portable.proofs[index])

    def root(self, size: int) -> bytes:
        """Return the root that a stamped note claims for a size; it counts with its consistency proof only."""
        if size not in self._portable.roots:
            raise FileNotFoundError(f"root of size {size}")
        return self._portable.roots[size][0]

    def consistency_proof(self, size1: int, size: int | None = None) -> list[bytes]:  # noqa: ARG002 - as above
        """Return the proof that the tree of this size is a prefix."""
        if size1 not in self._portable.roots:
            raise FileNotFoundError(f"consistency proof of size {size1}")
        return list(self._portable.roots[size1][1])


def open_portable(portable: Portable, policy: Policy) -> Log:
    """Return the log of a proof file under the verifier's policy, or why it cannot be used."""
    try:
        signed = open_checkpoint(portable.checkpoint, policy)
    except Rejected as error:
        return Log(None, error)
    return Log(LogView(portable.checkpoint, signed, ProvenTree(portable), key_ids(policy)))
