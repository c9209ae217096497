"""The program: every command explains itself with an example, and every failure is one sentence with a code."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import witness_support as log
from aurora.cli.main import main, program
from aurora.evidence import Evidence


def commands(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command of the program with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*words, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))


def test_every_command_has_help_with_an_example_that_parses(capsys: pytest.CaptureFixture[str]) -> None:
    for words, command in [((), program), *commands(program)]:
        assert main([*words, "--help"]) == 0
        shown = capsys.readouterr().out
        assert "Example: aurora" in shown, words
        example = shlex.split((command.epilog or "").partition("\n")[0].removeprefix("Example: aurora ").split(" >")[0])
        assert example[: len(words)] == list(words)
        if not isinstance(command, click.Group):
            command.make_context(words[-1], example[len(words) :])


def test_failures_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["--version"]) == 0
    assert main(["nothing"]) == 2
    assert main(["witness", "init", "--state", str(tmp_path / "w"), "--name", "a name"]) == 2
    assert "[input.field]" in capsys.readouterr().err
    assert main(["witness", "status", "--state", str(tmp_path)]) == 2
    assert "there are no keys" in capsys.readouterr().err
    (tmp_path / "logs").write_text(f"log {log.KEY.verifier()}\n")
    words = ["witness", "serve", "--state", str(tmp_path), "--logs", str(tmp_path / "logs"), "--listen"]
    assert main([*words, "7380"]) == 2
    assert main(["evidence", "verify", str(tmp_path), "--key", str(log.KEY.verifier())]) == 4
    assert "[env.io]" in capsys.readouterr().err
    assert main(["evidence", "verify", str(tmp_path / "none"), "--format", "json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "input.file"
    monkeypatch.setattr("aurora.evidence.schema", lambda: 1 / 0)
    assert main(["evidence", "schema"]) == 4
    assert "internal error: ZeroDivisionError" in capsys.readouterr().err


def test_evidence_is_judged_under_the_key_that_is_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "fork.json"
    file.write_bytes(Evidence(log.ORIGIN, (log.note(3), log.note(3, "x"))).format())
    key = ["--key", str(log.KEY.verifier())]
    assert main(["evidence", "verify", str(file), *key]) == 0
    assert f"{log.ORIGIN} forked: it signed two trees of size 3" in capsys.readouterr().out
    assert main(["evidence", "verify", str(file), *key, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "forked"
    assert main(["evidence", "verify", str(file)]) == 3
    assert "[evidence.no-key]" in capsys.readouterr().err
    assert main(["evidence", "verify", str(file), "--key", "x"]) == 2
    file.write_bytes(Evidence(log.ORIGIN, (log.note(3), log.note(3))).format())
    assert main(["evidence", "verify", str(file), *key]) == 1
    assert main(["evidence", "schema"]) == 0


def test_a_witness_shows_what_it_knows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from aurora.witness import request
    from aurora.witness.request import Submission

    state = log.fresh(tmp_path / "w")
    for body in (log.step(0, 3), log.step(3, 3, branch="x"), log.step(3, 5, branch="x")):
        asked = request.read(body, log.LOGS)
        assert isinstance(asked, Submission)
        state.submit(asked)
    state.close()
    assert main(["witness", "status", "--state", str(tmp_path / "w"), "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["sizes"], said["forks"], said["unproven"]) == ({log.ORIGIN: 3}, 1, 1)
    assert main(["witness", "evidence", "--state", str(tmp_path / "w"), "--to", str(tmp_path / "e")]) == 0
    (fork,) = (tmp_path / "e").glob("fork-*.json")
    assert main(["evidence", "verify", str(fork), "--key", str(log.KEY.verifier())]) == 0
