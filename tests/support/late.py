"""Modules that take long to import, for test files that every worker imports: `mcp = Late("mcp")`."""

from importlib import import_module
from typing import Any


class Late:
    """Stands for a module, and imports it when a test first asks for something in it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)
