"""The public face of a room: names that `from remembrancer.<room> import …` gives, each loaded when it is asked for.

Whoever imports one module of a room, as the programs do, pays for that module alone (PEP 562). Standard library only.
"""

import sys
from collections.abc import Callable, Mapping


def attach(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the `__getattr__` and `__dir__` of a package.

    `homes` says which module gives which names, in the words of an import statement: `{"policy": "Policy, parse as
    parse_policy"}`. Any other name raises AttributeError, and an import statement then looks for a submodule.
    """
    found: dict[str, tuple[str, str]] = {}

    def all_names() -> Mapping[str, tuple[str, str]]:
        for module, names in () if found else homes.items():
            for name in names.split(", "):
                own, _, public = name.partition(" as ")
                found[public or own] = (module, own)
        return found

    def load(name: str) -> object:
        if name not in all_names():
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415 - most programs import modules, not faces

        module, own = found[name]
        return getattr(import_module(f"{package}.{module}"), own)

    def listing() -> list[str]:
        return sorted({*vars(sys.modules[package]), *all_names()})

    return load, listing
