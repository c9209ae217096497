"""Services with receipts of two template versions, published as bare repositories, and the lists of fleets of them."""

import functools
import hashlib
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aurora.fleet.listed import Fleet, Service
from cli_support import ARTIFACT, Scratch, end_agents, new_scratch, owner, prove, slim
from collection import git
from remembrancer.clock import rfc3339
from remembrancer.receipt import manifest as manifests
from remembrancer.receipt import statement
from remembrancer.receipt.manifest import Line
from remembrancer.repository.store import Store

BEGUN = datetime(2026, 6, 1, tzinfo=UTC)
SOURCE = "https://git.example.com/platform/templates.git"
OLD = {"Dockerfile": b"FROM old\n", "Makefile": b"all:\n", "ops/x.sh": b"echo 1\n"}
NEW = {"Dockerfile": b"FROM new\n", "Makefile": b"all:\n", "ops/x.sh": b"echo 2\n"}
README = b"# my-svc\n\n**Rating**: 9.2/10\n"
ANSWERS = "_commit: {version}\n_src_path: " + SOURCE + "\nlayer: fastapi-service\n"


def render(root: Path, files: dict[str, bytes], version: str) -> dict[str, bytes]:
    """Put the files of a version where they belong, and return them with the seeded one and the answers."""
    said = {**files, "README.md": README, ".copier-answers.yml": ANSWERS.replace("{version}", version).encode()}
    for path, data in said.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return said


def generate(root: Path, files: dict[str, bytes], version: str, start: str = "", **more: Any) -> None:
    """Write the files of a version, and the receipt that says so; `start` is the version that it updates."""
    store = Store(root)
    said = render(root, files, version)
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in said.items()}
    blob = manifests.write(
        Line(path, "seeded" if path == "README.md" else "standard", digest, digest) for path, digest in digests.items()
    )
    store.write_blob(blob)
    predicate: dict[str, Any] = {
        "recordedAt": rfc3339(BEGUN + timedelta(days=int(version[1]))),
        "component": "my-svc",
        "layer": "fastapi-service",
        "version": "0.1.0",
        "template": {"source": SOURCE, "commit": commit(version), "version": version},
        "answers": {"path": ".copier-answers.yml", "sha256": digests[".copier-answers.yml"]},
        "manifest": manifests.stated(blob),
        **({"from": {"commit": commit(start), "version": start}, "conflicts": []} if start else {}),
        **more,
    }
    store.write_receipt(
        statement.build("update" if start else "spawn", [("my-svc", hashlib.sha256(blob).hexdigest())], predicate)
    )


def commit(version: str) -> str:
    """Return what stands for the template's commit of a version."""
    return hashlib.sha1(version.encode(), usedforsecurity=False).hexdigest()


def update(scratch: Scratch, **more: Any) -> None:
    """Bring a service from v1.0.0 to v2.0.0, without a seal."""
    generate(scratch.root, NEW, "v2.0.0", "v1.0.0", **more)


@functools.cache
def _generated(name: str) -> Scratch:
    scratch = new_scratch()
    scratch.ok("init", "--dev", "--component", name)
    generate(scratch.root, OLD, "v1.0.0")
    prove(scratch, ARTIFACT, "0.1.0", name)
    scratch.ok("seal")
    scratch.commit("[my-svc] feat: generate")
    slim(scratch)
    return scratch


def generated(name: str = "payments") -> Scratch:
    """A service at v1.0.0 with development trust, a log of this name and one release; a copy of one per process."""
    return _generated(name).copy()


def forget() -> None:
    """Remove what `generated` copies."""
    for name in ("payments", "orders"):
        if _generated.cache_info().currsize:
            end_agents(_generated(name))
            _generated(name).remove()
    _generated.cache_clear()


def tree_of(folder: Path, entries: list[tuple[str, str, str]], more: bytes = b"") -> str:
    """Write a tree object that no version of Git would into the repository at `folder`, and return its id."""
    data = b"".join(f"{mode} ".encode() + os.fsencode(name) + b"\0" + bytes.fromhex(oid) for mode, name, oid in entries)
    (folder / "raw").write_bytes(data + more)
    return git(folder, "hash-object", "-w", "-t", "tree", "--literally", str(folder / "raw"))


class Desk:
    """A fleet, its remotes, its cache and its memory below one folder."""

    def __init__(self, base: Path) -> None:
        self.base, self.cache, self.memory = base, base / "cache", base / "memory"
        self.template = base / "template.git"
        git(base, "init", "--quiet", "--bare", str(self.template))
        tree = git(self.template, "hash-object", "-t", "tree", "-w", "/dev/null")
        made = git(self.template, "commit-tree", tree, "-m", "[spawn] chore: a version")
        for tag in ("v1.0.0", "v1.10.0", "v2.0.0", "v2.1.0-rc.1", "latest"):
            git(self.template, "tag", tag, made)
        self.services: dict[str, Service] = {}

    def publish(self, name: str, scratch: Scratch, **more: str) -> Path:
        """Publish a repository as the service of this name, over what was published before, and list it."""
        remote = self.base / f"{name}.git"
        shutil.rmtree(remote, ignore_errors=True)
        git(scratch.root, "clone", "--quiet", "--bare", str(scratch.root), str(remote))
        self.services[name] = Service(
            name, str(remote), **({} if "trust" in more else {"trust": owner(scratch)}), **more
        )
        return remote

    @property
    def fleet(self) -> Fleet:
        return Fleet("shop", tuple(self.services.values()), template=str(self.template)).having(self.services.values())

    @property
    def options(self) -> list[str]:
        """What every command about this fleet is given; the list is written anew."""
        from aurora.fleet import listed

        listed.write(self.base / "fleet.toml", self.fleet)
        return ["--fleet", str(self.base / "fleet.toml"), "--cache", str(self.cache)]
