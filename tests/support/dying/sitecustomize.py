"""Ends an update at a chosen moment: Python imports this at its start where this folder is on PYTHONPATH.

DIE_AT is `PROGRAM:EVENT:TEXT`: the program's name as it ends in its arguments (copier, post_generate.py), an audit
event (sys.addaudithook) and a text in that event's arguments. DIE_BY is a signal's number, 9 by default. The program
and Copier, which called it, both get it, as on a terminal. With `full` nothing ends: the system says that the disk is
full.
"""

import errno
import os
import signal
import sys

_PROGRAM, _EVENT, _TEXT = os.environ["DIE_AT"].split(":", 2)
_FULL = os.environ.get("DIE_BY") == "full"
_SIGNAL = 0 if _FULL else int(os.environ.get("DIE_BY", "9"))
_done = False


def _program() -> str:
    arguments = getattr(sys, "orig_argv", [])
    return next((one for one in arguments[1:] if one.endswith(_PROGRAM)), "")


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    global _done  # noqa: PLW0603 - an audit hook cannot be taken away
    if _done or event != _EVENT or not _program() or _TEXT not in repr(arguments[:2]):  # not in a child's environment
        return
    _done = True
    if _FULL:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))
    if _PROGRAM != "copier":
        os.kill(os.getppid(), _SIGNAL)
    if _SIGNAL == signal.SIGKILL:
        os.kill(os.getpid(), _SIGNAL)
    else:
        signal.raise_signal(_SIGNAL)


# the second rendering of a hook is a Copier too, and not the one that is meant
if not (_PROGRAM == "copier" and "--skip-tasks" in getattr(sys, "orig_argv", [])):
    sys.addaudithook(_hook)
