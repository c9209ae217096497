"""The command line: options and words around the rooms below it."""

from aurora.cli.main import main

__all__ = ["main"]
