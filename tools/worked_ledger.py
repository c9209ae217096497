"""The worked example of docs/formats.md: a ledger of three receipts, made by the Remembrancer itself.

Run `make documents` to write its bytes into the document again. Keys follow from published
text, so that everything can be recomputed; nobody may trust them.
"""

import hashlib
import re
import tempfile
from pathlib import Path

from remembrancer.ledger import Ledger
from remembrancer.receipt import manifest as manifests
from remembrancer.receipt import statement as receipt
from remembrancer.repository.store import Store
from remembrancer.tlog.checkpoint import encode_base64
from remembrancer.tlog.merkle import leaf_hash
from remembrancer.tlog.note import COSIGNATURE, SignerKey, add_signature, cosign, log_signed_bytes
from remembrancer.tlog.proof import InclusionBundle
from remembrancer.trust.policy import parse
from remembrancer.verify.evidence import Artifact, Entry, Evidence
from remembrancer.verify.log import open_log
from remembrancer.verify.packing import export

DOCUMENT = Path(__file__).parent.parent / "docs" / "formats.md"
ORIGIN = "log.example/my-svc"
WITNESS = "witness.example/w1"
AT = "2026-01-02T03:04:05Z"
COSIGNED_AT = 1767323045
ARTIFACT = b"worked example\n"
BUNDLE = "tile/entries/000.p/3"
TILE = "tile/0/000.p/3"


def sha(data: bytes | str) -> str:
    """Return the SHA-256 of bytes, or of a text as UTF-8, in hexadecimal."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def keys() -> tuple[SignerKey, SignerKey]:
    """Return the log's key and the witness's key; their seeds are the SHA-256 of a published text."""
    log = SignerKey.from_seed(ORIGIN, bytes.fromhex(sha("docs/formats.md log key")))
    return log, SignerKey.from_seed(WITNESS, bytes.fromhex(sha("docs/formats.md witness key")), COSIGNATURE)


def manifest() -> bytes:
    """Return the manifest blob: a file as it was rendered, and one that was not there."""
    lines = [("Makefile", "standard", "all:\n", "all:\n"), ("README.md", "seeded", "# My service\n", "")]
    return manifests.write(
        manifests.Line(path, owner, sha(rendered), sha(disk) if disk else "") for path, owner, rendered, disk in lines
    )


def receipts() -> dict[str, bytes]:
    """Return the three receipts by their kind."""
    stated = manifests.stated(manifest())
    spawn = {
        "recordedAt": AT,
        "component": "my-svc",
        "layer": "fastapi-service",
        "version": "1.0.0",
        "template": {"source": "https://git.example/standard.git", "commit": "0123456789" * 4, "version": "4.1.0"},
        "answers": {"path": ".copier-answers.yml", "sha256": sha("answers\n")},
        "manifest": stated,
    }
    artifact = {"name": "my-svc-1.0.0.tar.gz", "sha256": sha(ARTIFACT)}
    deploy = {
        "recordedAt": AT,
        "recordedBy": "Zoë",
        "component": "my-svc",
        "version": "1.0.0",
        "artifact": artifact,
        "evidence": {**artifact, "name": "dist/my-svc-1.0.0.tar.gz"},
        "environment": "staging",
        "rollback": 'run "make deployment" for 0.9.0',
    }
    waiver = {"recordedAt": AT, "recordedBy": "ops", "owner": "team", "reason": "GPU image", "expires": AT}
    return {
        "spawn": receipt.build("spawn", [("my-svc", stated["sha256"])], spawn),
        "deploy": receipt.build("deploy", [(artifact["name"], artifact["sha256"])], deploy),
        "waiver": receipt.build("waiver", [("Dockerfile", sha("FROM gpu\n"))], waiver),
    }


def policy_text() -> str:
    """Return a production policy for the example's log; certificates stand in it by digest."""
    log, witness = keys()
    return f'''version = 1
profile = "production"
owner = "{"0123456789ABCDEF0123" * 2}"
origin = "{ORIGIN}"
seal-branch = "main"
witnesses = """
witness w1 {witness.verifier()}
quorum w1
"""

[require]
signatures = 1
timestamps = 1
deploy-signature = true

[[log-key]]
key = "{log.verifier()}"
first-size = 0

[[signer]]
name = "release"
fingerprint = "{"ABCDEF0123456789ABCD" * 2}"
components = ["my-svc"]
from = 2026-01-01T00:00:00Z
key-sha256 = "{sha("an OpenPGP certificate")}"

[[authority]]
name = "tsa-1"
url = "https://tsa.example/rfc3161"
policy-oids = ["1.3.6.1.4.1.32473.1"]
roots-sha256 = ["{sha("a DER certificate")}"]
'''


def build(root: Path) -> dict[str, str]:
    """Make the ledger in an empty folder and return the document's worked blocks by their name."""
    log, witness = keys()
    store, ledger, made = Store(root), Ledger(root), receipts()
    store.write_blob(manifest())
    store.write_receipts([made["spawn"], made["deploy"]])
    first = ledger.seal(log)
    store.write_receipts([made["waiver"]])
    second = ledger.seal(log)
    entries = [entry for _, entry in ledger.entries()]
    tile, bundle = ledger.read(TILE), ledger.read(BUNDLE)
    cosignature = cosign(second.note.decode().rpartition("\n\n")[0] + "\n", witness, COSIGNED_AT)
    cosigned = add_signature(second.note, cosignature)
    proof = InclusionBundle(1, tuple(ledger.tree().inclusion_proof(1)), cosigned)
    consistency = ledger.tree().consistency_proof(2)
    view = open_log(cosigned, ledger.read, parse(policy_text().encode()))
    deployed = receipt.parse(made["deploy"])
    evidence = Evidence(
        artifact=Artifact("my-svc-1.0.0.tar.gz", sha(ARTIFACT), ARTIFACT),
        stamps=(),
        blob=store.read_blob,
        deploys=(Entry(deployed, entries.index(deployed.data), deployed.data),),
    )
    paths = [receipt.relative_path(receipt.parse(entry)) for entry in entries]
    prefixes = [f"length {number} = {len(entry):04x}" for number, entry in enumerate(entries)]
    leaves = [f"leaf {number} = {leaf_hash(entry).hex()}" for number, entry in enumerate(entries)]
    return {
        "keys": f"log seed = {log.seed.hex()}\nlog key = {log.verifier()}\n"
        f"witness seed = {witness.seed.hex()}\nwitness key = {witness.verifier()}\n",
        "spawn.receipt": made["spawn"].decode(),
        "deploy.receipt": made["deploy"].decode(),
        "waiver.receipt": made["waiver"].decode(),
        "manifest": manifest().decode(),
        "order": "".join(f"{number} = {path}\n" for number, path in enumerate(paths)),
        "hashes": "\n".join([*leaves, f"root 2 = {first.root.hex()}", f"root 3 = {second.root.hex()}"]) + "\n",
        "tile": "".join(f"{tile[at : at + 32].hex()}\n" for at in range(0, len(tile), 32)),
        "bundle": "\n".join([*prefixes, f"bytes = {len(bundle)}", f"sha256 = {sha(bundle)}"]) + "\n",
        "checkpoint-2": first.note.decode(),
        "checkpoint-3": cosigned.decode(),
        "stamped": f"sha256 = {sha(log_signed_bytes(cosigned, log.verifier()))}\n",
        "inclusion": proof.format().decode(),
        "consistency": "".join(f"{encode_base64(value)}\n" for value in consistency),
        "policy.toml": policy_text(),
        "proof.json": export(evidence, view).decode(),
    }


def blocks(document: str) -> dict[str, str]:
    """Return the worked blocks of the document by their name, exactly as they stand there."""
    found = re.findall(r"<!-- worked: ([a-z0-9.-]+) -->\n```[a-z]*\n(.*?)```\n", document, re.DOTALL)
    return dict(found)


def filled(document: str, worked: dict[str, str]) -> str:
    """Return the document with every worked block as it should be."""
    for name, text in worked.items():
        pattern = re.compile(rf"(<!-- worked: {re.escape(name)} -->\n```[a-z]*\n).*?(```\n)", re.DOTALL)
        document = pattern.sub(lambda found, text=text: f"{found[1]}{text}{found[2]}", document)  # type: ignore[misc]
    return document


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8"), build(Path(folder))), encoding="utf-8")
