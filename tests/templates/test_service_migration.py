"""The database of a service as its team meets it: a server of their own in DATABASE_URL, and `make migration`."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from collection import render
from service_database import PARTS, programs, python, served
from service_support import PATIENCE, packages

CREATED = "    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))\n"
COLOUR = "    colour: Mapped[str | None] = mapped_column(String(20))\n"
# The tests of the service may start no server: what they get is the given one.
REFUSED = """class Server:
    def __init__(self, data=None):
        raise AssertionError("a server of its own was started")
"""
DATABASES = "import os, psycopg; c = psycopg.connect(os.environ['DATABASE_URL']); "
DATABASES += "print(*c.execute('SELECT datname FROM pg_database ORDER BY 1').fetchall())"


@pytest.fixture(scope="module")
def made(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service with a database."""
    folder = tmp_path_factory.mktemp("database") / "my-svc"
    return render(collection, folder, component="my-svc", database="postgresql")


@pytest.fixture(scope="module")
def given(made: Path) -> Iterator[str]:
    """The address of a migrated server that somebody else runs."""
    with served(made) as server:
        yield server.url


@pytest.fixture
def work(made: Path, tmp_path: Path) -> Path:
    """A copy of the service to write in."""
    return shutil.copytree(made, tmp_path / "my-svc")


def places() -> str:
    """Where the packages of the lock and the programs of a server lie, as PYTHONPATH says it."""
    return f"{packages(PARTS)}{os.pathsep}{programs()}"


def run(command: list[str], folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    variables = {
        "DATABASE_URL": url,
        "MAKEFLAGS": "",
        "ARGS": "",
        "PYTHONPATH": places(),
    }
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE * 2,
    )


def make(folder: Path, url: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run make with this interpreter and the locked packages in the place of the service's own environment.

    What the shell has in PYTHONPATH is nothing to make, so each program gets it there.
    """
    environment = folder.parent / "bin"
    environment.mkdir(exist_ok=True)
    for name in ("python", "ruff"):
        program = environment / name
        found = Path(sys.executable).with_name(name)
        program.write_text(f"#!/bin/sh\nPYTHONPATH='{places()}' exec '{found}' \"$@\"\n", encoding="utf-8")
        program.chmod(0o755)
    made = ["make", "--old-file=Makefile", f"BIN={environment}", "INSTALLED=Makefile"]
    return run([*made, *words], folder, url)


@pytest.mark.system
def test_the_tests_take_the_server_that_is_given_and_leave_nothing_on_it(work: Path, given: str) -> None:
    before = python(work, given, "-c", DATABASES)
    (work / "ops/postgres.py").write_text(REFUSED, encoding="utf-8")
    asked = ["tests/core/test_migrations.py", "tests/test_items.py"]
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", *asked]
    done = run(command, work, given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert python(work, given, "-c", DATABASES) == before
    away = run([*command, "--exitfirst"], work, "postgresql://postgres@127.0.0.1:1/postgres")
    assert away.returncode == 1
    assert "connection failed" in away.stdout


@pytest.mark.system
def test_a_second_program_gets_the_server_that_runs_on_the_data_already(made: Path) -> None:
    """As `make migration` does beside `make dev`; root needs a folder that the server's user can reach, too."""
    say = 'echo "$DATABASE_URL"'
    twice = f'{say}; (unset DATABASE_URL; "$0" "$1" sh -c \'{say}\'); {say}'
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        beside = [sys.executable, str(made / "ops/postgres.py")]
        done = run([*beside, "sh", "-c", twice, *beside], Path(folder), "")
        assert done.returncode == 0, done.stderr
        first, second, again = done.stdout.splitlines()
        assert first == second == again
        assert first.startswith("postgresql://")
        # It ended with the first program: the next one starts its own on the same data.
        later = run([*beside, "sh", "-c", say], Path(folder), "")
        assert later.returncode == 0, later.stderr
        assert later.stdout.strip() != first


@pytest.mark.system
def test_a_migration_is_written_for_what_changed_in_the_tables(work: Path, given: str) -> None:
    tables = work / "app/item_store.py"
    text = tables.read_text(encoding="utf-8")
    assert text.count(CREATED) == 1
    tables.write_text(text.replace(CREATED, CREATED + COLOUR), encoding="utf-8")
    before = set((work / "app/migrations/versions").glob("*.py"))
    done = make(work, given, "migration", 'MESSAGE=add a "colour" & more')
    assert done.returncode == 0, done.stdout + done.stderr
    (written,) = set((work / "app/migrations/versions").glob("*.py")) - before
    text = written.read_text(encoding="utf-8")
    assert 'add a "colour" & more' in text
    assert 'op.add_column("items"' in text
    assert 'op.drop_column("items", "colour")' in text
    assert run([f"{Path(sys.executable).parent}/ruff", "check", "app/migrations"], work, given).returncode == 0
    assert run([sys.executable, "-m", "app.migrations", "check"], work, given).returncode == 1
    assert make(work, given, "migrate").returncode == 0
    assert run([sys.executable, "-m", "app.migrations", "check"], work, given).returncode == 0
    assert make(work, given, "migrate", "ARGS=downgrade -1").returncode == 0


def test_a_migration_wants_a_message(made: Path) -> None:
    command = ["make", "--no-print-directory", "--old-file=Makefile", "INSTALLED=Makefile", "migration"]
    done = subprocess.run(command, cwd=made, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("make: say what changes, for example: make migration MESSAGE=")
