"""Copier without doing again what was done before: half of a render compiles the same few templates.

A process that renders asks for `quick_copier`. A program that starts Copier itself gets `quick()` among its variables:
Python then imports `quick/sitecustomize.py` at its start, and what is compiled is kept on disk for the next one. Where
it can, a server that has imported Copier does the work (see warm_copier).
"""

import hashlib
import marshal
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import CodeType
from typing import Any
from unittest.mock import patch

import dunamai
import yaml
from copier import _template, _vcs
from copier._jinja_ext import get_yield_context
from copier._main import Worker
from copier._template import Template
from jinja2 import Environment
from jinja2.lexer import get_lexer

from warm_copier import warm

_VERSIONS = f"{sys.implementation.cache_tag}-{version('jinja2')}-{version('copier')}"
_KEPT = Path(__file__).resolve().parents[2] / ".pytest_cache" / f"templates-{_VERSIONS}"
_LEXED_BY = tuple(name for name in get_lexer.__code__.co_names if hasattr(Environment(), name))
# filters that answer something else each time: what they say of a constant becomes part of what is compiled
_OF_THE_MOMENT = ("strftime", "random", "shuffle")
_compile = Environment.compile
_compiled: dict[str, CodeType] = {}
_render_string, _answers_relpath, _cleanup = Worker._render_string, Worker.answers_relpath.fget, Template._cleanup
_clone, _ask_for_version, _get_git = _template.clone, dunamai._run_cmd, _vcs.get_git
_load_questions, _is_bundle = _template.load_template_config, _vcs.is_git_bundle
_questions: dict[bytes, bytes] = {}
_checkouts: dict[tuple[str, ...], Path] = {}


@contextmanager
def quick_copier(*, keep: bool = False) -> Iterator[None]:
    """Compile no template and check out no version twice in this process; with `keep` the former for later ones too.

    Copier also asks Git about core.fileMode for each file and for submodules where there are none, reads its questions
    again and again with the slower of two YAML readers, and collects every answer for each part of each path.
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
        patch.object(Worker, "_render_string", _rendered),
        patch.object(Worker, "answers_relpath", property(_answers_file)),
        patch.object(_template, "clone", _checked_out),
        patch.object(_vcs, "get_git", _Git),
        patch.object(_vcs, "is_git_bundle", lambda path: not path.is_dir() and _is_bundle(path)),
        patch.object(_template, "load_template_config", _loaded_questions),
        patch.object(Template, "_cleanup", _cleaned_up),
        patch.object(dunamai, "_run_cmd", _asked_for_version),
        ExitStack() as more,
    ):
        if keep:  # a program that ends: between its five looks at a template nobody changes that
            for owner, name in ((_vcs, "_get_or_create_mirror"), (sys.modules[__name__], "_state")):
                more.enter_context(patch.object(owner, name, cache(getattr(owner, name))))
        yield


def quick() -> dict[str, str]:
    """Return the variables with which a program that starts Copier itself gets a quick one, imported once for all."""
    return {"PYTHONPATH": str(Path(__file__).with_name("quick"))} | warm()


def quick_programs(folder: Path) -> Path:
    """Make an environment like this one whose `copier` is quick; return the folder of its `aurora` and `copier`.

    For a program that gives Copier none of its own variables, and takes the Copier beside its Python.
    """
    here, programs = Path(sys.prefix), folder / "bin"
    programs.mkdir(parents=True)
    for name in ("pyvenv.cfg", "lib"):
        (folder / name).symlink_to(here / name)
    (programs / "python").symlink_to(sys.executable)
    variables = " ".join(f"{name}='{value}'" for name, value in quick().items())
    for name, start in (("aurora", programs / "python"), ("copier", f"env {variables} '{sys.executable}'")):
        program = programs / name
        program.write_text(f"#!/bin/sh\nexec {start} '{here / 'bin' / name}' \"$@\"\n")
        program.chmod(0o755)
    return programs


def _loaded_questions(path: Path, *rest: Any, **more: Any) -> Any:
    """Read copier.yml once for each text that it has; one that includes others is read again."""
    text = path.read_bytes()
    if b"!include" in text:
        return _load_questions(path, *rest, **more)
    if text not in _questions:
        _questions[text] = pickle.dumps(_load_questions(path, *rest, **more))
    return pickle.loads(_questions[text])


def _plain(worker: Worker, text: str) -> bool:
    """Whether Jinja would give a text back as it is."""
    begin = worker.jinja_env
    marks = (begin.block_start_string, begin.variable_start_string, begin.comment_start_string, "\n", "\r")
    return not any(mark in text for mark in marks) and get_yield_context(begin).yield_name is None


def _rendered(worker: Worker, string: str, extra_context: dict[str, Any] | None = None) -> str:
    """Render what has something to render, which most parts of a path have not."""
    if isinstance(string, str) and _plain(worker, string):
        return string
    return _render_string(worker, string, extra_context)


def _answers_file(worker: Worker) -> Path:
    path = worker.answers_file or worker.template.answers_relpath
    return Path(path) if _plain(worker, str(path)) else Path(_answers_relpath(worker))


def _checked_out(url: str, ref: str = "HEAD", location: str | None = None) -> str:
    """Clone a template, or return the clone that this process has of the same commit and tags; nobody writes there."""
    remote = _vcs._is_remote(url)
    repository = str(_vcs._get_or_create_mirror(url) if remote else url)
    state = _state(repository, bare=remote)
    if location is None or state is None:
        return _clone(url, ref, location)
    key = (repository, ref, state)
    if key in _checkouts and (_checkouts[key] / ".git").exists():
        Path(location).rmdir()
        return str(_checkouts[key])
    if remote:
        _vcs._clone_via_cache(ref, location, Path(repository))
    else:
        _clone(url, ref, location)
    _checkouts[key] = Path(location)
    return location


class _Git:
    """Git as Copier calls it, but for submodules, two shell scripts for each clone, where there are none."""

    def __init__(self, context_dir: Any = None) -> None:
        self.command = _get_git(context_dir)

    def __call__(self, *arguments: Any, **more: Any) -> Any:
        if arguments[0] == "submodule" and not Path(".gitmodules").exists():
            return ""
        if arguments[:2] == ("clone", "--mirror"):
            return self._mirrored(*arguments[3:])
        return self.command(*arguments, **more)

    def _mirrored(self, url: str, folder: str) -> Any:
        """Clone a URL by the path that it stands for here, if it does: only of a path does Git link what it copies."""
        place = self.command("ls-remote", "--get-url", "--", url).strip()
        if not Path(place).is_dir():
            return self.command("clone", "--mirror", "--", url, folder)
        said = self.command("clone", "--mirror", "--", place, folder)
        self.command("-C", folder, "remote", "set-url", "origin", url)
        return said

    def __getitem__(self, arguments: Any) -> Any:
        return self.command[arguments]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.command, name)


def _state(repository: str, *, bare: bool) -> str | None:
    """Return what HEAD and every reference of a repository mean; None where its work tree has changes."""
    said = []
    asked = (("rev-parse", "HEAD"), ("for-each-ref",), *(() if bare else (("status", "--porcelain"),)))
    for question in asked:
        done = subprocess.run(["git", "-C", repository, *question], capture_output=True, text=True, check=False)
        if done.returncode or (question[0] == "status" and done.stdout):
            return None
        said.append(done.stdout)
    return "".join(said)


def _cleaned_up(template: Template) -> None:
    if template._temp_clone_path not in _checkouts.values():
        _cleanup(template)


def forget_checkouts() -> None:
    """Remove the clones of templates that this process has kept."""
    for kept in _checkouts.values():
        shutil.rmtree(kept, ignore_errors=True)
    _checkouts.clear()


def _asked_for_version(command: str, *rest: Any, **more: Any) -> tuple[int, str]:
    """Answer what a version is made of; whether a clone that Copier has just made is dirty need not be looked up."""
    if command.startswith(("git status", "git describe --always --dirty")):
        return 0, ""
    return _ask_for_version(command, *rest, **more)  # type: ignore[no-any-return]


def _keep(kept: Path, code: CodeType) -> None:
    """Write what was compiled, whole or not at all; where nothing can be written, the next process compiles again."""
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        new = kept.with_name(f"{kept.name}.{os.getpid()}")
        new.write_bytes(marshal.dumps(code))
        new.replace(kept)
