"""`make lock` pins every lock file of this repository again, from the file that says what is wanted."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path

import pytest

import pin_dates
import service_locks
from collection import ROOT, git

SOURCES = {"Makefile", "pyproject.toml", "pyproject.toml.jinja", "service_locks.py", "pin_dates.py"}
# Notes what it is asked for and what it was given to read, and writes the file that it was asked for.
UV = """#!{python} -S
import json, os, sys
from pathlib import Path

words = sys.argv[1:]
if os.environ.get("FAIL_AT") in words:
    sys.exit("uv: no such package")
read = {{word: Path(word).read_text() for word in words if Path(word).is_file()}}
with open(os.environ["NOTES"], "a") as notes:
    notes.write(json.dumps([words, read]) + "\\n")
Path(words[words.index("-o") + 1]).write_text("# pinned\\nthing==1\\n")
"""


def fresh(folder: Path) -> Path:
    """Copy the Makefile and all files that say what is wanted, without a single lock file."""
    for name in git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if Path(name).suffix in {".in", ".lock"} or Path(name).name in SOURCES:
            (folder / "repo" / name).parent.mkdir(parents=True, exist_ok=True)
            if not name.endswith(".lock"):
                shutil.copy(ROOT / name, folder / "repo" / name)
    (folder / "path").mkdir()
    (folder / "path/uv").write_text(UV.format(python=sys.executable))
    (folder / "path/uv").chmod(0o755)
    return folder / "repo"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout without a lock file."""
    return fresh(tmp_path)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which make lock has run; nobody writes into it."""
    made = fresh(tmp_path_factory.mktemp("locked"))
    done = lock(made)
    assert done.returncode == 0, done.stderr
    return made


def lock(checkout: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run make lock with the noting uv."""
    path = f"{checkout.parent / 'path'}{os.pathsep}{os.environ['PATH']}"
    env = os.environ | {"PATH": path, "NOTES": str(checkout.parent / "notes")} | variables
    return subprocess.run(
        ["make", "lock", f"PYTHON={sys.executable}"], cwd=checkout, env=env, capture_output=True, text=True, check=False
    )


def test_every_lock_file_is_named_by_the_target(locked: Path) -> None:
    names = ("*.lock", "*.lock.jinja")
    tracked = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard", *names).splitlines()
    own = {name for name in tracked if not (ROOT / name).is_symlink()}
    assert len(own) >= 8
    assert {path.relative_to(locked).as_posix() for path in locked.rglob("*.lock*")} == own


def test_each_is_made_from_what_asks_for_it_with_hashes(locked: Path) -> None:
    calls = [json.loads(line) for line in (locked.parent / "notes").read_text().splitlines()]
    read = {words[words.index("-o") + 1]: given for words, given in calls}
    assert all("--generate-hashes" in words and "--no-emit-index-url" in words for words, _ in calls)
    for name in (
        "requirements-dev",
        "generators/requirements",
        "tests/collection/twine",
        "tests/templates/checkov",
        "tests/templates/fastapi-cli",
        "benchmarks/service_cost",
        "benchmarks/strangers",
    ):
        assert list(read[f"{name}.lock"]) == [f"{name}.in"]
    plugin = read["templates/ci/ops/remembrancer.lock"]
    assert plugin.pop("plugins/remembrancer/pyproject.toml")
    assert [text.strip() for text in plugin.values()] == ["hatchling>=1.25"]
    (words,) = [words for words, _ in calls if words[-1] == "templates/fastapi-service/ops/assistants.lock"]
    assert words[words.index("--extra") + 1] == "mcp"
    assert words[words.index("--constraint") + 1] == "templates/ci/ops/remembrancer.lock"


def test_the_locks_of_a_service_are_one_resolution_split_by_its_parts(locked: Path) -> None:
    calls = [json.loads(line) for line in (locked.parent / "notes").read_text().splitlines()]
    calls = [(words, given) for words, given in calls if any("pyproject.toml" in word for word in words)]
    plugin = "plugins/remembrancer/pyproject.toml"
    calls = [(words, given) for words, given in calls if plugin not in words]
    whole, *split = calls
    assert "--upgrade" in whole[0]
    assert len(split) == 2 * len(list(service_locks.combinations()))
    for words, given in split:
        assert words[words.index("--constraint") + 1] == whole[0][whole[0].index("-o") + 1]
        assert ("--group" in words) is words[-1].endswith("requirements-dev.lock")
        wanted = tomllib.loads(next(text for path, text in given.items() if path.endswith("pyproject.toml")))
        assert any(one.startswith("fastapi>=") for one in wanted["project"]["dependencies"])
    assert not any(Path(path).exists() for words, _ in calls for path in words if "/" in path)


def test_a_package_is_below_the_shortest_condition_that_tells_when_it_is_there() -> None:
    every = set(service_locks.combinations())
    assert service_locks.condition(every) == ""
    for part, answer in service_locks.PARTS.items():
        assert service_locks.condition({one for one in every if part in one}) == f"{part} == '{answer}'"
    assert service_locks.condition({frozenset()}).count("!=") == len(service_locks.PARTS)


def test_each_template_of_a_lock_renders_what_its_combinations_were(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(service_locks, "SERVICE", tmp_path)
    locks = {
        one: "# head\na==1 \\\n    --hash=sha256:0\n"
        + "".join(f"{part}==2 \\\n    --hash=sha256:1\n" for part in sorted(one))
        for one in service_locks.combinations()
    }
    (tmp_path / "some.lock.jinja").write_text(service_locks.merged(locks))
    assert {one: service_locks.rendered("some.lock", one) for one in locks} == locks


@pytest.mark.parametrize("name", ["requirements-dev.in", "plugins/remembrancer/pyproject.toml"])
def test_a_refusal_ends_it(checkout: Path, name: str) -> None:
    done = lock(checkout, FAIL_AT=name)
    assert done.returncode != 0
    assert "no such package" in done.stderr


def test_pins_have_the_day_on_which_they_came() -> None:
    """A pin that was added without `make lock` has none yet, and counts as new until that runs."""
    known, wanted = pin_dates.known_dates(), pin_dates.pins()
    assert len(known.keys() & wanted) > 100
    assert all(date.fromisoformat(day) for day in known.values())
    assert pin_dates.old(pin_dates.renewed(known, wanted, date(2026, 11, 26)), date(2026, 11, 26)) == []


def test_pins_older_than_a_year_are_named() -> None:
    """A pin that stays keeps its day, a new one gets today's; no network is asked."""
    today = date(2026, 11, 26)
    known = {"a==1": "2025-11-25", "b==1": "2025-11-26", "gone==1": "2020-01-01"}
    dates = pin_dates.renewed(known, {"a==1", "b==1", "c==2"}, today)
    assert dates == {"a==1": "2025-11-25", "b==1": "2025-11-26", "c==2": "2026-11-26"}
    assert pin_dates.old(dates, today) == ["a==1 since 2025-11-25"]
    assert pin_dates.old(pin_dates.known_dates(), today) == []
