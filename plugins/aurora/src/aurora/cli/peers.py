"""`aurora peer`, `aurora sync`, `aurora query`: what other teams recorded, audited and read-only."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aurora.cli.main import Lazy, emit, shown
from remembrancer.errors import BadInput, RemembrancerError, counted

if TYPE_CHECKING:
    from aurora.mirror.place import Folder
    from aurora.peers.listed import Peer


@click.group(
    cls=Lazy,
    table={
        "add": ("aurora.cli.peers:add", "Audit a team's ledger and list it as a peer."),
        "list": ("aurora.cli.peers:list_", "Show the peers, and how far each was taken in."),
    },
    epilog="Example: aurora peer add payments --url https://git.example.org/payments.git --trust 0123...4567",
)
def peer() -> None:
    """Other teams' ledgers that this repository takes in."""


root_option = click.option(
    "--root", type=click.Path(path_type=Path), default=Path(), metavar="DIR", help="The repository. Default: here."
)


@click.command(
    epilog="Example: aurora peer add payments --url https://git.example.org/payments.git --trust 0123...4567"
)
@click.argument("name")
@click.option("--url", required=True, help="Where the peer's repository is published.")
@click.option(
    "--trust", "owner", required=True, metavar="FPR", help="The fingerprint of its policy's owner, from that person."
)
@click.option("--origin", default="", help="The origin that its log must have. Default: the one that it has now.")
@root_option
@shown
def add(name: str, *, url: str, owner: str, origin: str, root: Path, output: str) -> None:
    """Fetch the peer's repository, audit it under its owner, and list it. Nothing is listed that does not verify."""
    from aurora.peers import listed
    from aurora.peers.sync import origin_of

    fingerprint = "".join(owner.split()).upper().removeprefix("0X")
    one = listed.Peer(name, url, fingerprint, origin)
    found = one._replace(origin=origin_of(one))
    listed.write(root, found)
    emit(found._asdict(), output, f"{name} is a peer: {found.origin}, owner {fingerprint}")


@click.command("list", epilog="Example: aurora peer list --format json")
@root_option
@shown
def list_(root: Path, output: str) -> None:
    """Show each peer's origin, owner and URL, and the size up to which its log was taken in."""
    from aurora.peers import listed
    from remembrancer.ledger.files import claimed

    rows = []
    for one in listed.read(root).values():
        held = listed.place(root).read(f"{one.base}/checkpoint")
        here = claimed(held.data) if held else None
        rows.append({**one._asdict(), "size": here.size if here else 0})
    lines = [f"{row['name']}  {row['origin']}  size {row['size']}  {row['url']}" for row in rows]
    emit({"peers": rows}, output, *(lines or ["there are no peers"]))


@click.command(epilog="Example: aurora sync payments")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@root_option
@shown
def sync(names: tuple[str, ...], *, root: Path, output: str) -> int:
    """Fetch each peer (default: all), audit it under its owner, and take in receipts and decisions that are new.

    What is unsigned, foreign, edited, replaced or replayed is refused with a code, and nothing of it is taken in. So is
    a log that contradicts what another of these peers, or its witness, has seen of it; the evidence is kept. Exits with
    1 then, with 4 if one could not be reached; the others are taken in all the same.
    """
    from aurora.gossip import hear
    from aurora.peers import listed
    from aurora.peers.sync import compare_own
    from aurora.peers.sync import sync as take

    known = listed.read(root)
    for name in names:
        if name not in known:
            raise BadInput("peer.unknown", f"there is no peer {name}")
    rows: list[dict[str, object]] = []
    lines, statuses = [], set()
    chosen = names or tuple(known)
    heard = hear({name: known[name].url for name in chosen})
    try:
        compare_own(root, heard)
    except RemembrancerError as error:
        statuses.add(error.exit_code)
        rows.append({"name": "", "code": error.code, "message": error.message})
        lines.append(f"{error.message} [{error.code}]")
    for name in chosen:
        try:
            done = take(root, known[name], heard)
        except RemembrancerError as error:
            statuses.add(error.exit_code)
            rows.append({"name": name, "code": error.code, "message": error.message})
            lines.append(f"{name}: {error.message.removeprefix(f'{name}: ')} [{error.code}]")
        else:
            rows.append(done._asdict())
            lines.append(f"{name}: from size {done.before} to {done.size}, {counted(done.files, 'new file')}")
    status = next((one for one in (1, 4, 2, 3) if one in statuses), 0)
    emit({"peers": rows, "exitCode": status}, output, *(lines or ["there are no peers"]))
    return status


@click.command(epilog='Example: aurora query "why did we choose postgres"')
@click.argument("question")
@click.option("--limit", default=5, show_default=True, type=click.IntRange(1, 50), help="The most answers.")
@root_option
@shown
def query(question: str, *, limit: int, root: Path, output: str) -> None:
    """Ask what the peers recorded. Each answer names its peer, and the size up to which that log was audited."""
    from aurora.peers import listed
    from aurora.peers.memory import ask

    heard = ask(root, question, limit)
    rows = [
        {
            "peer": one.peer.name,
            "origin": one.peer.origin,
            "verdict": "verified",
            "size": one.size,
            "title": one.answer.title,
            "passage": one.answer.passage,
            "status": one.answer.status,
            "date": one.answer.date,
        }
        for one in heard
    ]
    lines = []
    for one in heard:
        lines.append(f"{one.answer.title} ({one.answer.status or one.answer.kind}, {one.answer.date})")
        lines.append(f"  {one.answer.passage}")
        lines.append(f"  {one.peer.name}: {one.peer.origin}, verified up to size {one.size}")
    emit({"answers": rows}, output, *(lines or [_nothing(listed.read(root), listed.place(root))]))


def _nothing(peers: "Mapping[str, Peer]", place: "Folder") -> str:
    """Say why nothing was found: that nobody has anything about it is one reason of three."""
    if not peers:
        return "there are no peers"
    absent = [one.name for one in peers.values() if place.read(f"{one.base}/checkpoint") is None]
    return "nothing was found" + (f"; `aurora sync` has taken in nothing of {', '.join(absent)}" if absent else "")
