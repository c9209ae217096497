"""Migrate: `python -m app.migrations` to the newest revision, or with Alembic's words, such as `downgrade -1`."""

import sys

from app.core.migrations import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
