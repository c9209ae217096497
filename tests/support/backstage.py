"""Backstage's own catalog model, which says whether its catalog would take an entity."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collection import ROOT

Entity = dict[str, Any]
Judge = Callable[[list[Entity]], list[str]]


def catalog_model(folder: Path) -> Judge:
    """Install the model from its lock file; the function takes entities and returns what is wrong with each, or ""."""
    place = folder / "backstage"
    shutil.copytree(ROOT / "tests/peers/backstage", place)
    done = subprocess.run(["npm", "ci", "--silent"], cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    def judge(entities: list[Entity]) -> list[str]:
        done = subprocess.run(
            ["node", "check.mjs"], cwd=place, input=json.dumps(entities), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        said: list[str] = json.loads(done.stdout)
        return said

    return judge
