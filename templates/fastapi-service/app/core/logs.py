"""Logs: one JSON object per line on standard output, each with a trace id, the server's own lines included.

Never logged: bodies, header values, query strings and, outside development, raw paths, which may hold secrets.
"""

import json
import logging
import sys
import traceback
from time import perf_counter
from typing import TextIO

import structlog
from fastapi.exceptions import ValidationException
from pydantic import ValidationError
from pydantic_core import to_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import EventDict, Processor, WrappedLogger

from app.core.labels import method_of, route_of
from app.core.settings import CoreSettings
from app.core.tracing import trace_id

_MAX_MESSAGE = 1000
_MAX_CHAIN = 5
_encode = json.JSONEncoder(default=repr, separators=(",", ":")).encode


class LineWriter:
    """Where finished lines go. A log that cannot be written must not fail the request that it tells about."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def write_line(self, line: str) -> None:
        """Write one line and flush it."""
        stream = self._stream or sys.stdout
        try:
            stream.write(line + "\n")
            stream.flush()
        except (OSError, ValueError):
            return

    debug = info = warning = error = critical = msg = write_line


class _LineHandler(logging.Handler):
    """Brings the lines of the standard library's loggers, such as uvicorn's, to the same writer."""

    def __init__(self, writer: LineWriter, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        self._writer.write_line(self.format(record))


def add_trace_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the id of the current trace."""
    event["trace_id"] = trace_id()
    return event


def describe_exception(error: BaseException) -> list[dict[str, object]]:
    """The chain of an exception, newest first: type, message and stack, but no variable's value."""
    chain: list[dict[str, object]] = []
    link: BaseException | None = error
    while link is not None and len(chain) < _MAX_CHAIN:
        if isinstance(link, (ValidationError, ValidationException)):
            # Their text quotes what was validated, which may be somebody's data.
            faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['type']}" for fault in link.errors()]
            message = "; ".join(faults)
        else:
            message = str(link)
        frames = traceback.extract_tb(link.__traceback__)
        stack = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        chain.append({"type": type(link).__qualname__, "message": message[:_MAX_MESSAGE], "stack": stack})
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return chain


def add_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace exc_info by a description of the exception."""
    found = event.pop("exc_info", None)
    if not found:
        return event
    error = found if isinstance(found, BaseException) else found[1] if isinstance(found, tuple) else sys.exception()
    if error is not None:
        event["exception"] = describe_exception(error)
    return event


def render(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """The event as JSON in ASCII: no character in it can end the line early for any reader."""
    try:
        line = to_json(event, inf_nan_mode="null").decode()
    except ValueError:
        return _encode(event)
    return line if line.isascii() else _encode(event)


def configure(settings: CoreSettings, stream: TextIO | None = None) -> None:
    """Send all log lines of the process to a stream (default: standard output), as the settings want them."""
    level = logging.getLevelNamesMapping()[settings.level]
    writer = LineWriter(stream)
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.add_log_level,
        add_trace_id,
    ]
    finish: list[Processor] = [add_exception, render]
    if settings.text_logs:
        finish = [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    structlog.configure(
        processors=[*chain, *finish],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: writer,
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *chain],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish],
    )
    logging.root.handlers = [_LineHandler(writer, formatter)]
    logging.root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        server_logger = logging.getLogger(name)
        server_logger.handlers = []
        server_logger.propagate = True
        server_logger.setLevel(logging.NOTSET)
    for name in ("httpx", "httpcore"):
        # At INFO they write whole addresses, query strings included.
        logging.getLogger(name).setLevel(logging.WARNING)
    # The completion line below says more than uvicorn's access line, and has no query string.
    logging.getLogger("uvicorn.access").disabled = True


class RequestLogMiddleware:
    """Write one line for each completed request: method, route, status, duration in seconds."""

    def __init__(self, app: ASGIApp, with_path: bool = False) -> None:
        self._app = app
        self._with_path = with_path
        self._log = structlog.get_logger().bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def send_logged(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = perf_counter()
        try:
            await self._app(scope, receive, send_logged)
        finally:
            # 503 is said on purpose, by a process that drains for example.
            write = self._log.info if status < 500 or status == 503 else self._log.error
            write(
                "request completed",
                method=method_of(scope),
                route=route_of(scope),
                status=status,
                duration=round(perf_counter() - started, 6),
                **({"path": scope["path"]} if self._with_path else {}),
            )
