"""A Copier that a server of the tests has imported does what one that is started alone does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from collection import IDENTITY
from quick_copier import quick

COPIER = {"module": [sys.executable, "-m", "copier"], "script": [str(Path(sys.executable).with_name("copier"))]}
TEMPLATE = {
    "copier.yml": "_tasks: ['echo $MINE $(umask) $(pwd) $(readlink /dev/stdin); echo wrong >&2']\nname: {type: str}\n",
    "ü.jinja": "{{ name }}",
}


@pytest.fixture
def template(tmp_path: Path) -> Path:
    for name, text in TEMPLATE.items():
        (tmp_path / "template" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "template" / name).write_text(text)
    return tmp_path / "template"


@pytest.mark.parametrize(
    ("command", "arguments"),
    [("module", ["copy", "TEMPLATE", "made"]), ("module", ["nothing"]), ("script", ["copy", "--help"])],
)
def test_it_says_and_makes_the_same(template: Path, tmp_path: Path, command: str, arguments: list[str]) -> None:
    words = [*COPIER[command], *arguments[:1]]
    if len(arguments) > 2:
        words += ["--trust", "--data", "name=ü"]
    words += [one.replace("TEMPLATE", str(template)) for one in arguments[1:]]
    ended = []
    for variables in ({}, quick()):
        folder = tmp_path / "here"
        folder.mkdir()
        done = subprocess.run(
            words,
            cwd=folder,
            env=os.environ | IDENTITY | variables | {"MINE": "1", "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            umask=0o027,
        )
        made = {str(path): (path.read_bytes(), path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}
        ended.append((done.returncode, done.stdout, done.stderr, made))
        folder.rename(tmp_path / f"there{len(ended)}")
    assert ended[0] == ended[1]
    assert bool(ended[0][3]) is (len(arguments) > 2)


def test_it_ends_with_the_program_that_asked(template: Path, tmp_path: Path) -> None:
    (template / "copier.yml").write_text("_tasks: ['echo $PPID $$ > .begun; mv .begun begun; exec sleep 60']\n")
    words = [*COPIER["module"], "copy", "--trust", str(template), str(tmp_path / "made")]
    begun = tmp_path / "made/begun"
    with subprocess.Popen(
        words, env=os.environ | quick(), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as asking:
        wait_for(begun.exists)
        working, task = (int(number) for number in begun.read_text().split())
        assert working != asking.pid
        asking.kill()
    try:
        wait_for(lambda: not Path(f"/proc/{working}").exists())
    finally:
        os.kill(task, signal.SIGKILL)


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
