"""A fleet in SQLite: every fact of every row is there once, text is text, and the file is whole or as it was."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from aurora.fleet.database import VERSION, write
from aurora.fleet.row import Status
from collection import ROOT
from fleet_rows import HOSTILE, VERSIONS, at, fleet_of, hostile
from remembrancer.errors import EnvironmentTrouble


def ask(file: Path, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
        return database.execute(question).fetchall()


def test_every_row_and_what_belongs_to_it_is_there(tmp_path: Path) -> None:
    status, file = fleet_of(120), tmp_path / "fleet.db"
    write(status, file)
    assert ask(file, "PRAGMA user_version") == [(VERSION,)]
    assert ask(file, "SELECT * FROM fleet") == [("shop", status.at, "0/1", "https://git.example.org/template.git")]
    assert ask(file, "SELECT version FROM template_versions ORDER BY place") == [(one,) for one in VERSIONS]
    assert ask(file, "SELECT name, state, behind, rating FROM services ORDER BY name") == [
        (row.name, row.state, row.behind, row.rating) for row in status.rows
    ]
    assert sorted(ask(file, "SELECT service, layer, version, drifted, changed FROM layers")) == sorted(
        (row.name, one.layer, one.version, one.drifted, one.standard.changed if one.standard else None)
        for row in status.rows
        for one in row.layers
    )
    assert sorted(ask(file, "SELECT service, at, version FROM history")) == sorted(
        (row.name, step.at, step.version) for row in status.rows for one in row.layers for step in one.history
    )
    for table, of in (("waivers", "waivers"), ("conflicts", "conflicts")):
        assert ask(file, f"SELECT count(*) FROM {table}") == [(sum(len(getattr(row, of)) for row in status.rows),)]
    ((silent,),) = ask(file, "SELECT count(*) FROM services WHERE ledger_size IS NULL AND trust_verdict IS NULL")
    assert silent == sum(row.ledger is None for row in status.rows) > 0
    assert ask(file, "PRAGMA foreign_key_check") == ask(file, "PRAGMA integrity_check")[:0]


def test_hostile_text_is_text_and_an_older_file_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "new/fleet.db"
    write(fleet_of(30), file)
    write(hostile(), file)
    assert {name for (name,) in ask(file, "SELECT name FROM services")} == set(HOSTILE)
    assert [one.name for one in file.parent.iterdir()] == ["fleet.db"]


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "fleet.db").mkdir()
    with pytest.raises(EnvironmentTrouble, match="cannot write"):
        write(Status("f", at(0)), tmp_path / "fleet.db")
    assert [one.name for one in tmp_path.iterdir()] == ["fleet.db"]


def test_every_table_is_documented() -> None:
    text = (ROOT / "docs/fleet.md").read_text(encoding="utf-8")
    for table in ("fleet", "template_versions", "services", "layers", "history", "conflicts", "waivers", "endings"):
        assert f"`{table}`" in text
