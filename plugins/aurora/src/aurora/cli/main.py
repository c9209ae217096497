"""The program: which commands there are, and the one place where a failure becomes a sentence and an exit status."""

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

import click

from aurora import __version__
from aurora.words import escaped
from remembrancer.errors import EnvironmentTrouble, RemembrancerError

COMMANDS = {
    "witness": ("aurora.cli.witness:witness", "Cosign the checkpoints of others' logs, and keep what contradicts."),
    "mirror": ("aurora.cli.mirror:mirror", "Copy a log to a folder or an object store, and never backwards."),
    "log": ("aurora.cli.orglog:log", "One log over the checkpoints of many repositories."),
    "peer": ("aurora.cli.peers:peer", "Other teams' ledgers that this repository takes in."),
    "sync": ("aurora.cli.peers:sync", "Audit the peers, and take in what they recorded."),
    "query": ("aurora.cli.peers:query", "Ask what the peers recorded."),
    "evidence": ("aurora.cli.evidence:evidence", "Judge evidence that a log forked, offline."),
    "fleet": ("aurora.cli.fleet:fleet", "See and keep many services that were made from one template."),
}
REPORT_SCHEMA = "https://vaultmesh.cloud/schema/aurora-report/v1"


class Lazy(click.Group):
    """A group over a table, command name to (`module:attribute`, one line of help); imports what is called."""

    def __init__(self, *, table: dict[str, tuple[str, str]], **attributes: Any) -> None:
        super().__init__(**attributes)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the table's order."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command, None for a name that is not in the table."""
        if cmd_name not in self.table:
            return None
        module, attribute = self.table[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.table.items()])


@click.group(
    cls=Lazy,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: aurora evidence verify fork.json --key VKEY\n\n"
    "Exit status: 0 verified, 1 failed, 2 usage or refused, 3 unverifiable, 4 environment.",
)
@click.version_option(__version__, prog_name="aurora", message="%(prog)s %(version)s")
def program() -> None:
    """See the logs of others, and let others see yours."""


class _Terminated(BaseException):
    """Somebody asked this process to end; no handler on the way may take this for something else."""


@contextmanager
def _ended_cleanly() -> Iterator[None]:
    """Let SIGTERM end what is done in the block as Ctrl-C does: what it began is ended, and what it made is removed."""

    def ring(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)  # once is enough: what follows cleans up
        raise _Terminated

    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, ring)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status; every failure is one sentence, never a traceback.

    Takes the arguments without the program's name (default: the process's own).
    """
    args = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with _ended_cleanly():
            status = program.main(args, prog_name="aurora", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        print("aurora: interrupted", file=sys.stderr)
        return 130
    except _Terminated:
        print("aurora: terminated", file=sys.stderr)
        return 143
    except Exception as error:  # noqa: BLE001 - the promise is: no traceback for any input
        return report(error, args)
    return status if isinstance(status, int) else 0


def report(error: Exception, arguments: Sequence[str]) -> int:
    """Print a failure for people (stderr) or, with `--format json`, for programs (stdout); returns the exit status."""
    known = _known(error)
    remedy = known.remedy or _remedy(known.code)
    if "--format=json" in arguments or ("--format", "json") in pairwise(arguments):
        said = {"code": known.code, "message": known.message, "remedy": remedy}
        print(json.dumps({"schema": REPORT_SCHEMA, "exitCode": known.exit_code, "error": said}, indent=2))
    else:
        print(f"aurora: {escaped(known.message)} [{known.code}]", file=sys.stderr)
        if remedy:
            print(f"  {escaped(remedy)}", file=sys.stderr)
    return known.exit_code


def emit(data: dict[str, Any], output: str, *lines: str) -> None:
    """Print a result: the lines for people, or the data for programs."""
    if output == "json":
        print(json.dumps({"schema": REPORT_SCHEMA, "exitCode": 0, **data}, indent=2))
        return
    for line in lines:
        print(escaped(line))


def _known(error: Exception) -> RemembrancerError:
    if isinstance(error, RemembrancerError):
        return error
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return EnvironmentTrouble("env.io", f"{where}{error.strerror or error}")
    return EnvironmentTrouble("env.internal", f"internal error: {type(error).__name__}: {str(error)[:200]}")


def _remedy(code: str) -> str:
    from aurora import reasons as own
    from remembrancer import reasons as shared

    reason = own.REASONS.get(code) or shared.REASONS.get(code)
    return reason.remedy if reason else ""


shown = click.option(
    "--format", "output", type=click.Choice(["text", "json"]), default="text", help="Output for people or programs."
)


def logs_option(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option --logs of a command: a tlog-policy file, whose lines mean what `what` says."""
    return click.option("--logs", type=click.Path(path_type=Path), required=True, metavar="FILE", help=what)
