"""`python -m remembrancer` is the same program as the console script."""

import sys

from remembrancer.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
