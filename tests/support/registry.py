"""A real image registry on loopback (crane's), and images for it that are made without a builder.

The layout is of the form that BuildKit writes: an index with an image for each platform, and beside each image a
manifest that holds its SBOM and its provenance as in-toto statements.
"""

import hashlib
import io
import json
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import peers

OCI = "application/vnd.oci.image"
PLATFORMS = ("amd64", "arm64")
PREDICATES = ("https://spdx.dev/Document", "https://slsa.dev/provenance/v0.2")


@dataclass
class Registry:
    """A registry that answers at `address`; `path` is a folder with the program crane."""

    address: str
    path: Path

    def crane(self, *arguments: str | Path) -> str:
        """Run crane, which has to succeed, and return what it printed."""
        done = subprocess.run(
            ["./crane", *map(str, arguments)], cwd=self.path, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@contextmanager
def registry(folder: Path) -> Iterator[Registry]:
    """Start a registry that keeps its images in memory; it ends with the block."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "crane").symlink_to(peers.program("crane"))
    with (folder / "registry.log").open("wb") as log:
        serving = subprocess.Popen(
            [folder / "crane", "registry", "serve", "--address", address], stdout=log, stderr=log, cwd=folder
        )
        try:
            deadline = time.monotonic() + 30
            while not _answers(address):
                assert time.monotonic() < deadline, (folder / "registry.log").read_text()
                time.sleep(0.05)
            yield Registry(address, folder)
        finally:
            serving.terminate()
            serving.wait(10)


def _answers(address: str) -> bool:
    host, port = address.split(":")
    try:
        with socket.create_connection((host, int(port)), 1):
            return True
    except OSError:
        return False


def layout(folder: Path, files: Mapping[str, Mapping[str, bytes]], tag: str) -> str:
    """Write an OCI layout with an image of these files for each platform; return the digest of its index."""
    (folder / "blobs/sha256").mkdir(parents=True)

    def blob(content: bytes | dict[str, Any], kind: str, **more: Any) -> dict[str, Any]:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        sha256 = hashlib.sha256(data).hexdigest()
        (folder / "blobs/sha256" / sha256).write_bytes(data)
        return {"mediaType": kind, "digest": f"sha256:{sha256}", "size": len(data)} | more

    def image(config: dict[str, Any], layers: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        manifest = {"schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json", "layers": layers}
        manifest["config"] = blob(config, f"{OCI}.config.v1+json")
        return blob(manifest, f"{OCI}.manifest.v1+json", **more)

    images, attestations = [], []
    for architecture, content in files.items():
        layer = _layer(content)
        config = {"architecture": architecture, "os": "linux", "config": {"User": "1000:1000"}}
        config["rootfs"] = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}
        platform = {"architecture": architecture, "os": "linux"}
        images.append(image(config, [blob(layer, f"{OCI}.layer.v1.tar")], platform=platform))
        statements = [
            blob(
                {"_type": "https://in-toto.io/Statement/v0.1", "predicateType": kind, "subject": [], "predicate": {}},
                "application/vnd.in-toto+json",
                annotations={"in-toto.io/predicate-type": kind},
            )
            for kind in PREDICATES
        ]
        nothing = {"architecture": "unknown", "os": "unknown"}
        rootfs = {"type": "layers", "diff_ids": [one["digest"] for one in statements]}
        about = {
            "vnd.docker.reference.digest": images[-1]["digest"],
            "vnd.docker.reference.type": "attestation-manifest",
        }
        attestations.append(image(nothing | {"rootfs": rootfs}, statements, annotations=about, platform=nothing))
    index = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": images + attestations}
    whole = blob(index, f"{OCI}.index.v1+json", annotations={"org.opencontainers.image.ref.name": tag})
    top = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": [whole]}
    (folder / "index.json").write_text(json.dumps(top, indent=2))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    digest: str = whole["digest"]
    return digest


def _layer(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def built(repo: Path, commit: str, files: Mapping[str, Mapping[str, bytes]] | None = None) -> str:
    """Leave in a service's dist/ what `ops/bin/image build` for two platforms leaves; return the index's digest."""
    (repo / "dist").mkdir(exist_ok=True)
    content = files or {name: {"srv/app/for": name.encode()} for name in PLATFORMS}
    digest = layout(repo / "dist/image", content, "0.1.0")
    (repo / "dist/image.built").write_text(f"0.1.0 {commit}\n")
    return digest
