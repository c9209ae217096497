import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory

from app.core.migrations import FOLDER, LOCK, config, main
from tests.core.database import ask, on
from tests.core.running import PATIENCE, ROOT

SHAPE = """
  SELECT table_name, column_name, data_type, is_nullable, character_maximum_length FROM information_schema.columns
  WHERE table_schema = 'public' AND table_name <> 'alembic_version' ORDER BY 1, 2
"""
NAMES = (
    "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1"
)


@pytest.fixture
def empty(server_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database without any table."""
    name = f"empty_{os.getpid()}"
    ask(server_url, f"CREATE DATABASE {name} TEMPLATE template0")
    monkeypatch.setenv("DATABASE_URL", on(server_url, name))
    yield on(server_url, name)
    ask(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def test_up_down_and_up_again_is_the_same(empty: str) -> None:
    assert main([]) == 0
    shape, names = ask(empty, SHAPE), ask(empty, NAMES)
    assert shape
    assert main(["downgrade", "base"]) == 0
    assert ask(empty, SHAPE) == []
    assert main(["upgrade", "head"]) == 0
    assert (ask(empty, SHAPE), ask(empty, NAMES)) == (shape, names)


def test_tables_and_migrations_agree(database_url: str) -> None:
    command.check(config())  # raises if `make migration` would write something


def test_a_table_that_no_migration_made_is_noticed(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    ask(database_url, "CREATE TABLE forgotten (id integer PRIMARY KEY)")
    assert main(["check"]) == 1
    assert "forgotten" in capsys.readouterr().err


def test_a_migration_is_written_for_what_changed(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(database_url, "CREATE TABLE forgotten (id integer PRIMARY KEY)")
    folder = shutil.copytree(FOLDER, tmp_path / "migrations")
    monkeypatch.setattr("app.core.migrations.FOLDER", folder)
    assert main(["revision", "--autogenerate", "--message", "forget it", "--rev-id", "of_a_test"]) == 0
    (written,) = (folder / "versions").glob("of_a_test*.py")
    assert 'op.drop_table("forgotten")' in written.read_text(encoding="utf-8").replace("'", '"')


def test_there_is_one_line_of_migrations() -> None:
    assert len(ScriptDirectory.from_config(config()).get_heads()) == 1


def test_the_newest_revision_again_changes_nothing(database_url: str) -> None:
    before = ask(database_url, "SELECT xmin::text, version_num FROM alembic_version")
    assert main([]) == 0
    assert ask(database_url, "SELECT xmin::text, version_num FROM alembic_version") == before


def test_a_database_that_is_ahead_is_left_as_it_is(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    ask(database_url, "UPDATE alembic_version SET version_num = 'of a newer version'")
    assert main([]) == 0
    assert "ahead of this version" in capsys.readouterr().out
    assert ask(database_url, "SELECT version_num FROM alembic_version") == [("of a newer version",)]


def test_a_migration_waits_for_another_and_gives_up(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.core.migrations.LOCK_SECONDS", 1)
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        assert main([]) == 3
    assert "lock timeout" in capsys.readouterr().err
    assert main([]) == 0


def test_the_program_says_in_one_line_what_is_wrong() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.migrations"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": "postgresql://127.0.0.1:1/x"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert "did not answer" in done.stderr


def test_without_an_address_the_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert main([]) == 2
    assert "DATABASE_URL" in capsys.readouterr().err
