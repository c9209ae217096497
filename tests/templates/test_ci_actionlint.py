"""actionlint judges every workflow that the templates make, and notices what is planted."""

import subprocess
from pathlib import Path

import pytest

import peers
from ci_render import GITHUB
from collection import render
from k8s_render import tool

pytestmark = pytest.mark.system
# GitHub's own schema, which test_ci_pipelines asks, knows this key; the newest actionlint does not yet.
NEWER = 'unexpected key "queue" for "concurrency" section'


def lint(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run actionlint, which asks shellcheck about each `run:`."""
    tools = ["-shellcheck", tool("shellcheck"), "-pyflakes", ""]
    command = [peers.program("actionlint"), "-no-color", *tools, "-ignore", NEWER, GITHUB, *more]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("layer", ["fastapi-service", "ci"])
@pytest.mark.parametrize("ci", ["github", "both"])
def test_it_finds_nothing(collection: Path, tmp_path: Path, layer: str, ci: str) -> None:
    more = {"github": {}, "both": {"witness": "git"}}[ci]
    made = render(collection, tmp_path / "my-svc", component="my-svc", layer=layer, ci=ci, **more)
    done = lint(made, *([".github/workflows/witness.yml"] if more else []))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("needs:", "needs: nobody #", "job"),
        ("runs-on:", "runs-on: nothing-96.04 #", "label"),
        ("${{ github.", "${{ gitlab.", "undefined variable"),
        ("        run: make ", "        run: cd $HOME/$x && make ", "shellcheck"),
    ],
)
def test_it_notices(collection: Path, tmp_path: Path, old: str, new: str, said: str) -> None:
    folder = render(collection, tmp_path / "my-svc", component="my-svc", ci="github")
    file = folder / GITHUB
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    done = lint(folder)
    assert done.returncode == 1
    assert said in done.stdout
