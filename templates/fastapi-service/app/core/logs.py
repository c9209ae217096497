"""Logs: one JSON object per line on standard output, each with a trace id, the server's own lines included.

Never logged: bodies, header values, query strings and, outside development, raw paths, which may hold secrets.
"""

import json
import logging
import sys
import traceback
from contextlib import suppress
from datetime import UTC, datetime

import structlog
from fastapi.exceptions import ValidationException
from pydantic import ValidationError
from pydantic_core import to_json
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from app.core.settings import CoreSettings
from app.core.tracing import trace_id

_MAX_MESSAGE = 1000
_MAX_CHAIN = 5
_encode = json.JSONEncoder(default=str, separators=(",", ":")).encode


class Lines(logging.Handler):
    """Where finished lines go, structlog's and the standard library's, such as uvicorn's.

    A log that cannot be written must not fail the request that it tells about.
    """

    def write_line(self, line: str) -> None:
        """Write one line and flush it."""
        with suppress(OSError, ValueError):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line of the standard library."""
        self.write_line(self.format(record))

    debug = info = warning = error = critical = msg = write_line


def add_time_and_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the time in UTC, which pydantic writes out faster than anybody else, and the id of the trace."""
    event["timestamp"] = datetime.now(UTC)
    event["trace_id"] = trace_id()
    return event


def describe_exception(exc_info: ExcInfo) -> list[dict[str, object]]:
    """The chain of an exception, newest first: type, message and stack, but no variable's value."""
    chain: list[dict[str, object]] = []
    link: BaseException | None = exc_info[1]
    while link is not None and len(chain) < _MAX_CHAIN:
        message = str(link)
        if isinstance(link, (ValidationError, ValidationException)):
            # Their text quotes what was validated, which may be somebody's data.
            message = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['type']}" for fault in link.errors())
        frames = traceback.extract_tb(link.__traceback__)
        stack = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        chain.append({"type": type(link).__qualname__, "message": message[:_MAX_MESSAGE], "stack": stack})
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return chain


_describe = structlog.processors.ExceptionRenderer(describe_exception)


def render(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """The event as JSON in ASCII: no character in it can end the line early for any reader."""
    if "exc_info" in event:
        event = _describe(logger, method, event)
    try:
        line = to_json(event, inf_nan_mode="null", fallback=repr).decode()
    except ValueError:
        return _encode(event)  # broken text, such as half a surrogate pair
    return line if line.isascii() else _encode(json.loads(line))


def configure(settings: CoreSettings) -> None:
    """Send all log lines of the process to standard output, as the settings want them."""
    level = logging.getLevelNamesMapping()[settings.level]
    lines = Lines()
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_time_and_trace,
        structlog.processors.add_log_level,
    ]
    finish: list[Processor] = [render]
    if settings.text_logs:
        finish = [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    structlog.configure(
        processors=[*chain, *finish],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
    )
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *chain],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish],
        )
    )
    logging.root.handlers = [lines]
    logging.root.setLevel(level)
    # uvicorn's access line has the query string, and the HTTP clients' lines have whole addresses.
    quiet = ("uvicorn.access", "httpx", "httpx2", "httpcore", "httpcore2")
    for name in ("uvicorn", "uvicorn.error", "uvicorn.asgi", *quiet):
        library = logging.getLogger(name)
        library.handlers, library.propagate = [], True
        library.setLevel(logging.WARNING if name in quiet else logging.NOTSET)
