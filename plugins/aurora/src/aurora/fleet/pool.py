"""One pool of processes for a whole fleet: a service that cannot be read is a row, whatever it does to its process.

An answer that takes longer than its deadline is given up, and a process that dies (for lack of memory, say) takes only
the service with it that killed it.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import NamedTuple, TypeVar

from remembrancer.errors import RemembrancerError

DEADLINE = 120.0  # seconds for one service
Q = TypeVar("Q")
A = TypeVar("A")
_interrupted = threading.Event()
_working = threading.Event()


class Trouble(NamedTuple):
    """What kept a service from an answer: a reason code, one sentence, and the exit status that it leads to."""

    code: str
    message: str
    exit_code: int = 4


class _Late(BaseException):
    """The deadline of one service is over; no handler on the way may take this for something else."""


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each(
    work: Callable[[Q], A],
    asked: Sequence[Q],
    jobs: int | None = None,
    deadline: float = DEADLINE,
) -> Iterator[tuple[Q, A | Trouble]]:
    """Yield every question with its answer, or with what kept it from one, as they come.

    `work` must be a function of a module, and answers something that can be pickled.
    """
    count = min(jobs or processors(), len(asked))
    if count <= 1:
        yield from ((one, _answer(work, deadline, one)) for one in asked)
        return
    left = dict(enumerate(asked))
    with _processes(count) as pool:
        tasks = {pool.submit(partial(_in_worker, work, deadline), one): number for number, one in left.items()}
        for task in as_completed(tasks):
            if not isinstance(task.exception(), BrokenProcessPool):
                yield left.pop(tasks[task]), _result(task)
    # the pool broke: which of those that were being answered broke it shows when each is alone
    for one in left.values():
        with _processes(1) as alone:
            yield one, _result(alone.submit(partial(_in_worker, work, deadline), one))


@contextmanager
def _processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """Give a pool; after an interruption what waits is not begun, and what is being answered is given up."""
    others = multiprocessing.active_children()
    pool = ProcessPoolExecutor(count, initializer=_quietly_ended)
    try:
        yield pool
    except BaseException:
        for one in multiprocessing.active_children():
            if one not in others:  # whoever ended this process has not told those that it started
                one.terminate()
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()


def _quietly_ended() -> None:
    """Let a process that is interrupted or terminated clean up and end without a word.

    A pool whose process was killed terminates the others too, in the middle of their answers.
    """

    def ring(number: int, _frame: FrameType | None) -> None:
        if not _working.is_set():
            os._exit(128 + number)
        if not _interrupted.is_set():  # else it cleans up already
            _interrupted.set()
            raise SystemExit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ring)


def _result(task: "Future[A | Trouble]") -> A | Trouble:
    try:
        return task.result()
    except BrokenProcessPool:
        return Trouble("fleet.crashed", "the process that read it was killed, perhaps for lack of memory")


def _in_worker(work: Callable[[Q], A], deadline: float, one: Q) -> A | Trouble:
    """Answer in a process of a pool, which ends there and then where it was told to: it may be handed more already."""
    try:
        _working.set()
        return _answer(work, deadline, one)
    finally:
        _working.clear()
        if _interrupted.is_set():
            os._exit(130)


def _answer(work: Callable[[Q], A], deadline: float, one: Q) -> A | Trouble:
    try:
        with _alarm(deadline):
            return work(one)
    except RemembrancerError as error:
        return Trouble(error.code, error.message, error.exit_code)  # the exception itself cannot be pickled
    except _Late:
        return Trouble("fleet.late", f"reading it took longer than {deadline:g} seconds")
    except Exception as error:  # noqa: BLE001 - a fleet does not end because of one service
        return Trouble("env.internal", f"internal error: {type(error).__name__}: {str(error)[:200]}")


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise _Late inside the block after this many seconds."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
