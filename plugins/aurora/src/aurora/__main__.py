"""`python -m aurora` is the same program as the console script."""

import sys

from aurora.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
