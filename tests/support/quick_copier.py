"""Copier without doing again what was done before: half of a render compiles the same few templates.

A process that renders asks for `quick_copier`. A program that starts Copier itself gets `QUICK` among its variables:
Python then imports `quick/sitecustomize.py` at its start, and what is compiled is kept on disk for the next one.
"""

import hashlib
import marshal
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from types import CodeType
from typing import Any
from unittest.mock import patch

import yaml
from copier._main import Worker
from jinja2 import Environment
from jinja2.lexer import get_lexer

QUICK = {"PYTHONPATH": str(Path(__file__).with_name("quick"))}
_VERSIONS = f"{sys.implementation.cache_tag}-{version('jinja2')}-{version('copier')}"
_KEPT = Path(__file__).resolve().parents[2] / ".pytest_cache" / f"templates-{_VERSIONS}"
_LEXED_BY = tuple(name for name in get_lexer.__code__.co_names if hasattr(Environment(), name))
# filters that answer something else each time: what they say of a constant becomes part of what is compiled
_OF_THE_MOMENT = ("strftime", "random", "shuffle")
_compile = Environment.compile
_compiled: dict[str, CodeType] = {}


@contextmanager
def quick_copier(*, keep: bool = False) -> Iterator[None]:
    """Compile no template twice in this process, nor after it with `keep`.

    Copier also asks Git about core.fileMode for each file, and reads its questions with the slower of two YAML readers.
    """

    def compiled(environment: Environment, source: Any, name: str | None = None, *rest: Any, **more: Any) -> Any:
        """Compile a template, or return what came of the same text before; its file is another clone's each time."""
        if not isinstance(source, str) or any(one in source for one in _OF_THE_MOMENT):
            return _compile(environment, source, name, *rest, **more)
        kind = (type(environment).__name__, *(getattr(environment, one) for one in _LEXED_BY))
        key = repr((kind, sorted(environment.extensions), source, name, rest[1:], sorted(more.items())))
        if key not in _compiled:
            kept = _KEPT / hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
            if not keep:
                _compiled[key] = _compile(environment, source, name, *rest, **more)
            elif not kept.exists():
                _compiled[key] = _compile(environment, source, name, *rest, **more)
                _keep(kept, _compiled[key])
            else:
                _compiled[key] = marshal.loads(kept.read_bytes())
        return _compiled[key]

    with (
        patch.object(Worker, "_sync_git_index_executable_bit", lambda *_: None),
        patch.object(Environment, "compile", compiled),
        patch.object(yaml, "SafeLoader", yaml.CSafeLoader),
    ):
        yield


def quick_programs(folder: Path) -> Path:
    """Make an environment like this one whose `copier` is quick; return the folder of its `aurora` and `copier`.

    For a program that gives Copier none of its own variables, and takes the Copier beside its Python.
    """
    here, programs = Path(sys.prefix), folder / "bin"
    programs.mkdir(parents=True)
    for name in ("pyvenv.cfg", "lib"):
        (folder / name).symlink_to(here / name)
    (programs / "python").symlink_to(sys.executable)
    variables = " ".join(f"{name}='{value}'" for name, value in QUICK.items())
    for name, start in (("aurora", programs / "python"), ("copier", f"env {variables} '{sys.executable}'")):
        program = programs / name
        program.write_text(f"#!/bin/sh\nexec {start} '{here / 'bin' / name}' \"$@\"\n")
        program.chmod(0o755)
    return programs


def _keep(kept: Path, code: CodeType) -> None:
    """Write what was compiled, whole or not at all; where nothing can be written, the next process compiles again."""
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        new = kept.with_name(f"{kept.name}.{os.getpid()}")
        new.write_bytes(marshal.dumps(code))
        new.replace(kept)
