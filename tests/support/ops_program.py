"""Runs a program of ops/lib in this process: nothing but Python's own start, and that of its library, is left out."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any
from unittest.mock import patch

# what scripts of ops/bin start, and nothing else
PROGRAMS = {
    "bump": "bump",
    "commit-msg": "commit_msg",
    "dist": "dist",
    "health-check": "health_check",
    "no-conflict-markers": "no_conflict_markers",
    "publish": "carry",  # of ops/ci: its words pack and unpack
    "sbom": "sbom",
}


def called(repo: Path, name: str, arguments: tuple[str, ...], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Do what `ops/bin/NAME ARGUMENTS` does, with the modules of that repository, which know it by their own place.

    What the program's children print counts only where it takes it in; what it does not catch is raised here.
    """
    program = repo / "ops/lib" / f"{PROGRAMS[name]}.py"
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    code: Any = 0
    with _as_started(program, arguments, env), chdir(repo), redirect_stdout(out), redirect_stderr(err):
        try:
            exec(_code(program.read_bytes()), {"__name__": "__main__", "__file__": str(program), "__doc__": None})
        except SystemExit as ended:
            code = ended.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
            code = 1
    return subprocess.CompletedProcess([name, *arguments], code or 0, *map(_text, (out, err)))


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


@contextmanager
def _as_started(program: Path, arguments: tuple[str, ...], env: dict[str, str]) -> Iterator[None]:
    """Give the program its words, variables and path, and modules of its own that are gone afterwards."""
    names = {path.stem for path in program.parent.glob("*.py")}
    others = {name: module for name, module in sys.modules.items() if name not in names}
    with (
        patch.dict(os.environ, env, clear=True),
        patch.dict(sys.modules, others, clear=True),
        patch.object(sys, "argv", [str(program), *arguments]),
        patch.object(sys, "path", [str(program.parent), *sys.path]),
        patch.object(sys, "dont_write_bytecode", True),
        patch.object(SourceFileLoader, "source_to_code", lambda _loader, data, _path, **_: _code(bytes(data))),
    ):
        try:
            yield
        finally:
            sys.path_importer_cache.pop(str(program.parent), None)


@cache
def _code(source: bytes) -> CodeType:
    return compile(source, "ops/lib", "exec", dont_inherit=True)
