"""A second verifier of ledgers, written from docs/formats.md: hashlib, base64, json and cryptography, nothing of ours.

It covers what needs no OpenPGP and no RFC 3161: receipts and their places, blobs, bundles, tiles, the tree, notes,
cosignatures and the proofs in a proof file. Everything that does not hold raises Broken.
"""

import base64
import hashlib
import itertools
import json
import tomllib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KINDS = ("spawn", "update", "deploy", "rollout", "rollback", "sign", "timestamp", "adr", "trust", "waiver", "aside")
TYPE = "https://vaultmesh.cloud/receipt/{}/v1"


class Broken(Exception):
    """Something is not what the document says."""


def need(holds: bool, what: str) -> None:
    if not holds:
        raise Broken(what)


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def plain64(text: str) -> bytes:
    """Return canonical standard base64."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Broken("base64") from error
    need(base64.b64encode(data).decode() == text, "base64 is not canonical")
    return data


def key(vkey: str) -> tuple[str, bytes, int, bytes]:
    """Return name, key id, type and public key of a verifier key."""
    name, key_id, encoded = vkey.split("+", 2)
    data = plain64(encoded)
    need(sha(name.encode() + b"\n" + data)[:4].hex() == key_id, "key id")
    return name, bytes.fromhex(key_id), data[0], data[1:]


def opened(note: bytes, *vkeys: str) -> tuple[str, int, bytes, bytes]:
    """Return origin, size and root of a checkpoint that every one of these keys signed, and its log-signed bytes."""
    text, blank, tail = note.decode().rpartition("\n\n")
    need(bool(blank) and tail.endswith("\n"), "note")
    text += "\n"
    known = {(name, key_id): (kind, public) for name, key_id, kind, public in map(key, vkeys)}
    seen, kept = set(), []
    for line in tail[:-1].split("\n"):
        mark, name, encoded = line.split(" ")
        need(mark == "—", "signature line")
        data = plain64(encoded)
        if (name, data[:4]) not in known:
            continue
        kind, public = known[name, data[:4]]
        signature, message = data[4:], text.encode()
        if kind == 4:
            time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            message = f"cosignature/v1\ntime {time}\n".encode() + message
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        except InvalidSignature as error:
            raise Broken(f"signature of {name}") from error
        seen.add((name, data[:4]))
        if kind == 1:
            kept.append(line + "\n")
    need(seen == known.keys(), "a signature is missing")
    origin, size, root = text.split("\n")[:3]
    need(str(int(size)) == size and len(plain64(root)) == 32, "checkpoint")
    return origin, int(size), plain64(root), (text + "\n" + "".join(kept)).encode()


def tree(level: list[bytes]) -> bytes:
    """Return the root over leaf hashes: pairs level by level, a lone last node moves up."""
    while len(level) > 1:
        pairs = [sha(b"\1" + left + right) for left, right in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0] if level else sha(b"")


def included(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> None:
    """Check an inclusion proof as RFC 9162 section 2.1.3.2 says."""
    need(index < size, "index")
    at, last, node = index, size - 1, leaf
    for sibling in proof:
        need(last > 0, "proof is too long")
        if at & 1 or at == last:
            node = sha(b"\1" + sibling + node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = sha(b"\1" + node + sibling)
        at, last = at >> 1, last >> 1
    need(last == 0 and node == root, "inclusion")


def consistent(size1: int, size2: int, proof: list[bytes], root1: bytes, root2: bytes) -> None:
    """Check a consistency proof as RFC 9162 section 2.1.4.2 says (0 < size1 < size2)."""
    need(0 < size1 < size2, "sizes")
    path = [root1, *proof] if size1 & (size1 - 1) == 0 else list(proof)
    at, last = size1 - 1, size2 - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    need(bool(path), "proof is too short")
    old = new = path[0]
    for node in path[1:]:
        need(last > 0, "proof is too long")
        if at & 1 or at == last:
            old, new = sha(b"\1" + node + old), sha(b"\1" + node + new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = sha(b"\1" + new + node)
        at, last = at >> 1, last >> 1
    need(last == 0 and (old, new) == (root1, root2), "consistency")


def tile_path(level: str, index: int, width: int) -> str:
    digits = f"{index:03d}"
    while len(digits) % 3:
        digits = "0" + digits
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    parts = [f"x{group}" for group in groups[:-1]] + groups[-1:]
    return f"tile/{level}/{'/'.join(parts)}" + ("" if width == 256 else f".p/{width}")


def unbundled(data: bytes) -> list[bytes]:
    """Return the entries of a bundle."""
    entries = []
    while data:
        length = int.from_bytes(data[:2], "big")
        need(len(data) >= 2 + length, "bundle is cut off")
        entries.append(data[2 : 2 + length])
        data = data[2 + length :]
    return entries


def receipt(data: bytes) -> tuple[str, dict[str, Any], str]:
    """Return kind, statement and path (under ops/receipts) of a receipt in its canonical encoding."""
    need(len(data) <= 65535, "size")
    statement = json.loads(data)
    canonical = json.dumps(statement, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    need(canonical.encode() == data, "encoding")
    need(statement.keys() == {"_type", "predicate", "predicateType", "subject"}, "members")
    need(statement["_type"] == "https://in-toto.io/Statement/v1", "_type")
    kinds = [kind for kind in KINDS if statement["predicateType"] == TYPE.format(kind)]
    need(len(kinds) == 1 and len(statement["subject"]) == 1, "kind and subject")
    said, digest = statement["predicate"], hashlib.sha256(data).hexdigest()
    if kinds[0] == "deploy":
        return kinds[0], statement, f"deploy/{said['component']}-{said['version']}.receipt"
    if kinds[0] == "adr":
        return kinds[0], statement, f"adr/ADR-{said['number']:03d}-{said['slug']}.{digest}.receipt"
    return kinds[0], statement, f"{kinds[0]}/{digest[:2]}/{digest}.receipt"


def blobs(kind: str, said: dict[str, Any]) -> list[str]:
    """Return the digests of the blobs that a predicate names."""
    if kind in ("spawn", "update"):
        tag = said["template"].get("tagSignature")
        return [said["manifest"]["sha256"], *([tag] if tag else [])]
    if kind == "trust":
        return [said["policy"], *(one["signature"] for one in said["signatures"])]
    member = {"sign": "signature", "timestamp": "token"}.get(kind)
    return [said[member]] if member else []


def ledger(receipts: Path, *vkeys: str) -> list[bytes]:
    """Check everything below an ops/receipts folder against the checkpoint, and return the entries."""
    folder = receipts / "ledger"
    origin, size, root, _ = opened((folder / "checkpoint").read_bytes(), *vkeys)
    need(origin == key(vkeys[0])[0], "origin")
    entries: list[bytes] = []
    for first in range(0, size, 256):
        width = min(256, size - first)
        bundle = unbundled((folder / tile_path("entries", first // 256, width)).read_bytes())
        need(len(bundle) == width, "bundle width")
        entries += bundle
    hashes, level = [sha(b"\0" + entry) for entry in entries], 0
    need(tree(hashes) == root, "root")
    while hashes:
        for first in range(0, len(hashes), 256):
            part = hashes[first : first + 256]
            data = (folder / tile_path(str(level), first // 256, len(part))).read_bytes()
            need(data == b"".join(part), f"tile of level {level}")
        hashes = [tree(hashes[first : first + 256]) for first in range(0, len(hashes) // 256 * 256, 256)]
        level += 1
    for entry in entries:
        kind, statement, path = receipt(entry)
        need((receipts / path).read_bytes() == entry, path)
        for digest in blobs(kind, statement["predicate"]):
            need(sha((receipts / "blobs" / digest).read_bytes()).hex() == digest, f"blob {digest}")
    return entries


def proof_file(data: bytes, *vkeys: str) -> list[tuple[str, dict[str, Any]]]:
    """Check the log's side of a proof file and return role and statement of each receipt."""
    document = json.loads(data)
    need(document.keys() == {"schema", "artifact", "checkpoint", "receipts", "blobs", "stamps"}, "members")
    need(document["schema"] == "https://vaultmesh.cloud/schema/proof/v1", "schema")
    _, size, root, _ = opened(document["checkpoint"].encode(), *vkeys)
    for digest, encoded in document["blobs"].items():
        need(sha(plain64(encoded)).hex() == digest, "blob")
    found = []
    for item in document["receipts"]:
        index, hashes, note = tlog_proof(item["proof"])
        need(note == document["checkpoint"], "checkpoint of the proof")
        included(sha(b"\0" + item["receipt"].encode()), index, size, hashes, root)
        found.append((item["role"], receipt(item["receipt"].encode())[1]))
    return found


def tlog_proof(text: str) -> tuple[int, list[bytes], str]:
    """Return index, hashes and checkpoint of a tlog-proof without extra data."""
    head, _, note = text.partition("\n\n")
    first, index, *hashes = head.split("\n")
    need(first == "c2sp.org/tlog-proof@v1" and index.startswith("index "), "tlog-proof")
    return int(index.removeprefix("index ")), [plain64(line) for line in hashes], note


def required(policy: str, stamps: Sequence[tuple[str, datetime]], now: datetime) -> tuple[int, int]:
    """Return how many signatures and timestamps the rule of a release asks for.

    `stamps` are authority and time (genTime plus accuracy) of the checkpoints that hold its leaf, by tree size.
    """
    table = tomllib.loads(policy)
    own = {one["name"] for one in table["authority"] if one.get("self-asserted")}
    counted = [(name, time) for name, time in stamps if table["profile"] != "production" or name not in own]
    rules = [table["require"], *table["require"].get("change", [])]
    for rule, following in itertools.pairwise(rules):
        named: dict[str, datetime] = {}
        for name, time in counted:
            named[name] = min(time, named.get(name, time))
            if len(named) == rule["timestamps"]:
                break
        if len(named) == rule["timestamps"] and max(named.values()) < following["from"]:
            return rule["signatures"], rule["timestamps"]
    in_force = [one for one in rules if "from" not in one or one["from"] <= now][-1]
    return in_force["signatures"], in_force["timestamps"]
