"""A process that records or seals and kills itself at the n-th call that changes the disk; run by the crash tests.

Without arguments it takes one line of JSON for each run, [ROOT, "record" or "seal", N], and answers with the run's wait
status and the number of such calls, 0 where it did not get to the end. Each run is a process of its own, a copy of this
one, which has imported everything.
"""

import json
import os
import signal
import sys
import threading
import traceback
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


def main(root: str, what: str, limit: int) -> int:
    """Do the work with the n-th change as the last thing that does not happen; returns how many there were."""
    world = World(Path(root), git=False)
    key = signer()
    count = arm(limit)
    if what == "record":
        world.record(deploy("9.9.9"), waiver("crash"))
        world.store.write_blob(b"crash")
    else:
        world.ledger.seal(key, {"one": lambda data: b"token"})
    return count()


def forked(root: str, what: str, limit: int) -> tuple[int, int]:
    """Do it in a process of its own; returns its wait status and the number of changes."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        write = os.write
        try:
            write(theirs, b"%d" % main(root, what, limit))
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)
    os.close(theirs)
    with os.fdopen(ours) as said:
        count = int(said.read() or 0)
    return os.waitpid(child, 0)[1], count


if __name__ == "__main__":
    for line in sys.stdin:
        print(*forked(*json.loads(line)), flush=True)
