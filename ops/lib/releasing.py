"""Release the collection: ops/bin/release VERSION [--tests COMMAND], or --verify VERSION.

Tests, the version in every place, a dated changelog, archives of the collection and its plugins (built twice, with the
same bytes), a tag; each archive signed, timestamped, recorded, sealed and verified. All of it happens in a work tree
beside this checkout, which takes it over at the very end: a failure on the way leaves everything as it was.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from shared import CLUSTER, ROOT

import archives
import aside
import health_lines
import lines
import sealing
import service
from aside import Aside
from service import EXIT_USAGE, VERSION, Trouble

UNRELEASED = re.compile(r"(?m)^## Unreleased\n(?P<what>.*?)(?=^## |\Z)", re.DOTALL)
CHANGELOG = "CHANGELOG.md"


def dated(text: str, version: str, day: str) -> str:
    """Return the changelog with its unreleased part under a version and a day.

    Raises:
        Trouble: nothing is unreleased.
    """
    match = UNRELEASED.search(text)
    if match is None or not match["what"].strip():
        raise Trouble(f"{CHANGELOG} says nothing under '## Unreleased'; write what this version changes", EXIT_USAGE)
    return f"{text[: match.start()]}## Unreleased\n\n## {version} - {day}\n{match['what']}{text[match.end() :]}"


def epoch_of(tree: Aside) -> str:
    """Return the time of the newest commit that changed more than the record, in Unix seconds."""
    return tree.git("log", "-1", "--format=%ct", "HEAD", "--", ".", ":(exclude)ops/receipts", ":(exclude)ops/trust")


def check(version: str) -> None:
    """Refuse a version that cannot be released, before tests and builds take their time.

    Raises:
        Trouble: it is no version, is lower than the present one, or its tag is taken; services would get a Kubernetes
            whose support ends soon; there is no production trust, or a key that signs or seals is not here.
    """
    if not VERSION.fullmatch(version):
        raise Trouble(
            f"{version[:40]!r} is not MAJOR.MINOR.PATCH, optionally with -alpha.N, -beta.N or -rc.N", EXIT_USAGE
        )
    current = service.version(service.load())
    if lines.order(version) < lines.order(current):
        raise Trouble(f"{version} is lower than {current}", EXIT_USAGE)
    if tagged(version):
        raise Trouble(f"the tag v{version} is there, and its release is not; git tag --delete v{version}", EXIT_USAGE)
    cluster = health_lines.cluster(CLUSTER)
    if cluster.state != health_lines.OK:
        raise Trouble(f"services would get {cluster.message}", EXIT_USAGE)
    if not (ROOT / "ops/trust/policy.toml").is_file():
        raise Trouble("the ledger is not begun; docs/RELEASE.md begins it: make begin", EXIT_USAGE)
    if not any(os.environ.get(name) for name in ("REMEMBRANCER_LOG_KEY_FILE", "REMEMBRANCER_LOG_KEY")):
        raise Trouble("set REMEMBRANCER_LOG_KEY_FILE to the private log key, outside of this repository", EXIT_USAGE)
    sealing.asked("sign", "--check", f"dist/vaultmesh-{version}.tar.gz")


def tagged(version: str) -> str:
    """Return the commit that the tag of a version names, "" where there is none."""
    try:
        return service.git("rev-parse", "--quiet", "--verify", f"refs/tags/v{version}^{{commit}}").decode().strip()
    except Trouble:
        return ""


def is_released(version: str) -> bool:
    """Tell whether the tag and every record of a version are there."""
    receipts = [f"ops/receipts/deploy/{one.component}-{version}.receipt" for one in archives.artifacts(ROOT, version)]
    return bool(tagged(version)) and all((ROOT / path).is_file() for path in receipts)


def released(version: str) -> int:
    """Verify a version that is released already, whose artifacts are built again of its tag where they are missing."""
    with aside.beside() as tree:
        tree.git("checkout", "--quiet", "--detach", f"v{version}")
        digests = archives.build(tree, version, epoch_of(tree))
        every = archives.artifacts(tree.folder, version)
        if not all(archives.judged(tree, one, version, root=ROOT) for one in every):
            name, branch = f"vaultmesh {version}", service.git("rev-parse", "--abbrev-ref", "HEAD").decode().strip()
            sealing.ask(name, published(branch, version), f"make release VERSION={version}")
            for one in every:
                archives.verify(tree, one, version, root=ROOT)
        for one in every:
            if not (ROOT / f"dist/{one.name}.proof.json").is_file():
                archives.export(tree, one, version, root=ROOT)
        (ROOT / "dist").mkdir(exist_ok=True)
        shutil.copytree(tree.folder / "dist", ROOT / "dist", dirs_exist_ok=True)
    print(f"{version} is released already; its {len(digests)} artifacts, built again of its tag, are on the record")
    return 0


def published(branch: str, version: str) -> str:
    """Return what publishes a release."""
    return f"git push --atomic origin {branch} v{version}"


@contextmanager
def tag(tree: Aside, version: str, digests: dict[str, str]) -> Iterator[None]:
    """Make the tag, signed where git or the policy has a key here; it goes again when what follows fails."""
    listed = "\n".join(f"{digest}  {name}" for name, digest in sorted(digests.items()))
    key = (
        tree.git("config", "--default", "", "user.signingkey")
        or json.loads(tree.remembrancer("sign", "--check", f"dist/vaultmesh-{version}.tar.gz", "--format", "json"))[
            "data"
        ]["fingerprint"]
    )
    signed = ("--sign", "--local-user", key) if key else ("--annotate",)
    tree.git("tag", *signed, "--message", f"VaultMesh {version}\n\n{listed}", f"v{version}")
    try:
        yield
    except BaseException:
        subprocess.run(["git", "tag", "--delete", f"v{version}"], cwd=ROOT, capture_output=True, check=False)
        raise


def record(tree: Aside, version: str) -> bool:
    """Sign, timestamp and record every artifact, seal, commit the record, and verify all of it.

    False where the policy's witnesses are missing, who are asked about what is published: their word, and the portable
    proofs that hold it, come later. Raises Trouble.
    """
    every = archives.artifacts(tree.folder, version)
    for one in every:
        tree.remembrancer("sign", "--no-seal", f"dist/{one.name}")
        tree.remembrancer("timestamp", "--no-seal", f"dist/{one.name}")
        about = ("--component", one.component, "--version", version, "--evidence", f"dist/{one.name}")
        tree.remembrancer("record", "deploy", "--no-seal", *about)
    tree.remembrancer("seal")
    tree.commit(f"[repo] chore: record {version}", "ops/receipts")
    unseen = [one.name for one in every if not archives.judged(tree, one, version)]
    seen = tree.witnessed("verify-audit", "--require", "production") and not unseen
    for one in every if seen else ():
        archives.export(tree, one, version)
    tree.remembrancer("trust", "export", "-o", "dist/vaultmesh.trust.json")
    return seen


def main(arguments: list[str]) -> int:
    """Release a version; return 0, also where it is released already."""
    parser = argparse.ArgumentParser(prog="ops/bin/release", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("version", help="the version, for example 4.2.0")
    parser.add_argument("--tests", default="make test", metavar="COMMAND", help="what must pass first (%(default)s)")
    parser.add_argument("--verify", action="store_true", help="release nothing: build a released version again")
    options = parser.parse_args(arguments)
    version: str = options.version
    if options.verify and not is_released(version):
        raise Trouble(
            f"{version} is not released here: a tag v{version} and a deploy receipt for each artifact are missing"
        )
    if is_released(version):
        return released(version)
    branch = aside.clean()
    check(version)
    text = dated((ROOT / CHANGELOG).read_text(encoding="utf-8"), version, f"{datetime.now(UTC):%Y-%m-%d}")
    if subprocess.run(["sh", "-c", options.tests], cwd=ROOT, check=False).returncode:
        raise Trouble(f"'{options.tests}' failed; nothing is released")
    with aside.beside() as tree:
        tree.run("ops/bin/bump", version, said="the version could not be written")
        (tree.folder / CHANGELOG).write_text(text, encoding="utf-8")
        tree.run("ops/bin/bump", "--check", said="the version is not the same everywhere")
        tree.git("add", "--update")
        tree.git("commit", "--quiet", "--message", f"[repo] chore: release {version}")
        digests = archives.build(tree, version, epoch_of(tree))
        with tag(tree, version, digests):
            seen = record(tree, version)
            (ROOT / "dist").mkdir(exist_ok=True)
            shutil.copytree(tree.folder / "dist", ROOT / "dist", dirs_exist_ok=True)
            aside.take(branch, tree.git("rev-parse", "HEAD"))
    for name, digest in sorted(digests.items()):
        print(f"{digest}  dist/{name}")
    print(f"released {version}, and verified it; publish it: {published(branch, version)}")
    if not seen:
        print(f"its witnesses look at what is published; make release VERSION={version} asks them then")
    return 0


if __name__ == "__main__":
    service.run_main("ops/bin/release", main)
