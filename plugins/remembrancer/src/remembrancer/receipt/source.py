"""How a receipt names where a template came from. Standard library only: post-generation uses it."""

import re
from pathlib import PurePath

LOCAL = "local:"
"""Begins the name of a source that has no address: a clone on somebody's machine."""


def public_source(source: str) -> str:
    """Return a template source as it may be recorded: without credentials, and never a path of this machine.

    A URL loses what stands before its host, except the user of an SSH address; anything else is reduced to its name.
    """
    url = re.fullmatch(r"(?P<git>git\+)?(?P<scheme>https?|ssh|git)://(?:(?P<user>[^/@]*)@)?(?P<rest>.+)", source)
    if url:
        user = "git@" if url["scheme"] == "ssh" and (url["user"] or "").split(":")[0] == "git" else ""
        return f"{url['scheme']}://{user}{url['rest']}"
    if re.fullmatch(r"(gh|gl):[\w.-]+/[\w.-]+", source) or re.fullmatch(r"git@[\w.-]+:[\w./-]+", source):
        return source
    name = PurePath(source.rstrip("/")).name.removeprefix(f"git+{LOCAL}").removeprefix(LOCAL)
    return f"{LOCAL}{name or 'template'}"
