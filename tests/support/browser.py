"""Debian's Chromium, driven by Playwright from its lock file: what a page shows and does, and pictures of it."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collection import ROOT
from tool_environment import npm_environment

Look = Callable[[Path, str], dict[str, Any]]


def browser(folder: Path) -> Look:
    """Install the driver; the function takes a page and a name for its pictures, and returns what look.mjs saw.

    The pictures go to the folder in SCREENSHOTS, where somebody wants to look at them, else to `folder`.
    """
    place = npm_environment(ROOT / "tests/peers/browser")
    pictures = Path(os.environ.get("SCREENSHOTS", folder))

    def look(page: Path, name: str) -> dict[str, Any]:
        command = ["node", "look.mjs", str(page), str(pictures), name]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        seen: dict[str, Any] = json.loads(done.stdout)
        return seen

    return look
