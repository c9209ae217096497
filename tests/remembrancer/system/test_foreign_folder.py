"""A program that is started in somebody else's folder takes no module from there."""

import subprocess
from pathlib import Path

import pytest

from collection import ROOT
from remembrancer.standard.aside import copier_program


@pytest.mark.parametrize("name", ["copier", "remembrancer"])
def test_a_module_of_the_folder_is_not_run(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.py").write_text("from pathlib import Path\nPath('ran').touch()\n")
    program = copier_program() if name == "copier" else [str(ROOT / "ops/bin/remembrancer")]
    done = subprocess.run([*program, "--version"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout != "") == (0, True), done.stderr
    assert not (tmp_path / "ran").exists()
