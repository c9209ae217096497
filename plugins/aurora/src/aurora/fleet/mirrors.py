"""Bare mirrors of a fleet's repositories in a cache: fetched in parallel, each with a deadline, never checked out.

A mirror has one branch, at `refs/fleet/head`, with its history but without files larger than 16 MiB, where the server
can leave them out. A run that is killed leaves a mirror as it was or as it will be: Git moves the ref last. What a
killed run has begun holds the mirror's lock until it ends, so the next one cannot meet it.
"""

import fcntl
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic
from typing import IO, NamedTuple

from aurora import git
from aurora.fleet.listed import Fleet, Service
from aurora.foreign.objects import settings
from aurora.words import one_line
from remembrancer.clock import Clock, SystemClock, rfc3339
from remembrancer.errors import EnvironmentTrouble

DEADLINE = 300.0  # seconds for one repository
JOBS = 8
HEAD = "refs/fleet/head"
MARKS = "fleets"
LARGEST = "16m"  # of one file
_PACKS = 40  # after so many fetches a mirror is packed anew
_CONFIG = """\
[core]
\tbare = true
[remote "origin"]
\turl = "{url}"
"""


class Known(NamedTuple):
    """What is known of a mirror: its commit ("" for none), when that was up to date, and what went wrong since."""

    commit: str
    at: str
    code: str
    message: str


class Synced(NamedTuple):
    """What one repository came to: its service's name, its commit before and now, and what went wrong."""

    name: str
    before: str
    known: Known


class Mirrors:
    """The mirrors below a folder. Several fleets, and several runs at once, may share it."""

    def __init__(self, cache: Path, clock: Clock | None = None) -> None:
        self.cache, self._clock = cache, clock or SystemClock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def folder(self, fleet: Fleet, service: Service) -> Path:
        """Return the bare repository of a service; it need not be there yet."""
        key = sha256(f"{fleet.place(service.url)}\n{service.branch}".encode()).hexdigest()[:32]
        return self.cache / "mirrors" / f"{key}.git"

    def known(self, fleet: Fleet, service: Service) -> Known:
        """Return what the last sync left; the code `fleet.not-synced` where there was none."""
        return known(self.folder(fleet, service))

    def sync(
        self,
        fleet: Fleet,
        *,
        jobs: int = JOBS,
        deadline: float = DEADLINE,
        watched: Callable[[Synced], None] = lambda _: None,
    ) -> list[Synced]:
        """Bring the mirror of every service up to date, `jobs` at a time; `watched` is told of each as it ends.

        What could not be fetched is a result like the others, with the code fleet.unreachable, fleet.endless or
        fleet.no-branch. Raises EnvironmentTrouble(env.io, env.git) for the cache and for Git themselves.
        """
        lock = threading.Lock()

        def one(service: Service) -> Synced:
            done = self._one(fleet, service, deadline)
            with lock:
                watched(done)
            return done

        pool = ThreadPoolExecutor(jobs)
        try:
            return list(pool.map(one, fleet.services))
        finally:
            self._stopped = True  # after an interruption nothing goes on behind our back
            pool.shutdown(wait=False, cancel_futures=True)
            for process in tuple(self._running):
                git.end(process)
            pool.shutdown()
            self._stopped = False

    def _one(self, fleet: Fleet, service: Service, deadline: float) -> Synced:
        folder = self.folder(fleet, service)
        before = known(folder)
        until = monotonic() + deadline
        try:
            with locked(folder, until, lambda: self._stopped) as lock:
                _prepared(folder, fleet.place(service.url))
                source = f"refs/heads/{service.branch}" if service.branch else "HEAD"
                code, message = self._fetch(folder, f"+{source}:{HEAD}", until, lock)
                if "server sha256" in message and not before.commit:
                    _configure(folder, fleet.place(service.url), 64)
                    code, message = self._fetch(folder, f"+{source}:{HEAD}", until, lock)
                if not code:
                    self._pack(folder, until, lock)
                at = before.at if code else rfc3339(self._clock.now())
                now = Known(_commit(folder), at, code, one_line(message))
                _write(folder, service, now)
                _mark(folder, fleet)
        except OSError as error:
            raise EnvironmentTrouble("env.io", f"cannot write {folder}: {error.strerror or error}") from None
        except EnvironmentTrouble as error:
            if error.code != "env.lock":
                raise
            now = before._replace(code=error.code, message=error.message)
        return Synced(service.name, before.commit, now)

    def _fetch(self, folder: Path, refspec: str, until: float, lock: IO[bytes]) -> tuple[str, str]:
        words = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-auto-maintenance"]
        words += ["--no-write-fetch-head", f"--filter=blob:limit={LARGEST}", "origin", refspec]
        status, said = self._run(folder, words, until, lock)
        if status is None or git.is_oversized(status, said.encode()):
            _swept(folder)
            limit = "took longer than its deadline" if status is None else f"sent more than {git.too_much()}"
            return "fleet.endless", f"the repository {limit}"
        if status == 0:
            return "", ""
        lines = [line for line in said.splitlines() if line.strip()]
        if "couldn't find remote ref" in said:
            return "fleet.no-branch", lines[-1]
        reasons = [line for line in lines if line.startswith(("fatal:", "error:", "ssh:", "remote:"))]
        return "fleet.unreachable", (reasons or lines or ["Git gave no reason"])[0]

    def _pack(self, folder: Path, until: float, lock: IO[bytes]) -> None:
        if sum(1 for _ in (folder / "objects/pack").glob("*.pack")) > _PACKS:
            self._run(folder, ["repack", "-a", "-d", "-q"], until, lock)  # one that fails is tried again next time

    def _run(self, folder: Path, words: Sequence[str], until: float, lock: IO[bytes]) -> tuple[int | None, str]:
        """Run Git until a time; returns its status, None when it was ended, and the end of what it said."""
        slow = ("-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60")
        git_words = git.limited(git.command(folder, *slow, *words))
        with TemporaryFile() as said:
            quiet = subprocess.DEVNULL
            process = git.start(git_words, stderr=said, stdin=quiet, stdout=quiet, pass_fds=(lock.fileno(),))
            self._running.add(process)
            try:
                if self._stopped:
                    git.end(process)
                process.wait(max(0.0, until - monotonic()))
                status: int | None = process.returncode
            except subprocess.TimeoutExpired:
                status = None
            finally:
                git.end(process)
                process.wait()
                self._running.discard(process)
            return status, git.tail(said).decode("utf-8", "replace")


def known(folder: Path) -> Known:
    """Return what the last sync left in a mirror; the code `fleet.not-synced` where there was none."""
    try:
        said = json.loads((folder / "fleet.json").read_bytes())
        commit = _commit(folder)
        if isinstance(said, dict) and all(isinstance(said[name], str) for name in ("at", "code", "message")):
            return Known(commit, said["at"], said["code"], said["message"])
    except (OSError, ValueError, KeyError, RecursionError):
        pass
    return Known("", "", "fleet.not-synced", "its mirror was never fetched")


def _commit(folder: Path) -> str:
    try:
        return (folder / HEAD).read_text("ascii").strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _write(folder: Path, service: Service, now: Known) -> None:
    said = {"url": service.url, "branch": service.branch, "at": now.at, "code": now.code, "message": now.message}
    replace(folder / "fleet.json", json.dumps(said).encode())


def mark(folder: Path, fleet: Fleet) -> Path:
    """Return the file in a mirror that says that a fleet of this name has it; several may."""
    return folder / MARKS / sha256(fleet.name.encode()).hexdigest()[:32]


def _mark(folder: Path, fleet: Fleet) -> None:
    if not (made := mark(folder, fleet)).exists():
        replace(made, fleet.name.encode())


def replace(path: Path, data: bytes) -> None:
    """Write a file of the cache: whole or not at all, but not before the disk has it. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    made.write_bytes(data)
    made.replace(path)


@contextmanager
def locked(folder: Path, until: float, stopped: Callable[[], bool]) -> Iterator[IO[bytes]]:
    """Hold a mirror's lock; whoever inherits the file holds it too. Raises OSError, EnvironmentTrouble(env.lock)."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("ab") as file:
        waiting = threading.Event()
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if monotonic() > until or stopped():
                    raise EnvironmentTrouble("env.lock", f"another run holds the mirror {folder}") from None
                waiting.wait(0.05)
        yield file


def _prepared(folder: Path, url: str) -> None:
    """Make a mirror, or remove what a killed run left in it. Raises OSError."""
    if not (folder / "HEAD").exists():
        for name in ("objects/pack", "refs"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        _configure(folder, url, 40)
        replace(folder / "HEAD", b"ref: refs/heads/none\n")  # last: with it the repository is one
        return
    _swept(folder)


def _swept(folder: Path) -> None:
    """Remove what a call of Git that was killed has left in a mirror. Raises OSError."""
    for left in (*folder.glob("*.lock"), *folder.glob("refs/fleet/*.lock"), *folder.glob("objects/pack/tmp_*")):
        with suppress(FileNotFoundError):
            left.unlink()


def _configure(folder: Path, url: str, digits: int) -> None:
    """Write a mirror's configuration: where it comes from, and how long its objects' names are."""
    escaped = url.replace("\\", "\\\\").replace('"', '\\"')
    replace(folder / "config", (settings(digits) + _CONFIG.format(url=escaped)).encode())
