"""A new service has one decision on the record: what it was generated from, and why."""

import shutil
import subprocess
import sys
from pathlib import Path

import release
from ci_render import call, environment, repository
from collection import ROOT, git, render
from source import Source


def test_the_first_question_has_an_answer(collection: Path, tmp_path: Path) -> None:
    repo = repository(render(collection, tmp_path / "my-svc", component="my-svc"))
    state = Path(
        subprocess.run(["mktemp", "-d", "/tmp/s.XXXXXX"], capture_output=True, text=True, check=True).stdout.strip()
    )
    env = environment(tmp_path, Path(sys.executable).parent, XDG_STATE_HOME=str(state))
    commit = git(collection, "rev-parse", "HEAD")
    try:
        assert call("ops/bin/remembrancer init --dev", repo, env).returncode == 0
        found = Source(ROOT, "https://example.com/vaultmesh.git", commit, "v4.2.0", "")
        release.first_decision(repo, found, env)
        said = call(["ops/bin/remembrancer", "query", "what was it generated from?"], repo, env).stdout
        assert "1. ADR-001: Generate from the VaultMesh standard (Accepted, " in said
        assert "Generate from the VaultMesh standard" in call("ops/bin/remembrancer list adrs", repo, env).stdout
        assert commit in (repo / "ops/receipts/adr/ADR-001-generate-from-the-vaultmesh-standard.md").read_text("utf-8")
        guide = (ROOT / "docs/service-developer.md").read_text("utf-8")
        block = guide[(begin := guide.index("ops/bin/remembrancer adr create")) : guide.index("git add", begin)]
        told = call(block, repo, env)
        assert "1. ADR-002: Greet without a database (Accepted, " in told.stdout, told.stdout + told.stderr
        done = call("ops/bin/check-decisions && ops/bin/remembrancer verify-audit", repo, env)
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        call("gpgconf --kill all", repo, env | {"GNUPGHOME": str(state)})
        shutil.rmtree(state, ignore_errors=True)
