"""A fleet's status as a SQLite database, for whoever would rather ask in SQL: written whole, and replaced whole.

| table | one row for each |
|---|---|
| `fleet` | this status: its name, time, share and template |
| `template_versions` | release of the template, from the oldest (`place`) |
| `services` | service; times are RFC 3339 in UTC, NULL is not known |
| `layers` | layer of a service, with its drift by owner class |
| `history` | version that a layer came to, with its time |
| `conflicts`, `waivers`, `endings` | file that waits, difference that is accepted, key or certificate that ends |

Every table from `layers` on has `service`, which is `services.name`. `PRAGMA user_version` says which form this is.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from aurora.files import write_whole
from aurora.fleet.parts import Layer
from aurora.fleet.row import Row, Status

VERSION = 1
SCHEMA = """
CREATE TABLE fleet (name TEXT NOT NULL, at TEXT NOT NULL, shard TEXT NOT NULL, template TEXT) STRICT;
CREATE TABLE template_versions (place INTEGER PRIMARY KEY, version TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE services (
  name TEXT PRIMARY KEY, url TEXT NOT NULL, branch TEXT NOT NULL, state TEXT NOT NULL, verdict TEXT NOT NULL,
  code TEXT NOT NULL, message TEXT NOT NULL, behind INTEGER NOT NULL, drifted INTEGER NOT NULL, held INTEGER NOT NULL,
  read_commit TEXT, committed_at TEXT, synced_at TEXT,
  release_component TEXT, release_version TEXT, release_at TEXT, release_verdict TEXT, release_code TEXT,
  ledger_origin TEXT, ledger_size INTEGER, ledger_newest_at TEXT, ledger_stamped_at TEXT, ledger_pending INTEGER,
  trust_verdict TEXT, trust_code TEXT, trust_owner TEXT, trust_profile TEXT,
  witnesses_named INTEGER, witnesses_cosigned INTEGER, witnesses_up_to INTEGER,
  rating REAL, renovate INTEGER NOT NULL, catalog INTEGER NOT NULL
) STRICT;
CREATE TABLE layers (
  service TEXT NOT NULL REFERENCES services, layer TEXT NOT NULL, version TEXT NOT NULL, source TEXT NOT NULL,
  template_commit TEXT, recorded_at TEXT, proven INTEGER NOT NULL, behind INTEGER, drifted INTEGER NOT NULL,
  identical INTEGER, changed INTEGER, missing INTEGER, standard_behind INTEGER, waived INTEGER,
  seeded INTEGER, seeded_edited INTEGER, seeded_missing INTEGER, PRIMARY KEY (service, layer)
) STRICT;
CREATE TABLE history (service TEXT NOT NULL REFERENCES services, layer TEXT NOT NULL, at TEXT NOT NULL,
  version TEXT NOT NULL) STRICT;
CREATE TABLE conflicts (service TEXT NOT NULL REFERENCES services, path TEXT NOT NULL) STRICT;
CREATE TABLE waivers (service TEXT NOT NULL REFERENCES services, path TEXT NOT NULL, owner TEXT NOT NULL,
  expires TEXT NOT NULL, code TEXT NOT NULL) STRICT;
CREATE TABLE endings (service TEXT NOT NULL REFERENCES services, what TEXT NOT NULL, until TEXT,
  soon INTEGER NOT NULL) STRICT;
"""
Cells = tuple[object, ...]


def write(status: Status, target: Path) -> None:
    """Write the database over an older one of its name, whole or not at all. Raises EnvironmentTrouble(env.io)."""
    with closing(sqlite3.connect(":memory:")) as made:
        made.executescript(SCHEMA)
        made.execute(f"PRAGMA user_version = {VERSION}")
        with made:
            template = status.template.url if status.template else None
            _insert(made, "fleet", (status.fleet, status.at, status.shard, template))
            for place, version in enumerate(status.template.versions if status.template else ()):
                _insert(made, "template_versions", (place, version))
            for row in status.rows:
                for table, cells in _rows(row):
                    _insert(made, table, cells)
        data = made.serialize()
    write_whole(target, data)


def _insert(database: sqlite3.Connection, table: str, cells: Cells) -> None:
    places = ", ".join("?" * len(cells))
    database.execute(f"INSERT INTO {table} VALUES ({places})", cells)  # noqa: S608 - the table is a name from below


def _rows(row: Row) -> Iterator[tuple[str, Cells]]:
    release, ledger, trust, witnesses = row.release, row.ledger, row.trust, row.witnesses
    yield (
        "services",
        (
            *(row.name, row.url, row.branch, row.state, row.verdict, row.code, row.message, row.behind),
            *(row.drifted, row.held),
            *map(_known, (row.read_commit, row.committed_at, row.synced_at)),
            *((release.component, release.version, release.recorded_at, release.verdict) if release else (None,) * 4),
            release.code if release else None,
            *((ledger.origin, ledger.size) if ledger else (None,) * 2),
            *((_known(ledger.newest_at), _known(ledger.stamped_at), ledger.pending) if ledger else (None,) * 3),
            *((trust.verdict, trust.code, trust.owner, trust.profile) if trust else (None,) * 4),
            *((witnesses.named, witnesses.cosigned, witnesses.up_to) if witnesses else (None,) * 3),
            *(row.rating, row.renovate, row.catalog),
        ),
    )
    for layer in row.layers:
        yield "layers", (row.name, *_layer(layer))
        yield from (("history", (row.name, layer.layer, one.at, one.version)) for one in layer.history)
    yield from (("conflicts", (row.name, path)) for path in row.conflicts)
    yield from (("waivers", (row.name, one.path, one.owner, one.expires, one.code)) for one in row.waivers)
    for end in trust.endings if trust else ():
        yield "endings", (row.name, end.what, _known(end.until), end.soon)


def _layer(one: Layer) -> Cells:
    held, seeded = one.standard, one.seeded
    return (
        *(one.layer, one.version, one.source, _known(one.commit), _known(one.recorded_at), one.proven),
        *(one.behind, one.drifted),
        *((held.identical, held.changed, held.missing, held.behind, held.waived) if held else (None,) * 5),
        *((seeded.files, seeded.edited, seeded.missing) if seeded else (None,) * 3),
    )


def _known(text: str) -> str | None:
    return text or None
