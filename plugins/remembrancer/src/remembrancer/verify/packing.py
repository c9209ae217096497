"""Packing the evidence of one artifact into a portable proof; the same evidence always gives the same bytes."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from remembrancer.errors import Rejected
from remembrancer.tlog.proof import InclusionBundle
from remembrancer.verify.bundle import MAX_BYTES, MAX_RECEIPTS, ROLES, SCHEMA
from remembrancer.verify.evidence import Entry, Evidence
from remembrancer.verify.log import LogView, prefix_root, proof_of


def export(evidence: Evidence, view: LogView) -> bytes:
    """Return the proof file of an artifact's evidence under an opened log (deterministic JSON).

    Raises Rejected(log.pending) when a receipt is not in the log, and what reading tiles and blobs raises.
    """
    items: list[dict[str, str]] = []
    blobs: dict[str, str] = {}
    for role, entry in _entries(evidence):
        if entry.index is None:
            raise Rejected("log.pending", f"{entry.path} is recorded but not in the ledger, so nothing proves it")
        bundle = InclusionBundle(entry.index, tuple(proof_of(view, entry.index)), view.data)
        items.append({"role": role, "receipt": _text(entry.receipt.data), "proof": bundle.format().decode()})
        if role != "deploys":
            for digest in entry.receipt.blobs:
                blobs[digest] = _base64(evidence.blob(digest))
    stamps = []
    for stamp in sorted(evidence.stamps):
        if stamp.size > view.size:
            continue
        proof = view.tree.consistency_proof(stamp.size) if 0 < stamp.size < view.size else []
        prefix_root(view, stamp.size)
        stamps.append(
            {
                "authority": stamp.authority,
                "note": _text(stamp.note),
                "response": _base64(stamp.response),
                "consistency": [_base64(part) for part in proof],
            }
        )
    document = {
        "schema": SCHEMA,
        "artifact": {"name": evidence.artifact.name, "sha256": evidence.artifact.digest},
        "checkpoint": _text(view.data),
        "receipts": items,
        "blobs": blobs,
        "stamps": _needed(stamps, evidence, view),
    }
    data = (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    if len(data) > MAX_BYTES or len(items) > MAX_RECEIPTS:
        raise Rejected("proof.size", "the proof would be larger than verify-proof accepts")
    return data


def _needed(stamps: list[dict[str, Any]], evidence: Evidence, view: LogView) -> list[dict[str, Any]]:
    """Of all stamps, those that can date something here: per authority the first after each leaf, and the newest."""
    leaves = sorted({entry.index for _, entry in _entries(evidence) if entry.index is not None} | {view.size - 1})
    kept: dict[tuple[str, str], dict[str, Any]] = {}
    for leaf in leaves:
        for authority in sorted({str(stamp["authority"]) for stamp in stamps}):
            mine = [stamp for stamp in stamps if stamp["authority"] == authority and _size(stamp) > leaf]
            if mine:
                first = min(mine, key=_size)
                kept[authority, str(first["note"])] = first
    return sorted(kept.values(), key=lambda stamp: (_size(stamp), str(stamp["authority"])))


def _size(stamp: Mapping[str, Any]) -> int:
    return int(str(stamp["note"]).split("\n")[1])


def _entries(evidence: Evidence) -> Iterator[tuple[str, Entry]]:
    seen = set()
    for role in ROLES:
        for entry in getattr(evidence, role):
            if (role, entry.receipt.digest) not in seen:
                seen.add((role, entry.receipt.digest))
                yield role, entry


def _text(data: bytes) -> str:
    return data.decode("utf-8")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
