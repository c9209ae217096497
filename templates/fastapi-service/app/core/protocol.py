"""The connection: bounds on slow and huge heads of requests, which no ASGI middleware ever sees.

uvicorn's httptools protocol parses; this adds a limit on the size of a head, deadlines for sending one and for
taking up a response, and problem documents as the answers to what cannot be parsed.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.core.errors import PROBLEM_TYPE, problem_bytes
from app.core.health import Readiness, State
from app.core.settings import CoreSettings

_MAX_PIPELINED = 16
"""Requests that may wait on one connection for the answer to an earlier one; no common client sends any."""


class RefusedError(Exception):
    """Stops the parser in the middle of what goes beyond a limit."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection to an application that `build` has made."""

    def __init__(self, config: Config, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        state = cast(FastAPI, config.app).state
        self.settings: CoreSettings = state.settings
        self.readiness: Readiness = state.readiness
        self._in_head = False
        self._fed_bytes = 0
        self._refusal = HTTPStatus.BAD_REQUEST
        self._deadlines: dict[str, asyncio.TimerHandle] = {}

    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected; it has to say something soon."""
        super().connection_made(transport)
        self._wait("head", self.settings.header_seconds, self._head_overdue)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        for name in [*self._deadlines]:
            self._arrived(name)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes have come in."""
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return  # hung up, or upgraded to WebSockets
        if self._in_head:
            # A head that does not end is never reported as complete: count what has been fed.
            self._fed_bytes += len(data)
            if self._fed_bytes > self.settings.max_header_bytes + len(data):
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
                return
        expected = self._in_head or (self._idle() and self.timeout_keep_alive_task is None)
        if expected and "head" not in self._deadlines:
            self._wait("head", self.settings.header_seconds, self._head_overdue)

    def on_message_begin(self) -> None:
        """The head of a request begins."""
        if len(self.pipeline) >= _MAX_PIPELINED:
            raise RefusedError
        self._in_head = True
        self._fed_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is complete: the request starts."""
        self._in_head = False
        self._arrived("head")
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.settings.max_header_bytes:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise RefusedError
        # RFC 9112, section 3.2: exactly one Host, which only HTTP/1.0 may leave out.
        hosts = [name for name, _ in self.headers].count(b"host")
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() != "1.0"):
            raise RefusedError
        super().on_headers_complete()
        if self.readiness.state is State.DRAINING:
            self.leave()

    def leave(self) -> None:
        """Close the connection after the response under way, and say so in its head."""
        if not self._idle():
            self.cycle.keep_alive = False
            # Older uvicorns look for the client's wish alone.
            self.cycle.scope["headers"] = [*self.cycle.scope["headers"], (b"connection", b"close")]

    def pause_writing(self) -> None:
        """The client does not take up what is written to it."""
        super().pause_writing()
        self._wait("writing", self.settings.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._arrived("writing")
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be parsed, or was stopped by a limit."""
        self._refuse(self._refusal, msg)

    def _wait(self, name: str, seconds: float, overdue: Callable[[], None]) -> None:
        self._deadlines[name] = self.loop.call_later(seconds, overdue)

    def _arrived(self, name: str) -> None:
        if deadline := self._deadlines.pop(name, None):
            deadline.cancel()

    def _head_overdue(self) -> None:
        if self._in_head:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus, detail: str | None = None) -> None:
        """Answer with a problem document, unless another answer is under way, and hang up."""
        if not self.pipeline and (self._idle() or not self.cycle.response_started):
            body = problem_bytes(status, detail if status is HTTPStatus.BAD_REQUEST else None)
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: {PROBLEM_TYPE}\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode("ascii") + body)
        self.transport.close()
