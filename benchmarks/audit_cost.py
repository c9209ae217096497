"""The complete audit of 10,000 deployments, each signed and stamped: every receipt, blob, tile, signature and token.

The floor is the same checks one by one: pysequoia over each signature, and over each token the strict checks with
rfc3161-client, in one process that remembers no certificate and no chain. The budget, 9 s on the reference machine, is
0.6 of the 14.9 s that this takes there (1.9 and 13). What the two libraries need alone, without the strict checks, is
printed beside it: an audit that only called them could not be faster than half of that on two processors.

The fixture is made in bulk, with keys that live in this process and without syncing; it holds what the commands write,
and the audit would refuse it otherwise.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pysequoia
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_der_x509_certificate
from rfc3161_client import VerifierBuilder, decode_timestamp_response

from benchmarks._scratch import COMPONENT, PROGRAM, deploy, environment, lay, repository, sha256
from benchmarks.measure import Row, run_apart
from remembrancer.ledger.stamps import FOLDER
from remembrancer.paths import LEDGER, RECEIPTS
from remembrancer.receipt.statement import parse, relative_path
from remembrancer.record import statements as recording
from remembrancer.record.begin import development_policy, write_policy
from remembrancer.repository.reader import Repository
from remembrancer.timestamp import chain, checks
from remembrancer.timestamp.authority import LocalAuthority
from remembrancer.timestamp.model import Authority
from remembrancer.timestamp.request import make_request
from remembrancer.timestamp.response import parse_response
from remembrancer.tlog.note import SignerKey
from remembrancer.trust.render import render

DEPLOYMENTS = 10_000
ORIGIN = "dev.invalid/my-svc/bench"
AUTHORITY = "development"
NONCE = 1 << 62
BUDGET = 0.6
ROUNDS = 5
SAMPLE = 250


class _Tokens:
    """Timestamp responses like the first one of an authority, by putting other bytes of the same length into it."""

    def __init__(self, authority: LocalAuthority, key: Path) -> None:
        self.digest = hashlib.sha256(b"first").digest()
        self.response = authority.respond(make_request(self.digest, NONCE))
        self.token = parse_response(self.response)
        self.serial = self.token.serial.to_bytes(16, "big")
        self.key = load_pem_private_key(key.read_bytes(), None)

    def over(self, digest: str) -> bytes:
        """Return a response over a SHA-256 digest (hexadecimal), with a serial number of its own."""
        token, signer = self.token, self.token.signer
        serial = self.serial[:8] + os.urandom(8)
        content = token.content.replace(self.digest, bytes.fromhex(digest)).replace(self.serial, serial)
        claimed = hashlib.sha256(content).digest()
        signature = self._sign(signer.signed_bytes.replace(signer.message_digest, claimed), len(signer.signature))
        changed = self.response.replace(token.content, content).replace(signer.message_digest, claimed)
        return changed.replace(signer.signature, signature)

    def _sign(self, data: bytes, length: int) -> bytes:
        assert isinstance(self.key, ec.EllipticCurvePrivateKey)
        while len(signature := self.key.sign(data, ec.ECDSA(hashes.SHA256()))) != length:
            pass
        return signature


class _World:
    """A repository with development trust, whose keys are known here, and many complete releases."""

    def __init__(self, base: Path) -> None:
        self.root = repository(base / "service")
        self.key = pysequoia.Tsk.generate("Bench <bench@example.invalid>")
        authority = LocalAuthority.create(base / "tsa")
        self.root_certificate = authority.root
        self.tokens = _Tokens(authority, base / "tsa" / "tsa-key.pem")
        certificate = self.key.extract_certificate()
        self.owner = str(certificate.fingerprint).upper()
        log_key = SignerKey.generate(ORIGIN)
        armored = str(certificate).encode()
        policy = render(development_policy(ORIGIN, log_key, self.owner, armored, authority))
        write_policy(Repository(self.root), policy, {self.owner: self.sign(policy)}, {self.owner: armored})
        note = lay(self.root, log_key, self._releases())
        size = 3 * DEPLOYMENTS
        self._put(f"{LEDGER}/{FOLDER}/{size}.note", note)
        self._put(f"{LEDGER}/{FOLDER}/{size}.{AUTHORITY}.tsr", self.tokens.over(sha256(note)))

    def _releases(self) -> Iterator[bytes]:
        """Write artifacts, blobs and receipts, and yield the receipts."""
        now = datetime.now(UTC)
        for number in range(DEPLOYMENTS):
            version = f"1.{number}.0"
            artifact = f"{COMPONENT} {version}\n".encode() * 20
            subject = f"{COMPONENT}-{version}.tar.gz", sha256(artifact)
            self._put(f"dist/{subject[0]}", artifact)
            signature, response = self.sign(artifact), self.tokens.over(subject[1])
            receipts = (
                deploy(COMPONENT, version, subject[1]),
                recording.signature(subject, self.owner, self._blob(signature), now),
                recording.timestamp(
                    subject,
                    authority=AUTHORITY,
                    gen_time=self.tokens.token.gen_time,
                    nonce=NONCE,
                    blob=self._blob(response),
                    now=now,
                ),
            )
            for data in receipts:
                self._put(f"{RECEIPTS}/{relative_path(parse(data))}", data)
                yield data

    def sign(self, data: bytes) -> bytes:
        """Return a detached signature by the world's key."""
        return bytes(pysequoia.sign(self.key.signer(), data, mode=pysequoia.SignatureMode.DETACHED))

    def _blob(self, data: bytes) -> str:
        digest = sha256(data)
        self._put(f"{RECEIPTS}/blobs/{digest}", data)
        return digest

    def _put(self, path: str, data: bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


@dataclass(frozen=True, slots=True)
class _Alone:
    """Seconds for all deployments, each thing alone in one process; from the fastest round of a sample."""

    signatures: float
    tokens: float
    tokens_by_library: float


def _one_by_one(world: _World) -> _Alone:
    """Measure the checks of one signature and of one token with nothing remembered from the one before."""
    data = b"artifact\n" * 20
    digest = hashlib.sha256(data).digest()
    signature, response = world.sign(data), world.tokens.over(digest.hex())
    armored, root = str(world.key.extract_certificate()).encode(), world.root_certificate
    authority = Authority(AUTHORITY, "", (root,))
    remembered = [each for module in (checks, chain) for each in vars(module).values() if hasattr(each, "cache_clear")]

    def signed() -> None:
        certificate = pysequoia.Cert.from_bytes(armored)
        pysequoia.verify(bytes=data, store=lambda _: [certificate], signature=pysequoia.Sig.from_bytes(signature))

    def stamped() -> None:
        for each in remembered:
            each.cache_clear()
        checks.check_response(response, digest, authority, NONCE)

    def by_library() -> None:
        verifier = VerifierBuilder().add_root_certificate(load_der_x509_certificate(root)).build()
        verifier.verify_message(decode_timestamp_response(response), data)

    return _Alone(_fastest(signed), _fastest(stamped), _fastest(by_library))


def _fastest(one: Callable[[], None]) -> float:
    """Return the seconds for all deployments, from the fastest round of a sample."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for _ in range(SAMPLE):
            one()
        times.append(time.perf_counter() - begun)
    return min(times) / SAMPLE * DEPLOYMENTS


def rows() -> list[Row]:
    """Measure the fastest of some rounds: whatever else the machine does can only make it slower."""
    with tempfile.TemporaryDirectory(prefix="bench-audit.") as folder:
        world = _World(Path(folder))
        audit = [*PROGRAM, "verify-audit", "--trust", world.owner]
        before = _one_by_one(world)
        runs = [run_apart(audit, world.root, environment(Path(folder, "home"))) for _ in range(ROUNDS)]
        after = _one_by_one(world)
    signed, stamped = min(before.signatures, after.signatures), min(before.tokens, after.tokens)
    library = min(before.tokens_by_library, after.tokens_by_library)
    best = min(runs, key=lambda used: used.wall)
    peak = max(used.peak for used in runs)
    detail = (
        f"{best.wall:.1f} s / {signed:.1f} + {stamped:.1f} s ({signed:.1f} + {library:.1f} s for the libraries alone); "
        f"{best.cpu:.1f} s of processor time on {os.cpu_count()} processors, {peak:.0f} MiB at most in one process"
    )
    what = f"`verify-audit` of {DEPLOYMENTS:,} deployments, each signed and stamped"
    against = "the same signature and timestamp checks one by one, no chain remembered"
    return [Row(what, best.wall / (signed + stamped), BUDGET, against, detail=detail)]
