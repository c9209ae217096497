"""Copier, imported once for all its starts in a test run, which is most of what a start costs.

`warm()` begins a server, and gives the variable that names it. `python -m copier` then asks there, in
quick/sitecustomize.py, and hands over its arguments, variables, folder and standard streams; a fork of the server does
the work, and the program that asked ends as the fork does. At a terminal, or with more variables for Python, Copier
starts alone.
"""

import atexit
import fcntl
import functools
import importlib
import io
import marshal
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from short_path import short_path

VARIABLE = "WARM_COPIER"
LENGTH = 8  # bytes of the number before a request
NEEDED = ("copier._cli", "jinja2_ansible_filters", "_strptime")  # what each start would import


_servers: list[subprocess.Popen[bytes]] = []
_to_the_end: list[AbstractContextManager[None]] = []


@functools.cache
def warm() -> dict[str, str]:
    """Begin the server of this process, which ends with it; return the variable that names it."""
    address = f"{short_path('warm')}/socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        descriptor = listener.fileno()
        command = [sys.executable, __file__, str(descriptor)]
        _servers.append(subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[descriptor], cwd="/"))
    return {VARIABLE: address}


def cool() -> None:
    """End the server of this process, if there is one."""
    while _servers:
        server = _servers.pop()
        assert server.stdin
        server.stdin.close()
        server.wait(timeout=60)
    warm.cache_clear()


def serve(listener: socket.socket) -> tuple[socket.socket, list[int], dict[str, Any]]:
    """Answer until standard input ends, which ends the process; return only in a fork, with what it has to do."""
    imported = False
    waiting = select.poll()
    for descriptor in (sys.stdin.fileno(), listener.fileno()):
        waiting.register(descriptor, select.POLLIN)
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        for descriptor, _ in waiting.poll():
            if descriptor == sys.stdin.fileno():
                shutil.rmtree(Path(listener.getsockname()).parent)
                sys.exit(0)
            if descriptor != listener.fileno():
                process, connection = running.pop(descriptor)
                waiting.unregister(descriptor)
                os.close(descriptor)
                code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
                with connection, suppress(OSError):  # nobody waits any more
                    connection.send(code.to_bytes(LENGTH, sys.byteorder, signed=True))
                continue
            connection, _ = listener.accept()
            if not imported:
                _import_copier()
                imported = True
            length, streams, _, _ = socket.recv_fds(connection, LENGTH, 4)
            body = connection.recv(int.from_bytes(length, sys.byteorder), socket.MSG_WAITALL)
            process = os.fork()
            if not process:
                for other in running:
                    os.close(other)
                listener.close()
                return connection, streams, marshal.loads(body)
            for stream in streams:
                os.close(stream)
            ended = os.pidfd_open(process)
            waiting.register(ended, select.POLLIN)
            running[ended] = process, connection


def _import_copier() -> None:
    from quick_copier import forget_checkouts, quick_copier

    for name in NEEDED:
        importlib.import_module(name)
    _to_the_end.append(quick_copier(keep=True))
    _to_the_end[0].__enter__()
    atexit.register(forget_checkouts)


def become(connection: socket.socket, streams: list[int], request: dict[str, Any]) -> None:
    """Make this fork what the process that asked would be; it ends when that one does."""
    from plumbum import local

    fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(connection, fcntl.F_SETSIG, signal.SIGTERM)
    fcntl.fcntl(connection, fcntl.F_SETFL, fcntl.fcntl(connection, fcntl.F_GETFL) | os.O_ASYNC)
    os.fchdir(streams[3])
    for number, stream in enumerate(streams[:3]):
        os.dup2(stream, number)
    for stream in streams:
        os.close(stream)
    os.umask(request["umask"])
    os.environ.clear()
    os.environ.update(request["environment"])
    local.env.clear()
    local.env.update(os.environ)
    time.tzset()
    tempfile.tempdir = None
    sys.path.remove(str(Path(__file__).parent))
    sys.argv, sys.orig_argv, sys.executable = request["argv"], request["orig_argv"], request["executable"]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        encoding, errors, lines, at_once = request[name]
        plain = open(number, "wb" if number else "rb", 0 if number and at_once else -1, closefd=False)  # noqa: SIM115
        setattr(sys, name, io.TextIOWrapper(plain, encoding, errors, None, lines, at_once))


if __name__ == "__main__":
    become(*serve(socket.socket(fileno=int(sys.argv[1]))))
    if sys.argv[0] == "-m":
        runpy.run_module("copier", run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")
