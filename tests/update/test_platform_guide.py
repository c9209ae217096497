"""The guide for platform engineers does what it says: its commands, in its order, on three services."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli_support import Scratch
from collection import ROOT, commit_all, git
from update_history import NEWEST, History
from update_support import end_world, new_world, receipts, run

GUIDE = (ROOT / "docs/platform-engineer.md").read_text("utf-8")
OWN_TARGET = '\nours:\n\t@echo "billing"\n'


@pytest.fixture
def beside(history: History, generated: Callable[[str, str], Path], tmp_path: Path) -> Iterator[Scratch]:
    """A clone of the templates, and three services of the CI layer beside it, each with a ledger, under one home."""
    world = new_world(generated("ci", NEWEST))
    own = {"orders": {}, "billing": {"ops/release.mk": OWN_TARGET}, "shop": {"app.py": "print('shop')\n"}}
    for name, files in own.items():
        service = Path(shutil.copytree(world.root, world.base / name, symlinks=True))
        world.ok("init", "--dev", "--component", name, "--root", str(service))
        for path, text in files.items():
            with (service / path).open("a") as file:
                file.write(text)
        commit_all(service, f"[{name}] feat: ours")
    shutil.copytree(history.bare, tmp_path / "bare.git")
    git(world.base, "clone", "--quiet", str(tmp_path / "bare.git"), "templates")
    yield world
    end_world(world)


@pytest.mark.system
def test_the_guide_runs_as_it_stands(beside: Scratch, tmp_path: Path) -> None:
    mine = History(tmp_path / "bare.git", tmp_path / "cache")
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL))
    home = {name: value for name, value in beside.environment().items() if name in {"HOME", "LC_ALL"}}
    done = run(beside.base, "sh", "-euc", script, **home, **mine.variables)
    assert done.returncode == 0, done.stdout + done.stderr
    (table,) = re.findall(r"^```text\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    assert table in done.stdout
    assert "billing: needs a manual merge" in done.stdout
    assert '+ours:\n+\t@echo "billing"\n' in done.stdout
    tagged = re.search(r"^git tag --annotate (\S+)", script, re.MULTILINE)
    assert tagged
    for name in ("orders", "billing", "shop"):
        service = beside.base / name
        assert git(service, "status", "--porcelain") == ""
        (stated,) = receipts(service, "update")
        assert (stated["from"]["version"], stated["template"]["version"]) == (NEWEST, tagged[1])
        assert stated["conflicts"] == (["ops/release.mk"] if name == "billing" else [])
        assert (service / "SECURITY.md").is_file()
        audit = beside.run("verify-audit", "--root", str(service))
        assert audit.status == 0, audit.out
    assert (beside.base / "shop/app.py").read_text() == "print('shop')\n"
