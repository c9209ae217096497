"""Write the valid part of the corpus anew: python tests/fuzz/seed.py. Found inputs beside it are kept.

One development release gives most of it, so that policy, log, receipts, tokens and signatures belong together.
"""

import json
import sys
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [
    str(HERE),
    str(HERE.parent),
    str(HERE.parent / "support"),
    str(ROOT / "plugins" / "remembrancer" / "src"),
]

from targets import STANDARD_ORIGIN, STANDARD_SEED  # noqa: E402

import receipt_samples  # noqa: E402 - after the path is set
from cli_support import ARTIFACT, ledger, released  # noqa: E402
from remembrancer.receipt import manifest as manifests  # noqa: E402
from remembrancer.receipt.statement import encode  # noqa: E402
from remembrancer.standard import portable as standard_proof  # noqa: E402
from remembrancer.standard import waivers  # noqa: E402
from remembrancer.standard.drift import Waiver  # noqa: E402
from remembrancer.tlog.checkpoint import Checkpoint  # noqa: E402
from remembrancer.tlog.key import COSIGNATURE  # noqa: E402
from remembrancer.tlog.merkle import leaf_hash  # noqa: E402
from remembrancer.tlog.note import SignerKey, sign_note  # noqa: E402
from remembrancer.tlog.proof import InclusionBundle  # noqa: E402
from remembrancer.tlog.tile import encode_bundle  # noqa: E402


def put(target: str, name: str, data: bytes) -> None:
    """Write one file of the corpus."""
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def of_a_release() -> None:
    """Take what one release left behind."""
    scratch = released()
    try:
        scratch.ok("export-proof", ARTIFACT)
        proof = (scratch.root / f"{ARTIFACT}.proof.json").read_bytes()
        policy = (scratch.root / "ops/trust/policy.toml").read_bytes()
        checkpoint = (ledger(scratch) / "checkpoint").read_bytes()
        entries = next((ledger(scratch) / "tile/entries").rglob("*/*")).read_bytes()
    finally:
        scratch.remove()
    document = json.loads(proof)
    put("bundle", "release", proof)
    put("policy", "development", policy)
    put("note", "checkpoint", checkpoint)
    put("checkpoint", "signed", checkpoint)
    put("entry-bundle", "release", entries)
    for number, one in enumerate(document["receipts"]):
        put("receipt", f"release-{number}", one["receipt"].encode())
        put("tlog-proof", f"release-{number}", one["proof"].encode())
    put("timestamp", "checkpoint", b64decode(document["stamps"][0]["response"]))
    put("der", "response", b64decode(document["stamps"][0]["response"]))
    for number, data in enumerate(map(b64decode, document["blobs"].values())):
        target = "timestamp" if data[:1] == b"\x30" else "openpgp-signature"
        put(target, f"release-{number}", data)
        if target == "openpgp-signature":
            put("openpgp-packets", f"signature-{number}", data)
    certificate = policy.split(b"-----BEGIN PGP", 1)[1].split(b"-----END PGP PUBLIC KEY BLOCK-----")[0]
    armored = b"-----BEGIN PGP" + certificate + b"-----END PGP PUBLIC KEY BLOCK-----\n"
    put("openpgp-certificate", "owner", armored)
    put("openpgp-packets", "certificate", armored)


def made() -> None:
    """Make the rest from fixed keys and the samples of the tests."""
    for kind in receipt_samples.SAMPLES:
        put("receipt", kind, encode(receipt_samples.statement(kind)))
    spawn = encode(receipt_samples.statement("spawn"))
    key = SignerKey.from_seed(STANDARD_ORIGIN, STANDARD_SEED)
    note = sign_note(Checkpoint(STANDARD_ORIGIN, 1, leaf_hash(spawn)).format(), [key])
    proof = InclusionBundle(0, (), note).format()
    put("tlog-proof", "alone", proof)
    blob = b"a manifest\n"
    item = standard_proof.Item(spawn, proof)
    document = standard_proof.StandardProof((item,), {sha256(blob).hexdigest(): blob})
    put("standard-proof", "spawn", standard_proof._encode(document))
    lines = [manifests.Line(path, "standard", "ab" * 32, "cd" * 32) for path in ("Makefile", "app/ünïcode.py")]
    put("manifest", "two", manifests.write(lines))
    at = receipt_samples.AT
    put("waivers", "two", waivers.write(Waiver(path, "ab" * 32, "team", "GPU image", at) for path in ("a", "b/c")))
    put("entry-bundle", "small", encode_bundle([b"", b"a", b"b" * 300]))
    put("tile-path", "full", b"tile/0/x001/234")
    put("tile-path", "partial", b"tile/entries/000.p/7")
    first, second = (
        SignerKey.from_seed(f"w{number}.example", bytes([number] * 32), COSIGNATURE).verifier() for number in (1, 2)
    )
    text = f"witness a {first} https://w1.example\nwitness b {second}\ngroup g 1 a b\nquorum g\n"
    put("witness-policy", "two", text.encode())
    decisions = sorted((ROOT / "ops" / "receipts" / "adr").glob("ADR-*.md"))
    put("decision", "own", decisions[0].read_bytes())
    put("decision", "foreign", b"# 1. Use tiles\n\nDate: 2026-01-02\n\n## Status\n\nAccepted\n\n## Context\n\nSize.\n")


if __name__ == "__main__":
    of_a_release()
    made()
