"""The server: uvicorn, with an orderly end.

On SIGTERM /ready answers 503 while requests are still served, so that load balancers look elsewhere. Then the
listening socket closes, requests in flight finish, the lifespan ends, and the process exits 0. A second signal
skips the wait, a third one the requests in flight.
"""

import signal
import socket
from time import monotonic
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI

from app.health import Readiness
from app.protocol import bounded
from app.settings import Settings

_log = structlog.get_logger()


class DrainingServer(uvicorn.Server):
    """A server that stays open for a while after it was told to stop."""

    def __init__(self, config: uvicorn.Config, readiness: Readiness, drain_seconds: float) -> None:
        super().__init__(config)
        self._readiness = readiness
        self._drain_seconds = drain_seconds
        self._leave_at: float | None = None
        self._signals = 0
        self._announced = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - Python's signature
        """Take a signal. It only sets flags: a handler may interrupt anything, even the writing of a line."""
        self._signals += 1
        if self._signals == 1:
            self._readiness.drain()
            # Nobody balances load over a terminal: Ctrl-C does not wait.
            self._leave_at = monotonic() + (self._drain_seconds if sig == signal.SIGTERM else 0)
            self.should_exit = not self.started
        elif self._signals == 2:
            # One Ctrl-C is two of them under `make dev`: the terminal tells every process, and the watcher passes it on
            self.should_exit = True
        else:
            self.force_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether it is time to close the listening socket."""
        if self._leave_at is not None and not self._announced:
            self._announced = True
            _log.info("draining", seconds=max(0.0, round(self._leave_at - monotonic(), 1)))
            for connection in self.server_state.connections:
                cycle = getattr(connection, "cycle", None)
                if cycle is not None:
                    cycle.keep_alive = False
        if self._leave_at is not None and monotonic() >= self._leave_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the listening socket and say where it is."""
        await super().startup(sockets)
        for server in self.servers:
            for listener in server.sockets:
                host, port = listener.getsockname()[:2]
                _log.info("listening", host=host, port=port)


def make_server(app: FastAPI, settings: Settings) -> DrainingServer:
    """A server for the application. Its own access log is off: the application writes a better one."""
    readiness: Readiness = app.state.readiness
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=bounded(settings, readiness),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
    return DrainingServer(config, readiness, settings.drain_seconds)
