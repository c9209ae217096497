"""Dataclasses as JSON objects and back, strictly: no other members, and each of its type."""

import json
from collections.abc import Callable
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

MAX_FILE = 512_000_000  # bytes of a status or an audit; a service has about 3 kB, with the most problems 20
T = TypeVar("T")
_hints: Callable[[object], dict[str, Any]] = cache(get_type_hints)


class Malformed(ValueError):
    """A document is not what it should be; the message is what a refusal says after its colon."""


def decoded(data: bytes) -> object:
    """Return what JSON says, None for what is none and for more than MAX_FILE bytes."""
    try:
        return json.loads(data) if len(data) <= MAX_FILE else None
    except (ValueError, RecursionError):
        return None


def services(said: object, schema: str) -> tuple[list[object], dict[str, object]]:
    """Return the services of a fleet's document, and the other members that are no constants. Raises Malformed."""
    if not isinstance(said, dict) or said.get("schema") != schema:
        raise Malformed(f"it is not an object of {schema}")
    if not isinstance(found := said.get("services"), list) or "version" not in said:
        raise Malformed("it has no services, or no version")
    return found, {name: value for name, value in said.items() if name not in ("schema", "exitCode", "services")}


def plain(value: Any) -> Any:
    """Return a dataclass as JSON objects, with names in the way of JSON (recordedAt)."""
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        return {_camel(one): plain(getattr(value, one)) for one in _hints(type(value))}
    return value


@cache
def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def made(kind: type[T], said: object, where: str, **given: Any) -> T:
    """Return a dataclass out of a JSON object that has no other members and the right types; `given` are made already.

    Raises Malformed; `where` names the place.
    """
    hints = {_camel(name): (name, hint) for name, hint in _hints(kind).items()}
    if not isinstance(said, dict) or not said.keys() <= hints.keys():
        raise Malformed(f"{where} is not an object of the members that it may have")
    values = {hints[name][0]: _value(hints[name][1], value, f"{where}.{name}") for name, value in said.items()}
    try:
        return kind(**{**values, **given})
    except TypeError:
        raise Malformed(f"{where} lacks a member") from None


def _value(hint: Any, value: object, where: str) -> Any:
    if get_origin(hint) is tuple:
        if isinstance(value, list):
            return tuple(_value(get_args(hint)[0], one, where) for one in value)
    elif isinstance(hint, UnionType):
        kinds = [one for one in get_args(hint) if one is not NoneType]
        return None if value is None else _value(kinds[0], value, where)
    elif hasattr(hint, "__dataclass_fields__"):
        return made(hint, value, where)
    elif type(value) is hint or (hint is float and type(value) is int):
        return value
    raise Malformed(f"{where} is not of its type")
