"""What a release of the collection is made of: its archives, built twice, and verified as an outsider would."""

import hashlib
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from aside import Aside
from service import Trouble


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of a release, the component that its deploy receipt names, and what its builder calls it.

    A source distribution is called like its wheel, and one name stands for one digest on the record; so its copy on the
    record has a name of its own.
    """

    component: str
    name: str
    built: str


def artifacts(root: Path, version: str) -> list[Artifact]:
    """Return what a release is made of: the collection, and wheel and source distribution of each plugin."""
    name = f"vaultmesh-{version}.tar.gz"
    found = [Artifact("vaultmesh", name, name)]
    for path in sorted(root.glob("plugins/*/pyproject.toml")):
        plugin = path.parent.name
        wheel, source = f"{plugin}-{_normal(version)}-py3-none-any.whl", f"{plugin}-{_normal(version)}.tar.gz"
        found.append(Artifact(plugin, wheel, wheel))
        found.append(Artifact(f"{plugin}-sdist", f"{plugin}-sdist-{version}.tar.gz", source))
    return found


def _normal(version: str) -> str:
    """Return a version as Python's packages spell it (PEP 440)."""
    return re.sub(r"-(alpha|beta|rc)\.", lambda match: {"alpha": "a", "beta": "b", "rc": "rc"}[match[1]], version)


def build(tree: Aside, version: str, epoch: str) -> dict[str, str]:
    """Build every artifact twice and keep those of the second time in dist/; return name to SHA-256.

    Raises:
        Trouble: a build failed, or its bytes depend on more than the commit.
    """
    made: list[dict[str, str]] = []
    for _ in range(2):
        dist = tree.folder / "dist"
        shutil.rmtree(dist, ignore_errors=True)
        dist.mkdir()
        tree.run("ops/bin/dist", said="the archive could not be made", SOURCE_DATE_EPOCH=epoch)
        for path in sorted(tree.folder.glob("plugins/*/pyproject.toml")):
            command = (
                sys.executable,
                "-m",
                "hatchling",
                "build",
                "--target",
                "sdist",
                "--target",
                "wheel",
                "--directory",
                str(dist),
            )
            where, said = path.parent.relative_to(tree.folder).as_posix(), f"{path.parent.name} could not be built"
            tree.run(*command, said=said, where=where, SOURCE_DATE_EPOCH=epoch)
        wanted = artifacts(tree.folder, version)
        for one in wanted:
            if one.name != one.built:
                shutil.copyfile(dist / one.built, dist / one.name)
        made.append({one.name: hashlib.sha256((dist / one.name).read_bytes()).hexdigest() for one in wanted})
    if changed := [name for name in made[0] if made[0][name] != made[1][name]]:
        raise Trouble(f"{changed[0]} was built twice with different bytes; nothing is released")
    return made[1]


def question(tree: Aside, one: Artifact, version: str, root: Path | None) -> tuple[str, ...]:
    """Return the words that ask about one artifact as an outsider would."""
    asked = ("verify-full", str(tree.folder / "dist" / one.name), "--component", one.component, "--version", version)
    return (*asked, "--require", "production", *(("--root", str(root)) if root else ()))


def verify(tree: Aside, one: Artifact, version: str, *, root: Path | None = None) -> None:
    """Verify one artifact; raises Trouble with the verdict."""
    tree.remembrancer(*question(tree, one, version, root))


def judged(tree: Aside, one: Artifact, version: str, *, root: Path | None = None) -> bool:
    """Verify one artifact; False where only its witnesses are missing. Raises Trouble for anything else."""
    return tree.witnessed(*question(tree, one, version, root))


def export(tree: Aside, one: Artifact, version: str, *, root: Path | None = None) -> None:
    """Write the portable proof of one artifact beside it; raises Trouble with the verdict."""
    about = (str(tree.folder / "dist" / one.name), "--component", one.component, "--version", version)
    tree.remembrancer("export-proof", *about, *(("--root", str(root)) if root else ()))
