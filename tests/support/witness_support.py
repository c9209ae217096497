"""What the tests of witnesses share: a log in memory, its submissions, and a witness for it."""

import http.client
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from aurora.logs import Log
from aurora.witness.state import State
from remembrancer.clock import Clock, SystemClock
from remembrancer.tlog import Checkpoint, SignerKey, consistency_proof, leaf_hash, merkle_root, sign_note
from remembrancer.tlog.checkpoint import encode_base64

ORIGIN = "log.example/my-svc"
KEY = SignerKey.from_seed(ORIGIN, bytes(range(32)))
LOGS = {ORIGIN: Log(ORIGIN, (KEY.verifier(),))}
NAME = "witness.example/w1"
WITNESS = [SignerKey.from_seed(NAME, bytes([number]) * 32, number) for number in (6, 4)]


def entries(count: int, branch: str = "") -> list[bytes]:
    """Return the entries of a log; those of a branch differ from the start."""
    return [f"{branch}{number}".encode() for number in range(count)]


def note(count: int, branch: str = "", key: SignerKey = KEY) -> bytes:
    """Return the signed checkpoint of that many entries."""
    return sign_note(Checkpoint(key.name, count, merkle_root(entries(count, branch))).format(), [key])


def proof(old: int, new: int, branch: str = "") -> list[bytes]:
    return consistency_proof(old, [leaf_hash(entry) for entry in entries(new, branch)]) if old else []


def body(old: int, hashes: Sequence[bytes], checkpoint: bytes) -> bytes:
    return "".join([f"old {old}\n", *(f"{encode_base64(one)}\n" for one in hashes), "\n"]).encode() + checkpoint


def step(old: int, new: int, branch: str = "", key: SignerKey = KEY) -> bytes:
    """Return the submission that a log makes when it has grown."""
    return body(old, proof(old, new, branch), note(new, branch, key))


def fresh(folder: Path, clock: Clock | None = None) -> State:
    """Return a new witness with both types of keys."""
    State.create(folder, WITNESS)
    return State.open(folder, clock or SystemClock())


def ask(url: str, method: str, path: str, data: bytes = b"") -> tuple[int, bytes, str]:
    """Return status, body and type of an answer."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    try:
        connection.request(method, path, data)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers.get("Content-Type", "")
    finally:
        connection.close()
