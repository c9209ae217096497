"""Makes Copier quick: Python imports this at its start where this folder is on PYTHONPATH (see quick_copier)."""

import os
import sys

_ARGUMENTS = [one for one in getattr(sys, "orig_argv", [])[1:4] if one != "-P"]
_OF_NO_MATTER = {"PYTHON", "PYTHONPATH", "PYTHONSAFEPATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
_ASKED_FOR_MORE = {name for name in os.environ if name.startswith("PYTHON")} - _OF_NO_MATTER


def _like_the_server() -> bool:
    """Whether the server's Copier is the one that would be imported here, and would print and read as here."""
    terminal = any(stream is None or stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    return not (terminal or _ASKED_FOR_MORE or os.path.lexists("copier") or os.path.lexists("copier.py"))


def _ask(address: str) -> None:
    """Let the server do what this process is for, and end as it did; return where there is no server."""
    import marshal
    import signal
    import socket

    request = {
        name: (stream.encoding, stream.errors, stream.line_buffering, stream.write_through)
        for name, stream in (("stdin", sys.stdin), ("stdout", sys.stdout), ("stderr", sys.stderr))
    }
    os.umask(mask := os.umask(0o077))
    facts = {"argv": sys.argv, "orig_argv": sys.orig_argv, "executable": sys.executable, "umask": mask}
    body = marshal.dumps(request | facts | {"environment": dict(os.environ)})
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.connect(address)
        except OSError:
            return
        folder = os.open(".", os.O_RDONLY)
        socket.send_fds(server, [len(body).to_bytes(8, sys.byteorder)], [0, 1, 2, folder])
        server.sendall(body)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        said = server.recv(8)
    code = int.from_bytes(said, sys.byteorder, signed=True) if said else 1
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


# each Python that a test starts comes by, and pathlib would be most of what that costs
if _ARGUMENTS[:2] == ["-m", "copier"] or (_ARGUMENTS and _ARGUMENTS[0].rpartition("/")[2] == "copier"):
    if "WARM_COPIER" in os.environ and _like_the_server():
        _ask(os.environ["WARM_COPIER"])
    import atexit
    from pathlib import Path

    sys.path.append(str(Path(__file__).resolve().parents[1]))
    from quick_copier import forget_checkouts, quick_copier

    _to_the_end = quick_copier(keep=True)
    _to_the_end.__enter__()
    atexit.register(forget_checkouts)
    sys.path.pop()
