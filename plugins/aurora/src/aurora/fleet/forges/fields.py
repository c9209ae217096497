"""Fields of an answer that somebody else gives: the right type, or a refusal."""

from typing import Any

from remembrancer.errors import EnvironmentTrouble


def table(value: Any) -> dict[str, Any]:
    """Return an object. Raises EnvironmentTrouble(fleet.forge)."""
    if not isinstance(value, dict):
        raise EnvironmentTrouble("fleet.forge", "the forge answered with something else than an object")
    return value


def text(value: Any, name: str) -> str:
    """Return a text of an object, "" where it is null or not there. Raises EnvironmentTrouble(fleet.forge)."""
    found = table(value).get(name)
    if found is not None and not isinstance(found, str):
        raise EnvironmentTrouble("fleet.forge", f"the forge answered with a {name} that is not a text")
    return found or ""


def needed(value: Any, name: str) -> str:
    """Return a text of an object that has to be there. Raises EnvironmentTrouble(fleet.forge)."""
    if found := text(value, name):
        return found
    raise EnvironmentTrouble("fleet.forge", f"the forge answered with something that has no {name}")


def flag(value: Any, name: str) -> bool:
    """Return a truth of an object, False where it is not there. Raises EnvironmentTrouble(fleet.forge)."""
    return table(value).get(name) is True
