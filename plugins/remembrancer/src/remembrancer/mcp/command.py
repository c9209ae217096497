"""`mcp`: the ledger for assistants, over standard input and output or HTTP."""

import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from remembrancer.errors import BadInput, EnvironmentTrouble

if TYPE_CHECKING:
    from remembrancer.audit.session import Session

TOKEN = "REMEMBRANCER_MCP_TOKEN"  # noqa: S105 - the name of a variable
FPR = "Trust this owner in this run (also REMEMBRANCER_TRUST). Default: the pinned owners."
ROOT = "The repository. Default: the nearest folder upwards with ops/receipts or .git."


@click.command(epilog="Example: remembrancer mcp --root ../my-svc")
@click.option("--http", is_flag=True, help="Answer over streamable HTTP on a loopback address instead.")
@click.option("--host", default="127.0.0.1", show_default=True, help="With --http: 127.0.0.1 or ::1.")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option(
    "--allow-host", multiple=True, metavar="NAME", help="A further Host (with its port) that may be asked for."
)
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help=ROOT)
@click.option("--trust", "owners", multiple=True, metavar="FPR", help=FPR)
@click.option("--require", type=click.Choice(["production"]), help="Fail unless the policy's profile is production.")
@click.option(
    "--origin", default="", metavar="ORIGIN", help="Fail unless the ledger is this one (REMEMBRANCER_ORIGIN)."
)
def mcp(
    *,
    http: bool,
    host: str,
    port: int,
    allow_host: tuple[str, ...],
    root: Path | None,
    owners: tuple[str, ...],
    require: str | None,
    origin: str,
) -> int:
    """Answer assistants over the Model Context Protocol: decisions, deployments, proofs. It only reads.

    Over HTTP a client needs the token in REMEMBRANCER_MCP_TOKEN; without that variable one is made and printed.
    """
    from remembrancer.audit.session import Session
    from remembrancer.user.state import Unwritten

    def session() -> "Session":
        return Session(
            place, owners=owners, require_production=require == "production", origin=origin, state=Unwritten()
        )

    place = Session(root).root  # a wrong folder is said now, not at the first question
    try:
        from remembrancer.mcp.server import build
    except ModuleNotFoundError as error:
        raise EnvironmentTrouble("env.mcp", f"the package {error.name} is not installed") from None
    server = build(session)
    if not http:
        server.run("stdio")
        return 0
    from remembrancer.mcp.http import PATH, SHORTEST, listen, serve

    token = os.environ.get(TOKEN, "")
    if token and (len(token) < SHORTEST or not token.isascii() or not token.isprintable()):
        raise BadInput("input.token", f"the token in {TOKEN} has fewer than {SHORTEST} characters, or strange ones")
    bound = listen(host, port)
    address, chosen = bound.getsockname()[:2]
    shown = f"[{address}]" if ":" in address else address
    print(f"listening on http://{shown}:{chosen}{PATH}", file=sys.stderr, flush=True)
    if not token:
        token = secrets.token_urlsafe(32)
        print(f"token {token}", file=sys.stderr, flush=True)
    serve(server, bound, token, allow_host)
    return 0
