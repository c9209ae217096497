"""The command line: one file per group of commands, each imported only when it is called."""

import atexit
import gc

# most of what a short command would collect are the modules that it has just loaded, and at its end all of them again
gc.set_threshold(100_000, 20, 20)
atexit.register(gc.freeze)

from remembrancer.cli.main import main  # noqa: E402 - click is one of those modules

__all__ = ["main"]
