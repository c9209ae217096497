"""The command groups: tables of their commands, nothing else."""

import click

from remembrancer.cli.lazy import LazyGroup


@click.group(
    cls=LazyGroup,
    table={
        "deploy": ("remembrancer.cli.record:deploy", "This digest is this version of a component."),
        "spawn": ("remembrancer.cli.generation:spawn", "The repository was generated (a missed receipt)."),
        "update": ("remembrancer.cli.generation:update", "The template was updated (a missed receipt)."),
        "rollback": ("remembrancer.cli.record:rollback", "An environment went back to a recorded version."),
        "waiver": ("remembrancer.cli.waiver:waiver", "A file may differ from its standard for a while."),
    },
    epilog="Example: remembrancer record deploy --component my-svc --version 1.0.0",
)
def record() -> None:
    """Record an event as a receipt."""


@click.group(
    cls=LazyGroup,
    table={"update": ("remembrancer.cli.undo:update", "The newest update of the template, committed or sealed.")},
    epilog="Example: remembrancer undo update",
)
def undo() -> None:
    """Take an event back, with another event on the record."""


@click.group(
    cls=LazyGroup,
    table={
        "show": ("remembrancer.cli.trust:show", "Show the policy and whether it is trusted here."),
        "pin": ("remembrancer.cli.trust:pin", "Trust an owner's fingerprint from now on."),
        "unpin": ("remembrancer.cli.trust:unpin", "Trust an owner's fingerprint no longer."),
        "forget": ("remembrancer.cli.trust:forget", "Forget what was seen of a log, and say what that means."),
        "export": ("remembrancer.cli.trust:export", "Write one file with all that an auditor trusts by."),
        "add": ("remembrancer.cli.trust_change:add", "Add a signer, an authority or a witness to the policy."),
        "revoke": ("remembrancer.cli.trust_change:revoke", "End a signer or an authority."),
        "renew": ("remembrancer.cli.trust_change:renew", "Take over a new certificate of a listed key."),
        "rotate": ("remembrancer.cli.trust_change:rotate", "Change to another log key."),
        "require": ("remembrancer.cli.trust_change:require", "Require more signatures and timestamps from now on."),
        "quorum": ("remembrancer.cli.trust_change:quorum", "Require that witnesses have cosigned the ledger."),
    },
    epilog="Example: remembrancer trust pin 0123456789ABCDEF0123456789ABCDEF01234567",
)
def trust() -> None:
    """Show, pin and change whom this repository trusts."""


@click.group(
    cls=LazyGroup,
    table={
        "create": ("remembrancer.cli.adr:create", "Write a draft with the next free number."),
        "import": ("remembrancer.cli.adr:import_", "Bring in decisions of MADR or adr-tools form."),
        "list": ("remembrancer.cli.lists:adr_list", "Every architecture decision record."),
        "accept": ("remembrancer.cli.adr:accept", "Record that a decision is taken."),
        "reject": ("remembrancer.cli.adr:reject", "Record that a proposal is turned down."),
        "supersede": ("remembrancer.cli.adr:supersede", "Record that a decision is replaced."),
        "renumber": ("remembrancer.cli.adr:renumber", "Give one of two with the same number another one."),
    },
    epilog='Example: remembrancer adr create "Use PostgreSQL for orders"',
)
def adr() -> None:
    """Architecture decision records: drafted, decided, and bound by receipts."""


@click.group(
    "list",
    cls=LazyGroup,
    table={
        "deployments": ("remembrancer.cli.lists:deployments", "Every recorded version, newest first."),
        "adrs": ("remembrancer.cli.lists:adrs", "Every architecture decision record."),
        "receipts": ("remembrancer.cli.lists:receipts", "Every receipt."),
    },
    epilog="Example: remembrancer list deployments --format json",
)
def list_() -> None:
    """List what is recorded."""


@click.group(
    cls=LazyGroup,
    table={
        "check-receipts": ("remembrancer.hooks.commands:check_receipts", "Receipts are whole, and only added to."),
        "check-ledger": ("remembrancer.hooks.commands:check_ledger", "The ledger continues the committed one."),
        "check-adr": ("remembrancer.hooks.commands:check_adr", "Decisions have their form and their recorded text."),
        "commit-msg-format": ("remembrancer.hooks.commands:commit_msg_format", "[component] type: description."),
        "no-conflict-markers": ("remembrancer.hooks.commands:no_conflict_markers", "No half-merged file."),
        "pre-commit": ("remembrancer.hooks.commands:pre_commit", "The first three in one go."),
    },
    epilog="Example: remembrancer hook pre-commit",
)
def hook() -> None:
    """Checks of what is about to be committed; they need no network, and cost nothing that grows with the ledger."""


@click.group(
    cls=LazyGroup,
    table={"serve": ("remembrancer.cli.tsa:serve", "Answer RFC 3161 requests over HTTP with throw-away keys.")},
    epilog="Example: remembrancer tsa serve --port 3161",
)
def tsa() -> None:
    """Run a development timestamp authority."""
