"""The verdict on one artifact: a small one against importing the libraries it needs, a large one against reading it."""

import hashlib
import os
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks._scratch import COMPONENT, PROGRAM, commit, environment, release, service
from benchmarks.measure import Row, alternate, alternate_cpu, run
from remembrancer.openpgp import verify_detached
from remembrancer.paths import TRUST

LIBRARIES = (
    "hashlib, json, tomllib, click, cryptography.x509, pysequoia, rfc3161_client, "
    "cryptography.hazmat.primitives.asymmetric.ed25519"
)
FLOOR = [sys.executable, "-c", f"import sys; import {LIBRARIES}; sys.exit(0)"]
BARE = [sys.executable, "-c", "pass"]
GIB = 1 << 30
BLOCK = 1 << 20


def _small(root: Path) -> list[Row]:
    artifact = root / "dist" / f"{COMPONENT}-1.0.0.tar.gz"
    artifact.write_bytes(b"a small artifact\n" * 500)
    release(root, "1.0.0")
    commit(root)
    env = environment(root.parent / "home")
    verdict = partial(run, [*PROGRAM, "verify-full", artifact], cwd=root, env=env)
    verdict()
    what = "`verify-full` of one artifact"
    # the libraries alone are more than nine times a bare interpreter, 20 ms of it cryptography.x509's patterns
    floors = [(FLOOR, 1.4, "an interpreter importing its libraries"), (BARE, 10, "a bare interpreter")]
    found = []
    for floor_program, budget, name in floors:
        ours, floor = alternate_cpu(verdict, partial(run, floor_program, cwd=root, env=env), rounds=21)
        detail = f"{ours * 1000:.0f} ms / {floor * 1000:.0f} ms of processor time"
        found.append(Row(what, ours / floor, budget, name, detail=detail))
    return found


def _large(root: Path) -> Row:
    artifact = root / "dist" / f"{COMPONENT}-2.0.0.tar.gz"
    with artifact.open("wb") as file:
        for _ in range(GIB // BLOCK):
            file.write(os.urandom(BLOCK))
    release(root, "2.0.0")
    env = environment(root.parent / "home")
    signature = artifact.with_name(f"{artifact.name}.asc").read_bytes()
    certificate = next((root / TRUST / "keys").glob("*.asc")).read_bytes()

    def hash_it() -> None:
        with artifact.open("rb") as file:
            hashlib.file_digest(file, "sha256")

    def verify_signature() -> None:
        verify_detached(signature, artifact, [certificate])

    verdict = partial(run, [*PROGRAM, "verify-full", artifact], cwd=root, env=env)
    hashing, checking = alternate(hash_it, verify_signature, rounds=3)
    ours, floor = alternate(verdict, hash_it if hashing > checking else verify_signature, rounds=5)
    detail = f"{ours:.2f} s / {floor:.2f} s; hashing {hashing:.2f} s, checking the signature {checking:.2f} s"
    what = "`verify-full` of an artifact of 1 GiB"
    return Row(what, ours / floor, 1.2, "the slower of hashing it and checking its signature", detail=detail)


def rows() -> list[Row]:
    """Measure whole processes, in turns."""
    with tempfile.TemporaryDirectory(prefix="bench-verify.") as folder:
        root = service(Path(folder))
        return [*_small(root), _large(root)]
