"""The command line as people and programs meet it: help with examples, one JSON schema, no traceback."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources

import click
import jsonschema
import pytest

from cli_support import ARTIFACT, Scratch, new_scratch, released
from remembrancer import __version__
from remembrancer.cli.lazy import LazyGroup
from remembrancer.cli.main import main, program
from remembrancer.errors import EnvironmentTrouble
from remembrancer.reasons import REASONS

SCHEMA = json.loads((resources.files("remembrancer.cli") / "report.schema.json").read_text(encoding="utf-8"))


def every_command(group: LazyGroup = program, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:  # type: ignore[assignment]
    for name in group.table:
        command = group.get_command(click.Context(group), name)
        assert command is not None
        yield (*path, name)
        if isinstance(command, LazyGroup):
            yield from every_command(command, (*path, name))


COMMANDS = list(every_command())


@pytest.fixture(scope="module")
def scratch() -> Iterator[Scratch]:
    made = released()
    yield made
    made.remove()


def examples(shown: str) -> list[list[str]]:
    """Return the words of every command line in a help text, as a shell would read the pasted lines."""
    lines = re.sub(r"\\\n\s*", "", shown).splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("    remembrancer ")]


@pytest.mark.parametrize("path", [(), *COMMANDS], ids=" ".join)
def test_help_has_an_example_that_parses(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str], scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(scratch.root)
    assert main([*path, "--help"]) == 0
    shown = examples(capsys.readouterr().out)
    assert shown
    assert main([*path, "-h"]) == 0
    for words in shown:
        assert words[: len(path)] == list(path)
        group, rest = program, [word for word in words if not word.startswith((">", "~"))]
        while isinstance(group, LazyGroup):
            _, found, rest = group.resolve_command(click.Context(group), rest)
            assert found is not None
            group = found
        group.make_context("remembrancer", rest, parent=click.Context(program, **program.context_settings))
    if path == ("query",):
        return  # a leading dash is text there, everywhere else an unknown flag is an error
    assert main([*path, "--no-such-option"]) == 2


def test_every_line_of_help_fits_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    shown = capsys.readouterr().out
    assert all(len(line) <= 100 for line in shown.splitlines())
    assert all(name in shown for name in program.table)  # type: ignore[attr-defined]


def imports(*arguments: str) -> set[str]:
    code = "import sys; from remembrancer.cli import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    return set(python("-c", code, *arguments).stderr.split())


def python(*arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, env=environment)


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("record", "--help"), ("trust", "-h")])
def test_help_imports_click_and_nothing_else(arguments: tuple[str, ...]) -> None:
    plain = python("-c", "import sys, click; print(*sys.modules)")
    more = imports(*arguments) - set(plain.stdout.split())
    heavy = {"rich", "cryptography", "pysequoia", "asn1crypto", "rfc3161_client", "gnupg", "tomllib", "json", "hashlib"}
    assert not heavy & {name.split(".")[0] for name in more}
    ours = {name for name in more if name.startswith("remembrancer")}
    assert ours <= {"remembrancer", *(f"remembrancer.cli{part}" for part in ("", ".main", ".lazy", ".groups"))}, ours


@pytest.mark.parametrize(
    ("arguments", "unused"),
    [
        (
            ("verify-full", ARTIFACT),
            {"sqlite3", "remembrancer.ledger", "remembrancer.repository.lock", "mmap", "secrets", "unicodedata"},
        ),
        (("status",), {"asn1crypto", "remembrancer.record.seal", "remembrancer.ledger.seal"}),
    ],
    ids=["verdict", "status"],
)
def test_a_command_does_not_import_what_it_does_not_use(
    scratch: Scratch, arguments: tuple[str, ...], unused: set[str]
) -> None:
    code = (
        "import sys, typing; from remembrancer.cli import main; status = main(sys.argv[1:]);"
        "print(*sys.modules, file=sys.stderr);"
        "print(*(f'{name}:typing.NamedTuple' for name, module in [*sys.modules.items()] if name[:8] == 'remembra'"
        " and getattr(module, 'NamedTuple', None) is typing.NamedTuple), file=sys.stderr); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=scratch.root,
        env=scratch.environment(PYTHONPATH=os.pathsep.join(sys.path)),
    )
    assert done.returncode == 0, done.stdout
    loaded = set(done.stderr.split())
    assert not loaded & {"rich", "gnupg", "http.client", "urllib.request", *unused}
    # each one would cost half a millisecond: see remembrancer.named
    assert not {name for name in loaded if name.endswith(":typing.NamedTuple")}


def test_version() -> None:
    done = python("-m", "remembrancer", "--version")
    assert done.stdout == f"remembrancer {__version__}\n"


REPORTS = [
    ("verify", ARTIFACT),
    ("verify-full", ARTIFACT),
    ("verify-full", ARTIFACT, "--require", "production"),
    ("verify-full", "dist/none.tar.gz"),
    ("verify-audit",),
    ("verify-signature", "--signature", f"{ARTIFACT}.asc", "--data", ARTIFACT, "--key", "ops/trust/policy.toml"),
    ("status",),
    ("list", "deployments"),
    ("list", "receipts"),
    ("list", "adrs"),
    ("receipt", "ops/receipts/deploy/my-svc-0.1.0.receipt"),
    ("why", ".gitignore"),
    ("trust", "show"),
    ("trust", "pin", "0" * 40),
    ("trust", "unpin", "0" * 40),
    ("record", "deploy", "--component", "my-svc", "--version", "0.1.0"),
    ("record", "deploy", "--component", "../x", "--version", "0.1.0"),
    ("seal",),
    ("sign", ARTIFACT),
    ("timestamp", ARTIFACT),
    ("init",),
]


@pytest.mark.parametrize("arguments", REPORTS, ids=lambda value: " ".join(value[:3]))
def test_json_follows_the_published_schema(scratch: Scratch, arguments: tuple[str, ...]) -> None:
    done = scratch.json(*arguments)
    report = done.report
    jsonschema.validate(report, SCHEMA)
    assert report["exitCode"] == done.status
    assert done.out.isascii()
    for finding in report.get("findings", []):
        if finding["outcome"] != "verified":
            assert finding["code"] in REASONS
            assert finding["remedy"]


def test_text_says_who_when_and_under_which_profile(scratch: Scratch) -> None:
    done = scratch.run("verify-full", ARTIFACT)
    rows = {line.split()[0]: line for line in done.out.splitlines()[1:-1]}
    for proof in ("hash", "signature", "timestamp", "inclusion", "checkpoint"):
        assert " PASS " in rows[proof]
    assert "202" in rows["timestamp"]
    assert done.out.splitlines()[-1].startswith(f"VERIFIED {ARTIFACT} (development trust")


def test_trust_from_the_command_line_and_the_environment(scratch: Scratch) -> None:
    copy = scratch.copy()
    try:
        owner = copy.json("trust", "show").report["data"]["owner"]
        other = Scratch(copy.base / "elsewhere")
        other.home.mkdir(parents=True)
        there = {"HOME": str(other.home)}
        assert copy.run("verify-full", ARTIFACT, **there).status == 3
        assert copy.run("verify-full", ARTIFACT, "--trust", owner, **there).status == 0
        assert copy.run("verify-full", ARTIFACT, REMEMBRANCER_TRUST=owner.lower(), **there).status == 0
        spaced = " ".join(owner[at : at + 4] for at in range(0, 40, 4))
        assert copy.run("trust", "pin", spaced, **there).status == 0
        assert copy.run("verify-full", ARTIFACT, **there).status == 0
        assert copy.run("trust", "unpin", owner, **there).status == 0
        assert copy.run("verify-full", ARTIFACT, **there).status == 3
        assert copy.run("verify-full", ARTIFACT, "--trust", "0" * 40, **there).status == 1
    finally:
        copy.remove()


def test_the_repository_is_found_from_below_and_by_name(scratch: Scratch) -> None:
    below = scratch.root / "dist"
    assert scratch.run("verify-full", "my-svc-0.1.0.tar.gz", cwd=below).status == 0
    outside = scratch.run("verify-full", str(scratch.root / ARTIFACT), "--root", str(scratch.root), cwd=scratch.home)
    assert outside.status == 0
    assert scratch.run("status", cwd=scratch.base).status == 2


def test_list_adrs_names_every_file() -> None:
    made = new_scratch()
    try:
        made.write(
            "ops/receipts/adr/ADR-001-use-x.md", "# ADR-001: Use X\n\n**Status**: Accepted\n**Date**: 2026-01-02\n"
        )
        made.write("ops/receipts/adr/ADR-002-odd.md", b"\xff\xfe no title")
        rows = made.json("list", "adrs").report["data"]["items"]
        assert [(row["title"], row["status"], row["recorded"]) for row in rows] == [
            ("ADR-001: Use X", "Accepted", "no"),
            ("", "", "no"),
        ]
    finally:
        made.remove()


def test_what_was_never_expected_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise RuntimeError("a\x1b[31mb\nc")

    monkeypatch.setattr(program, "main", broken)
    assert main(["status"]) == EnvironmentTrouble.exit_code
    lines = capsys.readouterr().err.splitlines()
    assert "[env.internal]" in lines[0]
    assert "Traceback" not in "".join(lines)
    assert "\x1b" not in "".join(lines)
    assert main(["status", "-v"]) == 4
    assert "RuntimeError" in capsys.readouterr().err
    assert main(["status", "--format", "json"]) == 4
    jsonschema.validate(json.loads(capsys.readouterr().out), SCHEMA)
