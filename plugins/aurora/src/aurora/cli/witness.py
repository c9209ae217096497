"""`aurora witness`: begin one, serve it, and show what it knows."""

from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurora.cli.main import Lazy, emit, logs_option, shown
from remembrancer.errors import BadInput

if TYPE_CHECKING:
    from remembrancer.tlog import SignerKey

TYPES = {"ml-dsa-44": 0x06, "ed25519": 0x04}


@click.group(
    cls=Lazy,
    table={
        "init": ("aurora.cli.witness:init", "Make the keys and the database of a new witness."),
        "serve": ("aurora.cli.witness:serve", "Answer submissions of logs over HTTP."),
        "keys": ("aurora.cli.once:keys", "Make keys for a witness without a server."),
        "once": ("aurora.cli.once:once", "Fetch logs from Git and cosign them, without a server."),
        "collect": ("aurora.cli.once:collect", "Take cosignatures from a witness's Git repository."),
        "status": ("aurora.cli.witness:status", "Show its keys and the newest checkpoint of each log."),
        "check": ("aurora.cli.witness:check", "Does its database know all that it cosigned?"),
        "evidence": ("aurora.cli.witness:evidence", "Write out what contradicted a checkpoint that it cosigned."),
    },
    epilog="Example: aurora witness init --state ./witness --name witness.example.org/w1",
)
def witness() -> None:
    """Cosign what provably extends what was cosigned before, by c2sp.org/tlog-witness."""


folder = click.option(
    "--state", "state", type=click.Path(path_type=Path), required=True, metavar="DIR", help="The witness's own folder."
)


name_option = click.option(
    "--name", required=True, help="A URL without its scheme that names the witness, such as example.org/w1."
)
types_option = click.option(
    "--type",
    "types",
    type=click.Choice(list(TYPES)),
    multiple=True,
    default=tuple(TYPES),
    show_default=True,
    help="The kinds of cosignatures that it makes; the first is the specification's choice for new witnesses.",
)


def generate(name: str, types: tuple[str, ...]) -> "list[SignerKey]":
    """Return new keys of these types. Raises BadInput(input.field)."""
    from remembrancer.tlog import NoteError, SignerKey

    try:
        return [SignerKey.generate(name, TYPES[one]) for one in dict.fromkeys(types)]
    except NoteError as error:
        raise BadInput("input.field", f"{error}", "A name has no spaces and no plus sign.") from None


@click.command(epilog="Example: aurora witness init --state ./witness --name witness.example.org/w1")
@folder
@name_option
@types_option
@shown
def init(state: Path, name: str, types: tuple[str, ...], output: str) -> None:
    """Make a witness: keys, and a database that remembers what it cosigned. Prints the public keys."""
    from aurora.witness.state import State

    keys = generate(name, types)
    State.create(state, keys)
    public = [str(key.verifier()) for key in keys]
    emit({"keys": public}, output, *public)


@click.command(epilog="Example: aurora witness serve --state ./witness --logs logs.txt --listen 127.0.0.1:7380")
@folder
@logs_option("Lines `log <verifier key> [<url>]` (tlog-policy): the logs that it cosigns.")
@click.option("--listen", default="127.0.0.1:7380", show_default=True, metavar="HOST:PORT", help="Port 0: a free one.")
@click.option(
    "--per-minute",
    default=60,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="New checkpoints of one log that are judged in a minute.",
)
def serve(state: Path, logs: Path, listen: str, per_minute: int) -> None:
    """Answer until SIGTERM or Ctrl-C; what is being answered then is finished first.

    Put a proxy with TLS in front of it for everybody but this machine. `/metrics` is for Prometheus, `/health` for
    probes.
    """
    from aurora import logs as known
    from aurora.witness.server import Limits, WitnessServer
    from aurora.witness.state import State
    from remembrancer.clock import SystemClock

    host, colon, port = listen.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit() and len(port) <= 5):
        raise BadInput("input.field", f"--listen is a host and a port, not {listen!r}")
    served = known.read(logs)
    with closing(State.open(state, SystemClock())) as opened:
        server = WitnessServer(opened, served, host.strip("[]"), int(port), Limits(minute=per_minute))
        click.echo(f"listening on {server.url}, {len(served)} log{'' if len(served) == 1 else 's'}")
        server.serve()


@click.command(epilog="Example: aurora witness status --state ./witness --format json")
@folder
@shown
def status(state: Path, output: str) -> None:
    """Show the public keys, and of each log the size that was cosigned last."""
    from aurora.witness.state import State
    from remembrancer.clock import SystemClock

    with closing(State.open(state, SystemClock())) as opened:
        keys, known, kept = [str(key) for key in opened.verifiers], opened.known(), opened.evidence()
    sizes = {one.origin: one.size for one in known}
    forks, unproven, lost = (sum(one.kind == kind for one in kept) for kind in ("fork", "unproven", "lost"))
    lines = [*keys, *(f"{size:>12}  {origin}" for origin, size in sizes.items()), f"forks seen: {forks}"]
    lines += ["it remembers less than it cosigned, and cosigns nothing [witness.lost-state]"] if lost else []
    emit({"keys": keys, "sizes": sizes, "forks": forks, "unproven": unproven, "lost": bool(lost)}, output, *lines)


@click.command(epilog="Example: aurora witness check --state ./witness --logs logs.txt")
@folder
@logs_option("Lines `log <verifier key> <url>` (tlog-policy): the Git repositories that publish the logs.")
@shown
def check(state: Path, logs: Path, output: str) -> None:
    """Look for own cosignatures that the database knows nothing of, as after a backup was restored.

    If there are any, the witness cosigns nothing from then on. Exits with 2 then, with 4 if a log cannot be reached.
    """
    from aurora import logs as known
    from aurora.foreign.snapshot import Snapshot
    from aurora.witness.older import published
    from aurora.witness.state import State
    from remembrancer.clock import SystemClock

    urls = [log.url for log in known.read(logs).values() if log.url]
    if not urls:
        raise BadInput("witness.logs", f"{logs} has no URL, so there is nothing to look at")
    with closing(State.open(state, SystemClock())) as opened:
        for url in urls:
            with Snapshot(url) as source:
                for note in published(source):
                    opened.refuse_older(note)
    emit({"logs": urls}, output, f"nothing newer was cosigned than {state} remembers")


@click.command(epilog="Example: aurora witness evidence --state ./witness --to ./evidence")
@folder
@click.option(
    "--to", "target", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Where the files are written."
)
@shown
def evidence(state: Path, target: Path, output: str) -> None:
    """Write each document to a file; those called fork are judged by `aurora evidence verify`."""
    from aurora.witness.state import State
    from remembrancer.clock import SystemClock

    with closing(State.open(state, SystemClock())) as opened:
        kept = opened.evidence()
    target.mkdir(parents=True, exist_ok=True)
    files = []
    for one in kept:
        path = target / f"{one.kind}-{sha256(one.document).hexdigest()[:16]}.json"
        path.write_bytes(one.document)
        files.append(str(path))
    emit({"files": files}, output, *(files or ["no evidence is kept"]))
