"""Steps that a person can follow: each says what it does, how it ended and, where it failed, why.

Standard library only; written for Python 3.11 and newer on Linux and macOS.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

EXIT_USAGE = 2
EXIT_ENVIRONMENT = 4
TAIL = 25


class StepFailed(Exception):
    """A step could not be done. The message is one sentence; `output` is what the program printed, if any."""

    def __init__(self, message: str, output: str = "", code: int = EXIT_ENVIRONMENT) -> None:
        super().__init__(message)
        self.output = output
        self.code = code


class Progress:
    """Print numbered steps to standard error, with a running clock where that is a terminal."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.number = 0
        self.moving = sys.stderr.isatty() and not os.environ.get("NO_COLOR")

    @contextmanager
    def step(self, title: str, *, asking: bool = False) -> Iterator[None]:
        """Announce a step, run the block, and print how long it took (seconds).

        A step that is `asking` has no running clock, which would write over the questions.

        Raises:
            StepFailed: passed on from the block, with the step's title in front of the message.
        """
        self.number += 1
        label = f"[{self.number}/{self.total}] {title}"
        begun = time.monotonic()
        finished = threading.Event()
        clock = threading.Thread(target=self._tick, args=(label, begun, finished), daemon=True)
        moving = self.moving and not asking
        if moving:
            clock.start()
        else:
            print(f"{label} …", file=sys.stderr, flush=True)
        try:
            yield
        except StepFailed as error:
            self._end(finished, clock, f"{label} failed", moving=moving)
            raise StepFailed(f"{title}: {error}", error.output, error.code) from error
        except BaseException:
            self._end(finished, clock, f"{label} stopped", moving=moving)
            raise
        self._end(finished, clock, f"{label} ({time.monotonic() - begun:.1f} s)", moving=moving)

    def _tick(self, label: str, begun: float, finished: threading.Event) -> None:
        while not finished.wait(0.2):
            print(f"\r\033[K{label} … {time.monotonic() - begun:.0f} s", end="", file=sys.stderr, flush=True)

    def _end(self, finished: threading.Event, clock: threading.Thread, line: str, *, moving: bool) -> None:
        finished.set()
        if clock.is_alive():
            clock.join()
        print(f"\r\033[K{line}" if moving else line, file=sys.stderr, flush=True)


def run(
    command: Sequence[str | Path],
    why: str,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    attached: bool = False,
    explain: Callable[[str], str] | None = None,
    accept: tuple[int, ...] = (0,),
) -> str:
    """Run a program and return its standard output.

    Args:
        command: program and arguments; never a shell line.
        why: the sentence to show when it fails.
        cwd: folder to run in.
        env: the whole environment; the current one by default.
        attached: leave the terminal to the program (it asks questions); then nothing is captured.
        explain: makes a better sentence from what the program printed.
        accept: exit codes that are no failure.

    Raises:
        StepFailed: the program is missing or ended with a code that is not accepted.
    """
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env=dict(env) if env is not None else None,
            stdin=None if attached else subprocess.DEVNULL,
            stdout=None if attached else subprocess.PIPE,
            stderr=None if attached else subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError as error:
        raise StepFailed(f"{why} ({command[0]} was not found)") from error
    output = done.stdout or ""
    if done.returncode not in accept:
        sentence = explain(output) if explain else ""
        raise StepFailed(sentence or why, "" if sentence else "\n".join(output.strip().splitlines()[-TAIL:]))
    return output


class Beside:
    """A program that runs while other steps do; it is ended when the block is left before it is done.

    Args:
        command: program and arguments; never a shell line.
        why: the sentence to show when it fails.
        cwd: folder to run in.
        env: the whole environment.
    """

    def __init__(self, command: Sequence[str | Path], why: str, *, cwd: Path, env: Mapping[str, str]) -> None:
        self._why = why
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the block
        words = [str(part) for part in command]
        self._process = subprocess.Popen(
            words,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that what it has started ends with it
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait()
        self._said.close()

    def done(self) -> None:
        """Wait for its end.

        Raises:
            StepFailed: it failed.
        """
        if self._process.wait():
            self._said.seek(0)
            text = self._said.read().decode("utf-8", "replace")
            raise StepFailed(self._why, "\n".join(text.strip().splitlines()[-TAIL:]))
