"""Each room's face: a promise, an example that runs, and names that cost nothing before they are asked for."""

import ast
import doctest
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import remembrancer

PACKAGE = Path(remembrancer.__file__).parent
PROGRAMS = {"cli", "hooks", "mcp"}  # front ends: their face is what people and assistants call
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py") if path.parent.name not in PROGRAMS)


def tree_of(room: str) -> ast.Module:
    return ast.parse((PACKAGE / room / "__init__.py").read_text(encoding="utf-8"))


def for_type_checkers(room: str) -> dict[str, str]:
    """Return what the room's `if TYPE_CHECKING:` imports: name to `module:attribute`."""
    found = {}
    for node in tree_of(room).body:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for line in node.body:
                assert isinstance(line, ast.ImportFrom)
                for alias in line.names:
                    found[alias.asname or alias.name] = f"{line.module}:{alias.name}"
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_the_example_in_the_head_runs(room: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GNUPGHOME", str(tmp_path / "no-keys"))
    face = importlib.import_module(f"remembrancer.{room}")
    said = face.__doc__ or ""
    assert said.splitlines()[0].endswith((".", "?"))
    example = doctest.DocTestParser().get_doctest(said, {}, room, f"{room}/__init__.py", 0)
    assert example.examples
    told: list[str] = []
    flags = doctest.ELLIPSIS | doctest.REPORT_NDIFF
    result = doctest.DocTestRunner(optionflags=flags).run(example, out=told.append)
    assert result.failed == 0, "".join(told)


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_of_a_face_is_there(room: str) -> None:
    face = importlib.import_module(f"remembrancer.{room}")
    names = for_type_checkers(room)
    assert sorted(names) == sorted(face.__all__)
    assert set(face.__all__) <= set(dir(face))
    for name, home in names.items():
        module, attribute = home.split(":")
        assert getattr(face, name) is getattr(importlib.import_module(module), attribute)
        assert not (PACKAGE / room / f"{name}.py").exists(), f"{name} is a module too, which would hide the name"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        face.nothing  # noqa: B018 - asking is the test


@pytest.mark.parametrize("room", ROOMS)
def test_a_face_imports_its_own_room_alone(room: str) -> None:
    imported = [node.module or "" for node in ast.walk(tree_of(room)) if isinstance(node, ast.ImportFrom)]
    allowed = {"typing", "remembrancer.lazy"}
    assert [name for name in imported if name not in allowed and not name.startswith(f"remembrancer.{room}.")] == []


def test_a_face_costs_no_import() -> None:
    """One interpreter imports every face, and has no module of a room afterwards."""
    script = """
import importlib, json, sys
before = set(sys.modules)
for room in sys.argv[1:]:
    importlib.import_module(f"remembrancer.{room}")
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", script, *ROOMS], capture_output=True, text=True, check=True)
    loaded = {name for name in json.loads(done.stdout) if name.startswith("remembrancer")}
    assert loaded == {"remembrancer", "remembrancer.lazy", *(f"remembrancer.{room}" for room in ROOMS)}


def test_our_own_modules_go_through_no_face() -> None:
    """A program pays for the module that it names, and the contracts see which one it is."""
    faces = {(f"remembrancer.{room}", name) for room in ROOMS for name in for_type_checkers(room)}
    rooms = {("remembrancer", room) for room in ROOMS}
    found = [
        f"{path.relative_to(PACKAGE)}: {node.module}.{alias.name}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if (node.module, alias.name) in faces | rooms
    ]
    assert found == []


def test_the_readme_lists_the_rooms_and_their_promises() -> None:
    said = (PACKAGE.parents[1] / "README.md").read_text(encoding="utf-8")
    rows = [f"| `{room}` | {(ast.get_docstring(tree_of(room)) or '').splitlines()[0]} |" for room in ROOMS]
    assert "\n".join(["| room | what it is |", "|---|---|", *rows, ""]) in said
