"""The two-minute tour of the plugin's README, run word for word."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from cli_support import Scratch, end_agents
from collection import ROOT

README = ROOT / "plugins/remembrancer/README.md"


def test_the_tour_in_the_readme() -> None:
    tour = README.read_text().partition("## Two minutes")[2].partition("\n## ")[0]
    script = "\n".join(re.findall(r"```sh\n(.*?)```", tour, re.DOTALL))
    assert script.count("remembrancer ") >= 10
    with tempfile.TemporaryDirectory(prefix="rt", dir="/tmp") as folder:
        scratch = Scratch(Path(folder))
        scratch.root.mkdir()
        scratch.home.mkdir()
        env = scratch.environment(PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        done = subprocess.run(
            ["sh", "-eu", "-c", script], cwd=scratch.root, env=env, capture_output=True, text=True, check=False
        )
        end_agents(scratch)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = done.stdout
    assert "VERIFIED dist/my-svc-0.1.0.tar.gz (development trust" in shown
    assert "hash.mismatch" in shown
    assert "refused with status 1" in shown
    assert "1. ADR-001: Keep orders in PostgreSQL (Accepted, " in shown
    assert "my-svc 0.1.0 into staging" in shown
    assert shown.count("VERIFIED") == 2


def test_the_readme_names_hooks_and_commands_that_exist() -> None:
    import yaml

    from remembrancer.cli.main import COMMANDS

    text = README.read_text()
    offered = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert set(re.findall(r"- id: ([a-z-]+)", text)) == offered
    assert set(re.findall(r"remembrancer ([a-z][a-z-]+)", text)) <= COMMANDS.keys()
