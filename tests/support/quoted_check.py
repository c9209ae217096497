"""What is wrong with a quoted command, judged by the program itself: its parser, its help, its dry run."""

import functools
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click

from aurora.cli.main import program as aurora
from remembrancer.cli.main import program as remembrancer

# Programs that need a cluster, a cloud, a daemon, a network or a key: what the documents may ask of them.
# Program: subcommand ("" for none): its options. Anything else is refused, so each use is looked up once and listed.
LISTED: dict[str, dict[str, set[str]]] = {
    "docker": {"build": {"-t"}, "compose": {"--build"}},
    "trivy": {"image": set()},
    "eksctl": {
        "create": {"-f", "--approve"},
        "scale": {"--cluster", "--region", "--name", "--nodes-min", "--nodes-max"},
        "upgrade": {"-f", "--approve"},
    },
    "helm": {"upgrade": {"--install", "--repo", "--namespace", "--set"}, "list": {"--namespace"}},
    "aws": {
        "acm": {"--region", "--domain-name", "--subject-alternative-names", "--validation-method"},
        "cloudformation": {"--region", "--stack-name", "--template-file", "--parameter-overrides"},
        "ec2": {"--region", "--filters", "--query", "--output"},
        "eks": {"--name", "--region", "--query", "--output"},
        "elbv2": set(),
        "secretsmanager": {"--region", "--name", "--secret-string"},
    },
    "openssl": {"ts": {"-verify", "-reply", "-text", "-in", "-data", "-queryfile", "-CAfile"}},
    "gpg": {
        "": {
            "--homedir",
            "--quiet",
            "--import",
            "--verify",
            "--export",
            "--armor",
            "--list-secret-keys",
            "--quick-set-expire",
        }
    },
    "gpgv": {"": {"--keyring"}},
    "curl": {"": {"-s", "-X", "-H", "-d"}},
    "pip": {"install": {"--require-hashes", "--only-binary", "--requirement", "--no-deps"}},
    "pipx": {"install": set()},
}
# Programs of every Unix and parts of the shell; their options are POSIX's or GNU's and BSD's own.
PLAIN = {"cd", "echo", "exit", "export", "false", "true", "test", "[", "read", "set", "printf"}
PLAIN |= {
    "cat",
    "cp",
    "cut",
    "diff",
    "grep",
    "head",
    "ls",
    "mkdir",
    "mktemp",
    "mv",
    "rm",
    "sed",
    "sleep",
    "sort",
    "tail",
}
PLAIN |= {"touch", "tr", "wc", "sha256sum", "tar"}
KUBECTL_GLOBAL = {"-n", "-h", "--help"}
# What git's own help leaves to the manual page of rev-list.
REVISIONS = {"--oneline", "--follow", "-p", "-n"}
# Where programs are asked whose help is the same in every repository, so that each is asked once.
HERE = Path(__file__).parent


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, with the development environment's programs first on the PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = os.environ | {"PATH": path, "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


@functools.cache
def help_of(folder: Path, *command: str) -> tuple[int, str]:
    """Exit status and text of a command's help."""
    done = run(folder, *command)
    return done.returncode, done.stdout + done.stderr


def options(words: tuple[str, ...]) -> list[str]:
    """The options among words, without their values; what follows a -- is none."""
    given = words[: words.index("--")] if "--" in words else words
    return [word.partition("=")[0] for word in given if re.match(r"--?[A-Za-z]", word)]


def unknown(given: list[str], text: str) -> str | None:
    """Name the first option that a help text, or a script's own text, does not have as a word."""
    for option in given:
        if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text):
            return f"no option {option}"
    return None


@functools.cache
def problem(words: tuple[str, ...], root: Path) -> str | None:
    """Return what is wrong with a command in a repository at `root`, or None."""
    program, rest = words[0].removeprefix("~/auditor/bin/").removeprefix(".venv/bin/"), words[1:]
    if "/" in program:
        return of_path(program, rest, root)
    if program in PROGRAMS:
        return PROGRAMS[program](rest, root)
    if program in LISTED:
        return of_listed(program, rest, root)
    if program in PLAIN:
        return None
    return f"unknown command {program}"


def of_path(program: str, rest: tuple[str, ...], root: Path) -> str | None:
    """A program of the repository: it is there, can be run, and knows these options."""
    path = root / program
    if path.is_dir() and not rest:
        return None
    if not path.is_file():
        return f"no file {program}"
    if not os.access(path, os.X_OK):
        return f"{program} cannot be run"
    if path.name in {"aurora", "remembrancer"}:
        return PROGRAMS[path.name](rest, root)
    text = path.read_text(encoding="utf-8")
    library = path.parent.parent / "lib" / f"{path.name.replace('-', '_')}.py"
    text += library.read_text(encoding="utf-8") if library.is_file() else ""
    if "spawn.py" in text or "python.sh" in text:
        status, text = help_of(root, str(path), "--help")
        if status:
            return f"{program} --help ends with {status}"
    return unknown(options(rest), text)


def of_make(rest: tuple[str, ...], root: Path) -> str | None:
    """Every target has a rule, by make's own dry run, and every variable is one that the makefiles read."""
    targets = [word for word in rest if "=" not in word and not word.startswith("-")]
    makefiles = [
        path
        for name in ("Makefile", "ops/release.mk", "ops/settings.mk", "ops/database.mk")
        if (path := root / name).is_file()
    ]
    scripts = list(root.glob("ops/bin/*")) if (root / "ops/release.mk").is_file() else []
    text = "".join(path.read_text(encoding="utf-8") for path in [*makefiles, *scripts])
    for word in rest:
        if "=" in word and not re.search(rf"(?<!\w){re.escape(word.partition('=')[0])}(?!\w)", text):
            return f"no variable {word.partition('=')[0]}"
    if "-f" in rest:
        targets = [word for word in targets if word != rest[rest.index("-f") + 1]]
    for target in targets:
        if not re.search(rf"(?m)^{re.escape(target)}:", text):
            return f"no target {target}"
    done = run(root, "make", "-n", *rest)
    return None if done.returncode == 0 else f"make -n ends with {done.returncode}: {done.stderr.strip()}"


def of_remembrancer(rest: tuple[str, ...], _root: Path) -> str | None:
    """The Remembrancer's own parser reads it."""
    return of_click(remembrancer, "remembrancer", rest)


def of_aurora(rest: tuple[str, ...], _root: Path) -> str | None:
    """Aurora's own parser reads it."""
    return of_click(aurora, "aurora", rest)


def of_click(command: click.Command, name: str, rest: tuple[str, ...]) -> str | None:
    """Walk the groups down to the command and let its own parser read the options."""
    context = click.Context(command, info_name=name, **command.context_settings)
    words = list(rest)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            return f"no command {words[0]}"
        context = click.Context(found, info_name=words.pop(0), parent=context)
        command = found
    try:
        _, left, _ = command.make_parser(context).parse_args(words)
    except click.UsageError as error:
        # Prose names a command without its arguments; whether they are there is the tours' matter.
        return None if isinstance(error, click.MissingParameter) else error.format_message()
    return f"too many words: {' '.join(left)}" if left else None


def of_copier(rest: tuple[str, ...], root: Path) -> str | None:
    """The subcommand exists, and its help has the options."""
    status, text = help_of(HERE, sys.executable, "-m", "copier", rest[0], "--help")
    if status or f" {rest[0]} " not in text.splitlines()[0]:
        return f"no command {rest[0]}"
    return unknown(options(rest[1:]), text)


def of_git(rest: tuple[str, ...], root: Path) -> str | None:
    """The subcommand exists (its -h ends with 129), and knows the options."""
    status, text = help_of(HERE, "git", rest[0], "-h")
    if status != 129:
        return f"no command {rest[0]}"
    given = [option for option in options(rest[1:]) if rest[0] != "log" or option not in REVISIONS]
    # Help names an option once for both of its senses: --[no-]edit, or --edit.
    return unknown([re.sub(r"^--no-", "--", one) for one in given], re.sub(r"--(?:\[no-\]|no-)", "--", text))


def of_kubectl(rest: tuple[str, ...], root: Path) -> str | None:
    """The subcommand exists, its help or the global one has the options, and overlays and files are there."""
    words = list(rest)
    if words[:1] == ["-n"]:
        words = words[2:]
    depth = 2 if words[0] in {"rollout", "create"} or words[1:2] == ["edit-last-applied"] else 1
    names = words[:depth] if words[:2] != ["create", "secret"] else words[:3]
    status, text = help_of(HERE, "kubectl", *names, "--help")
    if status or "Usage:" not in text or f"kubectl {' '.join(names)} " not in text.split("Usage:")[1]:
        return f"no command {' '.join(names)}"
    given = [option for option in options(tuple(words)) if option not in KUBECTL_GLOBAL]
    # Prose may name a flag without its value.
    values = dict(itertools.pairwise(words))
    for flag in ("-k", "-f"):
        if values.get(flag, "-") != "-" and not (root / values[flag]).exists():
            return f"no file {values[flag]}"
    folder = values.get("kustomize" if names == ["kustomize"] else "-k")
    if folder is not None and (done := run(root, "kubectl", "kustomize", folder)).returncode:
        return f"kubectl kustomize {folder}: {done.stderr.strip()}"
    # The help writes an option as "-x, --long=default:".
    return unknown(given, text.replace("=", " ").replace(":", " "))


def of_python(rest: tuple[str, ...], root: Path) -> str | None:
    """A module that can be found, or a script that is there."""
    if rest[:1] == ("-m",):
        found = run(
            root, sys.executable, "-c", "import sys, importlib.util as u; u.find_spec(sys.argv[1]) or exit(1)", rest[1]
        )
        return None if found.returncode == 0 else f"no module {rest[1]}"
    if not rest or rest[0] in {"-", "-c", "--version"} or (root / rest[0]).is_file():
        return None
    return f"no file {rest[0]}"


def of_listed(program: str, rest: tuple[str, ...], root: Path) -> str | None:
    """A program that does not run here: subcommand and options are in the list, files that it names are there."""
    known = LISTED[program]
    subcommand = "" if "" in known else next(iter(rest), "")
    if subcommand not in known:
        return f"{program} {subcommand} is not in the list of tests/support/quoted_check.py"
    given = [option for option in options(rest) if option not in known[subcommand]]
    if given:
        return f"{program} {subcommand}: option {given[0]} is not in the list of tests/support/quoted_check.py"
    named = [word for word in rest if re.match(r"\.?/?(?:ops|plugins|app|docs)/", word)]
    missing = [word for word in named if not (root / word).exists()]
    return f"no file {missing[0]}" if missing else None


PROGRAMS: dict[str, Callable[[tuple[str, ...], Path], str | None]] = {
    "aurora": of_aurora,
    "copier": of_copier,
    "git": of_git,
    "kubectl": of_kubectl,
    "make": of_make,
    "python": of_python,
    "python3": of_python,
    "remembrancer": of_remembrancer,
}
