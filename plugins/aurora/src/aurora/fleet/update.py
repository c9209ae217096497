"""One service's update, tried in a throw-away copy: `copier update`, what it leaves open, the service's own tests."""

import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from aurora.fleet import child
from aurora.fleet.template import Template, forms
from aurora.fleet.workplace import Bare, Workplace
from aurora.words import masked
from remembrancer.errors import EnvironmentTrouble, RemembrancerError, counted
from remembrancer.paths import RECEIPTS
from remembrancer.standard.generations import ANSWERS, MAX_BYTES, Answers, answers_said

_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+::\S+)", re.MULTILINE)
_COMPONENT = re.compile(r"""^component: ['"]?([a-z][a-z0-9-]{0,39})['"]?\s*$""", re.MULTILINE)
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*:(?: .*)?", re.ASCII)
_SOURCE = re.compile(r"""^_src_path: (['"]?)[^'"\\\n]+\1\n(?! |\n)""", re.MULTILINE)
_BREAKS = re.compile("[\r\x85\u2028\u2029]")
MOST = 50  # names that a row holds


class How(NamedTuple):
    """How updates are tried: the command of a service's own tests (none: they are left out), and limits.

    `deadline` is in seconds, for one layer's update and for the tests; `passed` names further variables that the
    service's code may see.
    """

    tests: tuple[str, ...] = ("make", "test")
    deadline: float = 900.0
    passed: tuple[str, ...] = ()


class Step(NamedTuple):
    """One layer's way: its answers file, the layer, and the version that it has."""

    answers: str
    layer: str
    version: str


class Receipt(NamedTuple):
    """What an update's receipt states, as far as a request tells it."""

    path: str
    sha256: str
    version: str
    commit: str
    files: int


class Tried(NamedTuple):
    """What came of it: `code` is "" where the update may be proposed; `commit` is "" where there is none.

    `tree` is the result without its receipts: the same version on the same commit gives the same tree.
    """

    component: str = ""
    steps: tuple[Step, ...] = ()
    code: str = ""
    message: str = ""
    tree: str = ""
    commit: str = ""
    conflicts: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    receipts: tuple[Receipt, ...] = ()


class Start(NamedTuple):
    """Where an update begins."""

    bare: Bare
    branch: str
    commit: str


class Red(NamedTuple):
    """Tests that do not pass: one clause that says so, and their names."""

    why: str
    failed: tuple[str, ...] = ()


class Stopped(RemembrancerError):
    """An update that cannot be proposed; becomes the row of its service."""

    def __init__(self, code: str, message: str, **facts: Any) -> None:
        super().__init__(code, message)
        self.facts = facts


def copier() -> str:
    """Return the program. Raises EnvironmentTrouble(env.copier)."""
    found = shutil.which("copier", path=str(Path(sys.executable).parent)) or shutil.which("copier")
    if not found:
        raise EnvironmentTrouble("env.copier", "copier was not found")
    return found


def steps(bare: Bare, commit: str) -> list[tuple[Step, Answers, str]]:
    """Return the layers of a commit in the order of their update, with what their answers say and the component."""
    found = []
    names = list(ANSWERS.values())
    for name, data in zip(names, bare.files(commit, names), strict=True):
        answers = answers_said(name, data.decode("utf-8", "replace")) if data and len(data) <= MAX_BYTES else None
        if data and answers:
            said = _COMPONENT.search(data.decode("utf-8", "replace"))
            found.append((Step(name, answers.layer, answers.version), answers, said[1] if said else ""))
    return found


def component_of(layers: Sequence[tuple[Step, Answers, str]]) -> str:
    """Return the component that the layers of `steps` name, "" for none."""
    return next((name for *_, name in layers if name), "")


def attempt(bare: Bare, branch: str, commit: str, template: Template, how: How) -> Tried:
    """Update a commit to the template's version and run the tests; whatever stands in the way is said in the result.

    Raises EnvironmentTrouble(env.git, env.copier, env.io), which is about this machine rather than the service.
    """
    layers = steps(bare, commit)
    done = Tried(component_of(layers), tuple(step for step, *_ in layers))
    try:
        return _attempt(Start(bare, branch, commit), template, how, layers, done)
    except Stopped as stopped:
        return done._replace(code=stopped.code, message=stopped.message, **stopped.facts)
    except OSError as error:
        raise EnvironmentTrouble("env.io", f"the update could not be run: {error.strerror or error}") from None


def _attempt(
    start: Start, template: Template, how: How, layers: Sequence[tuple[Step, Answers, str]], done: Tried
) -> Tried:
    bare, branch, commit = start
    if not layers:
        raise Stopped("fleet.no-answers", "there is no answers file of this collection at the top of the repository")
    for step, answers, _ in layers:
        if not template.names(answers.source):
            raise Stopped("fleet.other-template", f"{step.answers} names another template")
    open_steps = [(step, answers) for step, answers, _ in layers if step.version != template.version]
    if not open_steps:
        return done._replace(tree=bare.tree(commit)[1], commit="")
    with Workplace(bare, branch, commit) as place:
        (place.home / ".gitconfig").write_text(template.configuration(answers.source for _, answers in open_steps))
        variables = child.environment(place.home, how.passed)
        for number, (step, _) in enumerate(open_steps):
            if number:
                place.keep()
            _update(place, step, template, how, variables)
        whole, tree = bare.tree(commit, place.work)
        receipts = _receipts(bare, commit, whole)
        conflicts = {*place.unmerged(), *(path for _, paths in receipts for path in paths)}
        found = tuple(sorted(map(masked, conflicts)))[:MOST]
        known: dict[str, Any] = {"tree": tree, "receipts": tuple(one for one, _ in receipts)}
        if found:
            raise Stopped(
                "fleet.conflicts",
                f"{counted(len(conflicts), 'file')} {'needs' if len(conflicts) == 1 else 'need'} a manual merge",
                conflicts=found,
            )
        made = bare.commit(whole, commit, subject(done.component, template.version))
        red = _test(place, how, variables)
    if red:
        with Workplace(bare, branch, commit) as place:
            before = _test(place, how, child.environment(place.home, how.passed))
        also = ", and without the update too" if before else ""
        raise Stopped("fleet.tests-failed", f"{red.why}{also}", failed=red.failed, **known)
    return done._replace(commit=made, **known)


def _update(place: Workplace, step: Step, template: Template, how: How, variables: dict[str, str]) -> None:
    """Run Copier as `make update` does, for one answers file."""
    file = place.work / step.answers
    text = "" if file.is_symlink() else file.read_text("utf-8", "replace")
    said = answers_said(step.answers, text) if plain(text) else None
    if said is None or not template.names(said.source):
        raise Stopped("fleet.other-template", f"{step.answers} is not as Copier writes it, or names another template")
    # Copier and `git clone` take a path before they take a URL, and a service may have a file called https:/...
    if any(os.path.lexists(place.work / one.partition("/")[0]) for one in forms(said.source) if one[:1] != "/"):
        raise Stopped("fleet.other-template", f"the source of {step.answers} is also a path in the repository")
    words = ("update", "--trust", "--defaults", "--quiet", "--vcs-ref", template.version, "-a", step.answers)
    alone = {**variables, "GIT_ALLOW_PROTOCOL": "file", "COPIER_CACHE_DIR": str(place.home / "copier")}
    ran = child.run((copier(), *words), place.work, alone, how.deadline)
    if ran.status is None:
        raise Stopped("fleet.update-failed", f"the update of {step.answers} took longer than {how.deadline:g} seconds")
    if ran.status:
        raise Stopped("fleet.update-failed", f"the update of {step.answers} failed: {_last(ran.said)}")
    answers = answers_said(step.answers, file.read_text("utf-8", "replace"))
    if answers is None or (template.tag and answers.version != template.version):
        raise Stopped("fleet.update-failed", f"after its update {step.answers} does not state {template.version}")


def plain(text: str) -> bool:
    """Say whether YAML reads from an answers file the same source as `answers_said`: whoever edits it has many ways.

    >>> plain("_commit: v1\\n_src_path: gh:a/b\\nlayer: ci\\n"), plain('_src_path: gh:a/b\\n"_src_path": ./evil\\n')
    (True, False)
    """
    if _BREAKS.search(text) or len(_SOURCE.findall(text)) != 1:
        return False
    lines = [line for line in text.split("\n") if line and not line.startswith("#")]
    keys = [line for line in lines if not line.startswith((" ", "- "))]
    sources = sum(line.startswith("_src_path:") for line in keys)
    return sources == 1 and lines[0] == keys[0] and all(map(_KEY.fullmatch, keys))


def _test(place: Workplace, how: How, variables: dict[str, str]) -> Red | None:
    """Run the service's own tests; None where they pass, or there are none to run."""
    if not how.tests:
        return None
    ran = child.run(how.tests, place.work, variables, how.deadline)
    if ran.status is None:
        return Red(f"the tests took longer than {how.deadline:g} seconds")
    if not ran.status:
        return None
    failed = tuple(sorted({masked(name) for name in _FAILED.findall(ran.said)}))[:MOST]
    return Red(f"{counted(len(failed), 'test')} failed" if failed else f"the tests exit with {ran.status}", failed)


def _receipts(bare: Bare, base: str, tree: str) -> list[tuple[Receipt, list[str]]]:
    """Return the receipts that an update wrote, each with the paths that it leaves to a person."""
    found = []
    for path in bare.added(base, tree, f"{RECEIPTS}/update"):
        if not path.endswith(".receipt"):
            continue
        data = bare.file(tree, path) or b""
        try:
            said = json.loads(data)["predicate"]
            start, template, files = said["from"], said["template"], said["manifest"]["files"]
            facts = Receipt(path, sha256(data).hexdigest(), str(start["version"]), str(template["commit"]), int(files))
            found.append((facts, [str(one) for one in said["conflicts"]]))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Stopped("fleet.update-failed", "the update's receipt does not have its form") from None
    return found


def facts(bare: Bare, base: str, commit: str) -> tuple[Receipt, ...]:
    """Return the receipts that a commit has and its base has not. Raises Stopped(fleet.update-failed)."""
    return tuple(one for one, _ in _receipts(bare, base, commit))


def subject(component: str, version: str) -> str:
    """Return a commit's first line, of at most 72 characters.

    >>> subject("orders", "v4.3.0")
    '[orders] chore: follow the standard to v4.3.0'
    """
    words = ("follow the standard to ", "standard ", "")
    lines = (f"[{component or 'repo'}] chore: {one}{version}" for one in words)
    return next((line for line in lines if len(line) <= 72), f"[{component or 'repo'}] chore: follow the standard")


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return masked(lines[-1])[:300] if lines else "no message"
