"""What a user has set for Git changes nothing that an update writes, or the update says so and writes nothing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from collection import IDENTITY, ROOT, commit_all, copier, git
from quick_copier import quick
from small_template import URL, Small, begin, second
from update_support import contents
from user_settings import HOSTILE, hostile

LIBRARY = "ops/lib"
MORE = {"apply.whitespace": "error-all", "merge.conflictStyle": "diff3", "core.attributesFile": "{home}/attributes"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A template with the Makefile and the library of a complete service, in two versions."""
    made = begin(tmp_path_factory.mktemp("small") / "template")
    made.write("Makefile", (ROOT / "templates/fastapi-service/Makefile").read_text() + "two:\n\techo two\n")
    made.write(".gitattributes", "* text=auto eol=lf\n")
    for name in ("git.sh", "neutral.gitconfig"):
        made.write(f"{LIBRARY}/{name}", (ROOT / "templates/ci/ops/lib" / name).read_text())
    made.publish("v1.0.0")
    second(made)
    return made


@pytest.fixture(scope="module")
def lived_in(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service of the first version with changes of its team, in the middle of what the second changes."""
    folder = tmp_path_factory.mktemp("lived") / "my-svc"
    data = ["--data", "component=my-svc", "--vcs-ref", "v1.0.0", "--trust", "--defaults", "--quiet"]
    done = copier("copy", *data, URL, str(folder), cwd=folder.parent, **small.variables)
    assert done.returncode == 0, done.stderr
    git(folder, "init", "--quiet", "--initial-branch", "main")
    commit_all(folder, "[my-svc] feat: generate")
    for name, was, now in (("settings.txt", "d\n", "D  \n"), ("README.md", "three", "drei")):
        (folder / name).write_text((folder / name).read_text().replace(was, now))
    commit_all(folder, "[my-svc] feat: ours")
    return folder


def updated(
    small: Small, service: Path, folder: Path, command: str, usual: str = "", **settings: str
) -> tuple[int, str, Path]:
    """Update a copy of the service as a user with these settings does; return the code, what was said, and the copy."""
    copy = Path(shutil.copytree(service, folder / "my-svc", symlinks=True))
    home = hostile(folder / "home", ())
    (home / "ignore").write_text("*.txt\nops/\n")
    (home / "swap").write_text("*.swp\n")
    if "core.excludesFile" not in settings:
        (home / ".config/git").mkdir(parents=True)
        (home / ".config/git/ignore").write_text(usual)
    (home / "attributes").write_text("* -text\n*.txt binary\n")
    for name, value in {**settings, f"url.{small.bare}.insteadOf": URL, "safe.directory": "*"}.items():
        git(home, "config", "--file", str(home / ".gitconfig"), name, value.format(home=home))
    kept = {"COPIER_CACHE_DIR": str(folder / "cache"), "GIT_ALLOW_PROTOCOL": "file", "GIT_CONFIG_NOSYSTEM": "1"}
    kept |= {name: value for name, value in IDENTITY.items() if not name.startswith("GIT_CONFIG")}
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "LANG": "C.UTF-8", "HOME": str(home)}
    done = subprocess.run(
        command,
        shell=True,
        cwd=copy,
        env=path | kept | quick(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr, copy


@pytest.fixture(scope="module")
def plain(small: Small, lived_in: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What an update makes of the service for somebody who has set nothing."""
    code, said, copy = updated(small, lived_in, tmp_path_factory.mktemp("plain"), "copier update --trust --defaults")
    assert code == 0, said
    assert b"B\nc\nD  \n" in (copy / "settings.txt").read_bytes()
    return contents(copy)


def test_make_update_asks_git_as_nobody_in_particular(
    small: Small, lived_in: Path, plain: dict[str, bytes], tmp_path: Path
) -> None:
    code, said, copy = updated(small, lived_in, tmp_path, "make update ARGS=--defaults", **HOSTILE, **MORE)
    assert code == 0, said
    assert contents(copy) == plain


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"core.excludesFile": "{home}/ignore"}, "core.excludesFile hides leaving.txt, old-name.txt, ops/"),
        ({"status.showUntrackedFiles": "no", "apply.whitespace": "fix"}, "status.showUntrackedFiles is no and apply."),
    ],
)
def test_copier_alone_is_stopped_before_it_loses_a_change(
    small: Small, lived_in: Path, plain: dict[str, bytes], tmp_path: Path, settings: dict[str, str], why: str
) -> None:
    """And the command that the sentence names does it."""
    before = contents(lived_in)
    code, said, copy = updated(small, lived_in, tmp_path / "stopped", "copier update --trust --defaults", **settings)
    assert code == 1, said
    assert why in said
    assert contents(copy) == before
    assert git(copy, "status", "--porcelain") == ""
    (instead,) = re.findall("run make update, or (GIT_CONFIG_COUNT=.*)", said)
    code, said, copy = updated(small, lived_in, tmp_path / "again", f"{instead} --defaults", **settings)
    assert code == 0, said
    assert contents(copy) == plain


@pytest.mark.parametrize("settings", [{"core.excludesFile": "{home}/swap"}, {"apply.whitespace": "nowarn"}])
def test_a_setting_that_harms_nothing_stops_nothing(
    small: Small, lived_in: Path, plain: dict[str, bytes], tmp_path: Path, settings: dict[str, str]
) -> None:
    code, said, copy = updated(small, lived_in, tmp_path, "copier update --trust --defaults", **settings)
    assert code == 0, said
    assert contents(copy) == plain


def test_the_ignore_file_that_git_reads_unasked_counts_too(small: Small, lived_in: Path, tmp_path: Path) -> None:
    code, said, _ = updated(small, lived_in, tmp_path, "copier update --trust --defaults", usual="*.txt\n")
    assert code == 1
    assert "core.excludesFile hides leaving.txt" in said
