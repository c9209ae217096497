"""The guides that need no generated service do what they say: their commands, in their order."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from cli_support import ARTIFACT, Scratch, end_agents, released
from collection import ROOT, VERSION
from wheels import from_wheels

GUIDE = ROOT / "docs/auditor.md"


def test_the_auditors_guide() -> None:
    the_auditors_guide(Path(sys.executable).parent)


def the_auditors_guide(programs: Path) -> None:
    """Follow the guide in an empty home, with exactly the files that it lists and the Remembrancer of a folder."""
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
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
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


def rows(text: str) -> set[tuple[str, ...]]:
    """Return the rows of four cells of a document's tables, code marks aside."""
    tables = [line.replace("`", "").strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {tuple(cell.strip() for cell in row) for row in tables if len(row) == 4}


def test_the_readme_shows_what_was_measured() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    costs = rows((ROOT / "docs/costs.md").read_text("utf-8"))
    shown = rows(readme.partition("## What it costs")[2].partition("\n## ")[0])
    assert len(shown) >= 4, "the head and three rows"
    assert shown <= costs
    (measured,) = [row[1] for row in costs if row[0].startswith("the README's first command")]
    (claimed,) = re.findall(r"fastapi-service\.sh .*: (\d+) seconds", readme)
    assert 0 <= int(claimed) - int(measured.split()[0]) < 10


@pytest.mark.system
def test_the_built_wheel_is_all_that_an_auditor_installs(tmp_path: Path) -> None:
    """Into an environment that has nothing else; then the whole guide with it."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT / "plugins/remembrancer", check=True, capture_output=True)
    (wheel,) = tmp_path.glob("remembrancer-*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(tmp_path / "venv/bin/python"), "install", "--quiet"]
    done = subprocess.run(
        [*pip, str(wheel)], env=os.environ | from_wheels(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = subprocess.run([tmp_path / "venv/bin/remembrancer", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.split()[-1] == VERSION
    the_auditors_guide(tmp_path / "venv/bin")


def test_the_package_index_shows_what_a_stranger_looks_for(tmp_path: Path) -> None:
    """A readme whose links lead somewhere from there, addresses, classifiers, a licence, types."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT / "plugins/remembrancer", check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        about = message_from_bytes(archive.read(metadata))
        assert "remembrancer/py.typed" in archive.namelist()
    assert about["Description-Content-Type"] == "text/markdown"
    assert about["License-Expression"] == "Apache-2.0"
    assert {one.partition(",")[0] for one in about.get_all("Project-URL")} >= {"Source", "Issues", "Changelog"}
    assert "Typing :: Typed" in about.get_all("Classifier")
    targets = re.findall(r"\]\(([^)]+)\)", about.get_payload())
    assert targets
    assert all(target.startswith(("https://", "#")) for target in targets), targets
