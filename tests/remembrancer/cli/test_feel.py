"""How the program feels on a terminal: it fits, it is plain where that is wanted, it completes and suggests."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cli_support import ARTIFACT, Scratch, end_agents, released
from terminal import PROGRAM, terminal
from terminal_capture import PICTURE, picture, screen

RECEIPT = "ops/receipts/deploy/my-svc-0.1.0.receipt"
WIDTH = 62
WRITTEN = ("--context", "A. " * 60, "--decision", "B.", "--consequences", "C.", "--verification", "`make`")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(scope="module")
def scratch() -> Iterator[Scratch]:
    made = released()
    made.ok("adr", "create", "Use PostgreSQL for everything that has to be remembered for longer than a day", *WRITTEN)
    made.ok("adr", "accept", "1")
    yield made
    end_agents(made)
    made.remove()


COMMANDS = [
    ("--help",),
    ("record", "deploy", "--help"),
    ("list", "deployments"),
    ("list", "receipts"),
    ("list", "adrs"),
    ("timeline", "-v"),
    ("receipt", RECEIPT),
    ("status",),
    ("verify-full", ARTIFACT),
    ("verify-audit",),
    ("query", "why postgres?"),
    ("trust", "show"),
    ("receipt", "ops/receipts/deploy/there-is-no-such-receipt-here-and-its-name-is-long-1.0.0.receipt"),
    ("record", "deploy", "--component", "my-svc", "--version", "0.1.0", "--evidence", RECEIPT),
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda words: " ".join(words[:3])[:40])
def test_nothing_is_wider_than_the_terminal(scratch: Scratch, arguments: tuple[str, ...]) -> None:
    shown = ESCAPES.sub("", terminal(scratch, *arguments, width=WIDTH))
    assert shown.strip()
    lines = [line.rpartition("\r")[2] for line in shown.split("\n")]
    assert [line for line in lines if len(line) > WIDTH] == []


@pytest.mark.parametrize("width", [80, 100, 132])
def test_no_fingerprint_and_no_time_of_a_verdict_is_broken(scratch: Scratch, width: int) -> None:
    """A terminal has 80 columns until somebody makes it wider, and people copy fingerprints."""
    report = scratch.json("verify-full", ARTIFACT).report
    shown = ESCAPES.sub("", terminal(scratch, "verify-full", ARTIFACT, width=width))
    for finding in report["findings"]:
        assert re.search(rf"(?m)^(PASS  )?{finding['check']} ", shown), finding["check"]
        for known in ("who", "when"):
            assert finding["details"].get(known, "") in shown, (finding["check"], known)
    assert ("proof" in shown.splitlines()[0]) == (width == 132)


def test_no_color(scratch: Scratch) -> None:
    assert "\x1b[32m" in terminal(scratch, "verify-full", ARTIFACT, width=WIDTH)
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", terminal(scratch, "verify-full", ARTIFACT, width=WIDTH, NO_COLOR="1"))
    piped = scratch.run("verify-full", ARTIFACT)
    assert "\x1b" not in piped.out + piped.err


OUTPUTS = [("verify-full", ARTIFACT), ("status", "--format", "json"), ("completion", "bash"), ("--help",)]


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["at the end", "at once"])
@pytest.mark.parametrize("arguments", OUTPUTS, ids=lambda words: words[0])
def test_output_that_nobody_takes_is_trouble_and_no_verdict(
    scratch: Scratch, arguments: tuple[str, ...], unbuffered: str
) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    for output, said in ((os.fdopen(theirs, "w"), ""), (open("/dev/full", "w"), "[env.io]")):  # noqa: PTH123, SIM115
        with output:
            done = subprocess.run(
                [*PROGRAM, *arguments],
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                cwd=scratch.root,
                env=scratch.environment(PYTHONUNBUFFERED=unbuffered),
            )
        assert done.returncode == 4
        assert said in done.stderr if said else done.stderr == ""
        assert "Exception" not in done.stderr


def test_it_is_named_as_it_was_called(scratch: Scratch) -> None:
    """A service has it as ops/bin/remembrancer, and what people are told to run has to be there."""
    called = {"REMEMBRANCER_CALLED": "../ops/bin/remembrancer"}
    assert "`../ops/bin/remembrancer list adrs`" in scratch.run("query", "flurbgrok", **called).out
    assert "    ../ops/bin/remembrancer seal\n" in scratch.run("seal", "--help", **called).out
    assert "'../ops/bin/remembrancer --help'" in scratch.run("sael", **called).err
    assert "_REMEMBRANCER_COMPLETE=bash_complete" in scratch.run("completion", "bash", **called).out
    assert "../ops" not in scratch.run("verify-full", "none", "--format", "json", **called).out
    spaced = scratch.run("query", "flurbgrok", REMEMBRANCER_CALLED="/a b/remembrancer").out
    assert "`'/a b/remembrancer' list adrs`" in spaced


def test_a_letter_that_the_encoding_lacks(scratch: Scratch) -> None:
    scratch.ok("adr", "create", "Größer ☃", *WRITTEN)
    done = subprocess.run(
        [*PROGRAM, "list", "adrs"],
        capture_output=True,
        check=False,
        cwd=scratch.root,
        env=scratch.environment(PYTHONIOENCODING="latin-1", LC_ALL="C", PYTHONUTF8="0"),
    )
    assert (done.returncode, b"Gr\xf6\xdfer \\u2603" in done.stdout) == (0, True), done.stdout


def complete(scratch: Scratch, line: str) -> list[str]:
    env = scratch.environment(
        _REMEMBRANCER_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(line.split(" ")) - 1)
    )
    program = [sys.executable, "-c", "from remembrancer.cli import main; main()"]
    done = subprocess.run(program, env=env, cwd=scratch.root, capture_output=True, text=True, check=True)
    return [row.partition(",")[2] for row in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("remembrancer veri", "verify-full"),
        ("remembrancer list dep", "deployments"),
        ("remembrancer adr sup", "supersede"),
        ("remembrancer timeline --en", "--environment"),
        ("remembrancer list --", "--help"),
    ],
)
def test_a_shell_completes(scratch: Scratch, line: str, found: str) -> None:
    assert found in complete(scratch, line)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script(scratch: Scratch, shell: str) -> None:
    done = scratch.run("completion", shell)
    assert done.status == 0
    assert f"_REMEMBRANCER_COMPLETE={shell}_complete" in done.out
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=done.out, text=True, check=True)


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("verfy-full", ARTIFACT), "verify-full"),
        (("list", "deployment"), "deployments"),
        (("timelin",), "timeline"),
        (("help",), "'--help'"),
        (("version",), "'--version'"),
        (("list", "help"), "'--help'"),
        (("adr", "acept", "1"), "accept"),
        (("list", "receipts", "--kindd", "sign"), "--kind"),
    ],
)
def test_what_is_mistyped_gets_a_suggestion(scratch: Scratch, arguments: tuple[str, ...], meant: str) -> None:
    done = scratch.run(*arguments)
    assert done.status == 2
    assert meant in done.err


def test_the_picture_in_the_documents_shows_what_a_terminal_shows() -> None:
    scratch = released()
    try:
        shown, kept = picture(screen(scratch)), PICTURE.read_text(encoding="utf-8")
    finally:
        end_agents(scratch)
        scratch.remove()
    words = [re.findall(r">(\$[^<]+|[a-z-]+|PASS|FAIL|VERIFIED[^<]{9}|FAILED[^<]{9})<", one) for one in (shown, kept)]
    assert words[0] == words[1], "run: PYTHONPATH=tests/support .venv/bin/python tools/terminal_capture.py"
    assert words[1].count("PASS") > words[1].count("FAIL") == 3
    assert set(re.findall(r"https?://[^ \"<]+", kept)) <= {"http://www.w3.org/2000/svg", "https://www.textualize.io"}
