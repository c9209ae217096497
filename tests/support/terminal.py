"""A real terminal for a command, and what it showed."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence

from cli_support import Scratch

PROGRAM = [sys.executable, "-m", "remembrancer"]


def terminal(
    scratch: Scratch,
    *arguments: str,
    width: int,
    typed: str = "",
    program: Sequence[str] = PROGRAM,
    **more: str,
) -> str:
    """Run a command on a terminal of so many columns, type some lines, and return everything that it showed."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    env = scratch.environment(TERM="xterm-256color", **more)
    process = subprocess.Popen(
        [*program, *arguments], cwd=scratch.root, env=env, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    process.wait()
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")
