"""`tsa serve`: a real RFC 3161 server over HTTP, with throw-away keys, for development and tests."""

import signal
import sys
from pathlib import Path

import click

from remembrancer.audit.session import Session
from remembrancer.cli.common import Shown, command


@click.command(epilog="Example: remembrancer tsa serve --port 3161 --keys ./tsa-keys")
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option("--port", default=3161, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option(
    "--keys",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Its keys; made if missing. Default: in this user's state.",
)
@command(root=False)
def serve(session: Session, _: Shown, host: str, port: int, keys: Path | None) -> int:
    """Answer RFC 3161 requests until interrupted. Whoever runs it writes its clock: its tokens are self-asserted."""
    from remembrancer.timestamp.authority import LocalAuthority
    from remembrancer.timestamp.server import TimestampServer

    folder = keys or session.state.folder / "tsa"
    made = (folder / "tsa-key.pem").exists()
    authority = (LocalAuthority.load if made else LocalAuthority.create)(folder, session.clock)
    with TimestampServer(authority, host, port) as server:
        print(f"listening on {server.url}; root certificate {folder / 'tsa-root.pem'}", flush=True)

        def stop(number: int, frame: object) -> None:  # noqa: ARG001 - signal's signature
            sys.exit(0)

        signal.signal(signal.SIGTERM, stop)
        server.serve_forever()
    return 0
