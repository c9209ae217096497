"""Run the service: `python -m app`. Exit codes: 0 stopped in order, 2 wrong settings, 3 start-up failed."""

import sys
from importlib import import_module

from app.core.server import run

if __name__ == "__main__":
    # Imported inside, where a wrong setting becomes one sentence and an exit code.
    sys.exit(run(lambda: import_module("app.main").app))
