"""Run the service: `python -m app`. Exit codes: 0 stopped in order, 2 wrong settings, 3 start-up failed."""

import logging
import sys

from app.main import create_app
from app.server import make_server
from app.settings import Settings, SettingsError


def main() -> int:
    """Serve until a signal comes; returns the exit code."""
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        sys.stderr.write(f"app: the environment is wrong: {error}\n")
        return 2
    server = make_server(create_app(settings), settings)
    try:
        server.run()
    finally:
        logging.shutdown()
    return 0 if server.started else 3


if __name__ == "__main__":
    sys.exit(main())
