"""The guides that need no generated service do what they say: their commands, in their order."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from cli_support import ARTIFACT, Scratch, end_agents, released
from collection import ROOT

GUIDE = ROOT / "docs/auditor.md"


def test_the_auditors_guide(tmp_path: Path) -> None:
    producer = released()
    producer.ok("export-proof", ARTIFACT)
    auditor = Scratch(producer.base / "a")
    auditor.base.mkdir()
    auditor.home.mkdir()
    owner = producer.json("trust", "show").report["data"]["owner"]
    given = re.findall(r"`([^`]+)`", "".join(re.findall(r"(?m)^- `my-svc.*$", GUIDE.read_text())))
    producer.ok("trust", "export", "-o", str(producer.root / "dist/my-svc.trust.json"))
    for name in (name for name in given if name.startswith("my-svc")):
        shutil.copy(producer.root / Path(ARTIFACT).with_name(name), auditor.base)
    producer.git("clone", "--quiet", str(producer.root), str(auditor.base / "my-svc"))
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = auditor.environment(PATH=path, OWNER=owner)
    done = subprocess.run(
        ["sh", "-euc", script], cwd=auditor.base, env=env, capture_output=True, text=True, check=False
    )
    end_agents(auditor)
    end_agents(producer)
    producer.remove()
    shown = done.stdout + done.stderr
    assert done.returncode == 0, shown
    assert shown.count("VERIFIED") == 4, shown
    assert "refused: not a production release" in shown
    assert shown.count("refused with status 1") == 2
    assert {"hash.mismatch", "receipt.edited"} <= set(re.findall(r"[a-z]+\.[a-z-]+", shown))
    assert "rollback: not checked" in shown, "a first audit has nothing to compare with, and says so"
    assert re.search(r"--since|extends the checkpoint", shown)
    assert "Verification: OK" in shown
    assert "Good signature" in shown


def test_the_guides_name_files_that_exist() -> None:
    for guide in sorted((ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", guide.read_text("utf-8")):
            assert (guide.parent / target).exists(), f"{guide.name} links to {target}"
