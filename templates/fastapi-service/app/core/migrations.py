"""Migrations: `python -m app.migrations` brings the database to the newest revision, and takes Alembic's commands.

One run at a time, held by a lock in the database. A lock that does not come is given up, so that a migration never
makes every request of the running service wait behind it; run it again then.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import structlog
from alembic import context
from alembic.config import CommandLine, Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

from app.core import logs
from app.core.database import DatabaseSettings
from app.core.service import SERVICE
from app.core.settings import SettingsError

EXIT_REFUSED, EXIT_SETTINGS, EXIT_DATABASE = 1, 2, 3
FOLDER = Path(__file__).resolve().parents[1] / "migrations"
LOCK = 7_061_717_263_451_983
"""Number of the advisory lock that one migration holds."""
LOCK_SECONDS = 5
_log = structlog.get_logger()


def config() -> Config:
    """Alembic's configuration, which needs no file."""
    made = Config()
    made.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


def run(metadata: MetaData) -> None:
    """Run what Alembic was asked for on the database of the environment; env.py calls it with the tables' metadata."""
    settings = DatabaseSettings.load()
    if context.is_offline_mode():
        context.configure(url=settings.url(), target_metadata=metadata, literal_binds=True)
        with context.begin_transaction():
            context.run_migrations()
        return
    engine = create_engine(
        settings.url(),
        poolclass=NullPool,
        connect_args={
            "connect_timeout": settings.database_connect_seconds,
            "application_name": f"{SERVICE.name} migrations",
        },
    )
    with engine.connect() as connection:
        _migrate(connection, metadata)


def _migrate(connection: Connection, metadata: MetaData) -> None:
    connection.execute(text(f"SET lock_timeout = '{LOCK_SECONDS}s'"))
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
    connection.commit()
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    if (found := context.get_context().get_current_revision()) and not _knows(found):
        # The image was rolled back; migrations only expand, so the older version works with what is there.
        _log.warning("the database is ahead of this version, and is left as it is", revision=found)
        return
    with context.begin_transaction():
        context.run_migrations()


def _knows(revision: str) -> bool:
    try:
        return ScriptDirectory.from_config(config()).get_revision(revision) is not None
    except CommandError:
        return False


def main(arguments: Sequence[str]) -> int:
    """Run Alembic's command line, or `upgrade head` without words; returns the exit code."""
    parser = CommandLine(prog="python -m app.migrations").parser
    options = parser.parse_args(arguments or ["upgrade", "head"])
    if not hasattr(options, "cmd"):
        parser.error("say what to do, such as upgrade head")
    command, positional, named = options.cmd
    chosen = config()
    chosen.cmd_opts = options
    try:
        logs.configure(DatabaseSettings.load())
        # What Alembic's commands take, but its command line does not offer, is None, as Alembic itself has it.
        command(
            chosen,
            *(getattr(options, word, None) for word in positional),
            **{word: getattr(options, word, None) for word in named},
        )
    except SettingsError as error:
        sys.stderr.write(f"app: the environment is wrong: {error}\n")
        return EXIT_SETTINGS
    except CommandError as error:
        sys.stderr.write(f"app: {error}\n")
        return EXIT_REFUSED
    except OperationalError as error:
        sys.stderr.write(f"app: the database refused or did not answer: {str(error.orig).splitlines()[0]}\n")
        return EXIT_DATABASE
    return 0
