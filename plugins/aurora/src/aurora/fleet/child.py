"""Programs of somebody else's repository: run on somebody's word, without our tokens, and never for ever.

What runs here is a service's own code and the template's. It runs as this user, so this is no sandbox: it can read what
the user can read. What it does not get is the environment (no tokens, no agents' sockets), the home folder's
configuration, standard input, and more time than it was given.
"""

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
TAIL = 200_000
_running: set["subprocess.Popen[bytes]"] = set()
_stopped = threading.Event()


class Done(NamedTuple):
    """What a program did: its exit status, None where its time was over, and the end of what it said."""

    status: int | None
    said: str


def environment(home: Path, passed: Sequence[str] = (), more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return all that a program gets: a few harmless variables, those that somebody named, and a home of its own."""
    kept = {name: os.environ[name] for name in (*KEPT, *passed) if name in os.environ}
    git = {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "GIT_SSH_COMMAND": "false",
        "GIT_AUTHOR_NAME": "aurora",
        "GIT_AUTHOR_EMAIL": "aurora@invalid",
        "GIT_COMMITTER_NAME": "aurora",
        "GIT_COMMITTER_EMAIL": "aurora@invalid",
    }
    return {"LC_ALL": "C.UTF-8", **kept, **git, "HOME": str(home), **(more or {})}


@contextmanager
def threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Give a pool whose threads run programs; an exception, Ctrl-C for one, ends those instead of waiting for them."""
    with ThreadPoolExecutor(count) as pool:
        try:
            yield pool
        except BaseException:
            _stopped.set()
            for one in tuple(_running):
                _end(one)
            pool.shutdown(cancel_futures=True)
            _stopped.clear()
            raise


def _end(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def run(command: Sequence[str], folder: Path, variables: Mapping[str, str], deadline: float) -> Done:
    """Run a program in a folder, in a session of its own; whatever it started is ended with it.

    Raises OSError, and SystemExit where `threads` ends what runs.
    """
    with tempfile.TemporaryFile() as said:
        started = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        _running.add(started)
        try:
            if _stopped.is_set():
                _end(started)
            status: int | None = started.wait(deadline)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            _end(started)
            started.wait()
            _running.discard(started)
        if _stopped.is_set():
            raise SystemExit(130)
        said.seek(max(0, said.seek(0, os.SEEK_END) - TAIL))
        return Done(status, said.read(TAIL).decode("utf-8", "replace"))
