"""The server: uvicorn, with an orderly end.

On SIGTERM /ready answers 503 while requests are still served, so that load balancers look elsewhere. Then the
listening socket closes, requests in flight finish, the lifespan ends, and the process exits 0. A second signal
skips the wait, a third one the requests in flight.
"""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI

from app.core.documentation import DOCS_PATH
from app.core.health import Readiness
from app.core.protocol import BoundedProtocol
from app.core.settings import CoreSettings, SettingsError

EXIT_SETTINGS, EXIT_START = 2, 3
_log = structlog.get_logger()


class DrainingServer(uvicorn.Server):
    """Serves a built application, and stays open for a while after it was told to stop."""

    def __init__(self, app: FastAPI) -> None:
        self._readiness: Readiness = app.state.readiness
        self._settings: CoreSettings = app.state.settings
        self._signals = 0
        super().__init__(
            uvicorn.Config(
                app,
                http=BoundedProtocol,
                ws="auto" if self._settings.websockets else "none",
                lifespan="on",
                log_config=None,
                access_log=False,  # the application writes a better one
                proxy_headers=bool(self._settings.trusted_proxies),
                forwarded_allow_ips=self._settings.trusted_proxies,
                server_header=False,
                timeout_keep_alive=self._settings.keep_alive_seconds,
                timeout_graceful_shutdown=self._settings.shutdown_seconds,
            )
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - Python's signature
        """Take a signal. It only sets flags: a handler may interrupt anything, even the writing of a line."""
        self._readiness.drain()
        self._signals += 1
        # One Ctrl-C is two of them under `make dev`: the terminal tells every process, and the watcher passes it on
        self.force_exit = self._signals > 2
        if self._signals > 1 or not self.started:
            self.should_exit = True
            return
        # Nobody balances load over a terminal: Ctrl-C does not wait.
        wait = self._settings.drain_seconds if sig == signal.SIGTERM else 0
        self._loop.call_soon_threadsafe(self._drain, wait)

    def _drain(self, seconds: float) -> None:
        """Say that this process leaves, and close the listening socket after a while."""
        _log.info("draining", seconds=seconds)
        for connection in self.server_state.connections:
            if isinstance(connection, BoundedProtocol):
                connection.leave()
        self._loop.call_later(seconds, setattr, self, "should_exit", True)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Run the application's start-up, listen, and say where."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        for listener in sockets or ():
            host, port = listener.getsockname()[:2]
            _log.info("listening", host=host, port=port, **self._docs(host, port))

    def _docs(self, host: str, port: int) -> dict[str, str]:
        """The address of the documentation in development, as a browser on this machine finds it."""
        if not self._settings.development:
            return {}
        # Every address, so also this one.
        name = {"::": "127.0.0.1", "0.0.0.0": "127.0.0.1"}.get(host, host)  # noqa: S104
        return {"docs": f"http://{f'[{name}]' if ':' in name else name}:{port}{DOCS_PATH}"}


def bind(settings: CoreSettings) -> socket.socket:
    """Take the port; :: means IPv4 too, and only IPv4 on a machine without IPv6. Raises OSError."""
    everywhere = settings.host == "::"
    host = "0.0.0.0" if everywhere and not socket.has_dualstack_ipv6() else settings.host  # noqa: S104 - what :: means here
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, settings.port), family=family, dualstack_ipv6=everywhere and ":" in host)


def run(create: Callable[[], FastAPI]) -> int:
    """Make an application and serve it until a signal comes; returns the exit code of the process."""
    try:
        app = create()
    except SettingsError as error:
        sys.stderr.write(f"app: the environment is wrong: {error}\n")
        return EXIT_SETTINGS
    settings: CoreSettings = app.state.settings
    try:
        listener = bind(settings)
    except OSError as error:
        _log.error("cannot listen", host=settings.host, port=settings.port, reason=error.strerror)
        return EXIT_START
    server = DrainingServer(app)
    server.run(sockets=[listener])
    return 0 if server.started else EXIT_START
