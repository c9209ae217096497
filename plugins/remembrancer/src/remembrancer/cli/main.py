"""The program: which commands there are, and the one place where a failure becomes a sentence and an exit status."""

import io
import os
import sys
import warnings
from collections.abc import Sequence

import click

from remembrancer import __version__
from remembrancer.cli.lazy import LazyGroup, called

COMMANDS = {
    "init": ("remembrancer.cli.init:init", "Begin a ledger: throw-away development trust, or production."),
    "record": ("remembrancer.cli.groups:record", "Record an event: deploy, spawn, update, rollback."),
    "undo": ("remembrancer.cli.groups:undo", "Take an update of the template back, on the record."),
    "sign": ("remembrancer.cli.sign:sign", "Sign an artifact with OpenPGP and record the signature."),
    "timestamp": ("remembrancer.cli.sign:timestamp", "Get an RFC 3161 timestamp of an artifact and record it."),
    "seal": ("remembrancer.cli.seal:seal", "Put pending receipts into the ledger and sign its checkpoint."),
    "witness": ("remembrancer.cli.witness:witness", "Ask witnesses to cosign the published ledger."),
    "set-aside": ("remembrancer.cli.aside:set_aside", "Take a receipt that cannot be sealed out, on the record."),
    "verify": ("remembrancer.cli.verify:verify", "Is this artifact recorded and in the ledger?"),
    "verify-full": ("remembrancer.cli.verify:verify_full", "All proofs of an artifact: hash, signature, time, ledger."),
    "verify-audit": ("remembrancer.cli.audit:verify_audit", "Re-read and recompute everything in the ledger."),
    "verify-signature": ("remembrancer.cli.one_proof:verify_signature", "One OpenPGP signature under explicit trust."),
    "verify-timestamp": ("remembrancer.cli.one_proof:verify_timestamp", "One RFC 3161 token under explicit trust."),
    "export-proof": (
        "remembrancer.cli.portable:export_proof",
        "Write one file that proves an artifact to an outsider.",
    ),
    "verify-proof": ("remembrancer.cli.portable:verify_proof", "Check such a file, without repository or network."),
    "trust": ("remembrancer.cli.groups:trust", "Show, pin and change whom this repository trusts."),
    "drift": ("remembrancer.cli.drift:drift", "Which standard built this repository, and is it unmodified?"),
    "query": ("remembrancer.cli.query:query", "Ask in plain words: why did we choose postgres?"),
    "why": ("remembrancer.cli.why:why", "What touched this file or component, and is it sealed?"),
    "list": ("remembrancer.cli.groups:list_", "List deployments, adrs or receipts."),
    "adr": ("remembrancer.cli.groups:adr", "Draft, import, accept, reject and supersede decisions."),
    "timeline": ("remembrancer.cli.timeline:timeline", "What happened here, oldest first."),
    "receipt": ("remembrancer.cli.receipt:receipt", "Show one receipt, and judge whether it is in the ledger."),
    "mcp": ("remembrancer.mcp.command:mcp", "Answer assistants over the Model Context Protocol, read-only."),
    "hook": ("remembrancer.cli.groups:hook", "The checks that run before a commit."),
    "status": ("remembrancer.cli.status:status", "Show origin, profile, ledger size and what is pending."),
    "completion": ("remembrancer.cli.completion:completion", "Print what a shell needs to complete commands."),
    "tsa": ("remembrancer.cli.groups:tsa", "Run a development timestamp authority."),
}

_COMPLETE = "_REMEMBRANCER_COMPLETE"


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: remembrancer verify-full dist/my-svc-1.0.0.tar.gz\n\nExit status: 0 verified, 1 failed, "
    "2 usage or refused, 3 unverifiable, 4 environment.",
)
@click.version_option(__version__, prog_name="remembrancer", message="%(prog)s %(version)s")
def program() -> None:
    """Record what happened to a service, and prove it offline."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status; every failure is one sentence, never a traceback.

    Takes the arguments without the program's name (default: the process's own).
    """
    args = list(sys.argv[1:] if arguments is None else arguments)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # what a library tells developers, it does not tell the user of a program
    if args:  # a shell that completes gives none; with some, the variable would turn any verdict into exit status 0
        os.environ.pop(_COMPLETE, None)
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")  # closed by whoever called us
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a letter that the terminal's encoding lacks is no trouble
    try:
        status = program.main(args, prog_name=called(), complete_var=_COMPLETE, standalone_mode=False)
        sys.stdout.flush()  # output that cannot be written is a failure of ours, not one of the interpreter's end
    except click.ClickException as error:
        from remembrancer.cli.trouble import usage

        return usage(error, args)
    except (click.Abort, KeyboardInterrupt):
        print("remembrancer: interrupted", file=sys.stderr)
        return 130
    except SystemExit as error:
        if error.code != 1:
            raise
        return _without_a_reader()  # click's own answer to a closed pipe is 1, which is a verdict here
    except BrokenPipeError:
        return _without_a_reader()
    except Exception as error:  # noqa: BLE001 - the promise is: no traceback for any input
        from remembrancer.cli.trouble import report

        try:
            status = report(error, () if _gave_up_output() else args)  # what can be told on stderr alone is text
        except OSError:
            status = report(error, ())
    return status if isinstance(status, int) else 0


def _without_a_reader() -> int:
    """Return the status of a program whose reader went away before the end, as `head` does."""
    _gave_up_output()
    return 4


def _gave_up_output() -> bool:
    """Let output that cannot be written go nowhere, so that the interpreter does not complain about it at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False
