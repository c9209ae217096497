"""A process that records or seals and kills itself at the n-th call that changes the disk; run by the crash tests.

Usage: crash_child.py ROOT record|seal N. Prints the number of such calls when it got to the end.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger_world import World, deploy, signer, waiver
from remembrancer.ledger.index import Index

CALLS = ("write", "fsync", "replace", "rename", "unlink", "mkdir", "rmdir", "link")


def arm(limit: int) -> Callable[[], int]:
    """Kill this process before the call number `limit` of those that change the disk; give the count so far."""
    count = 0
    lock = threading.Lock()

    def wrapped(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            nonlocal count
            with lock:
                count += 1
                if count == limit:
                    os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **more)

        return call

    for name in CALLS:
        setattr(os, name, wrapped(getattr(os, name)))
    real_os_open = os.open
    counted_os_open = wrapped(real_os_open)

    def os_open(path: Any, flags: int, *arguments: Any, **more: Any) -> int:
        chosen = counted_os_open if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) else real_os_open
        return chosen(path, flags, *arguments, **more)

    os.open = os_open  # type: ignore[assignment]
    real_path_open = Path.open

    def path_open(path: Path, mode: str = "r", *arguments: Any, **more: Any) -> Any:
        if set(mode) & set("wax+"):
            return wrapped(real_path_open)(path, mode, *arguments, **more)
        return real_path_open(path, mode, *arguments, **more)

    Path.open = path_open  # type: ignore[method-assign, assignment]
    Index.save = wrapped(Index.save)  # type: ignore[method-assign]
    return lambda: count


def main(root: str, what: str, limit: int) -> None:
    """Do the work with the n-th change as the last thing that does not happen."""
    world = World(Path(root), git=False)
    key = signer()
    count = arm(limit)
    if what == "record":
        world.record(deploy("9.9.9"), waiver("crash"))
        world.store.write_blob(b"crash")
    else:
        world.ledger.seal(key, {"one": lambda data: b"token"})
    print(count())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
