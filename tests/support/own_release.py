"""A scratch clone of the collection with a bare origin and throw-away keys: what a maintainer has before a release."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cli_support import Scratch, new_key
from collection import ROOT, git
from production_support import served
from short_path import short_path
from wheels import from_wheels


@dataclass(frozen=True)
class Maintainer:
    """The scratch folder (its `root` is the clone), and what the guide's blocks find in their environment."""

    scratch: Scratch
    owner: str
    signer: str
    variables: dict[str, str]

    @property
    def origin(self) -> Path:
        return self.scratch.base / "origin.git"

    def try_block(self, block: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run lines of a shell as somebody types them in the clone."""
        env = self.scratch.environment(**(from_wheels() | self.variables | more))
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
        return subprocess.run(
            ["sh", "-euc", block], cwd=self.scratch.root, env=env, capture_output=True, text=True, check=False
        )

    def do(self, block: str, **more: str) -> str:
        """Run lines of a shell; return what they print. They succeed."""
        done = self.try_block(block, **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def state(self) -> tuple[str, ...]:
        """What a failure must leave as it was: commits, tags, work trees, and every file that Git does not ignore."""
        clone = self.scratch.root
        asked = (
            ("rev-parse", "HEAD"),
            ("show-ref",),
            ("worktree", "list"),
            ("status", "--porcelain"),
            ("branch", "-a"),
        )
        return tuple(git(clone, *one) for one in asked)


def maintainer(collection: Path) -> Maintainer:
    """Clone the collection, make keys, and serve a timestamp authority; whoever asks removes the scratch."""
    scratch = Scratch(Path(short_path("rm")))
    scratch.home.mkdir()
    git(scratch.base, "clone", "--quiet", "--bare", str(collection), str(scratch.base / "origin.git"))
    git(scratch.base, "clone", "--quiet", str(scratch.base / "origin.git"), str(scratch.root))
    git(scratch.root, "tag", "--delete", *git(scratch.root, "tag").split())
    git(scratch.root, "push", "--quiet", "--prune", "origin", "refs/tags/*:refs/tags/*")
    (scratch.root / ".venv").symlink_to(ROOT / ".venv")
    os.utime(scratch.root / "requirements-dev.lock", (0, 0))  # or make would fill that environment again
    owner = new_key(scratch, "Owner <owner@example.invalid>")
    signer = new_key(scratch, "Signer <signer@example.invalid>")
    server, root = served()
    (scratch.base / "tsa-root.pem").write_bytes(root)
    variables = {"OWNER": owner, "SIGNER": signer, "TSA_URL": server.url, "TESTS": "true"}
    return Maintainer(scratch, owner, signer, variables)


def sections(guide: str) -> dict[str, str]:
    """Return the commands of each section of a guide."""
    parts = (ROOT / "docs" / guide).read_text(encoding="utf-8").split("\n## ")[1:]
    return {part.partition("\n")[0]: "".join(re.findall(r"(?ms)^```sh\n(.*?)^```$", part)) for part in parts}
