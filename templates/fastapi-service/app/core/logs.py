"""Logs: one JSON object per line on standard output, each with a trace id, the server's own lines included.

Never logged: bodies, header values, query strings and, outside development, raw paths, which may hold secrets.
"""

import functools
import json
import logging
import sys
import time
import traceback
from contextlib import suppress
from typing import TextIO

import structlog
from fastapi.exceptions import ValidationException
from pydantic import ValidationError
from pydantic_core import to_json
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from app.core.settings import CoreSettings
from app.core.tracing import trace_id

_MAX_MESSAGE = 1000
_MAX_CHAIN = 5
_encode = json.JSONEncoder(default=repr, separators=(",", ":")).encode


class Lines(logging.Handler):
    """Where finished lines go, structlog's and the standard library's, such as uvicorn's.

    A log that cannot be written must not fail the request that it tells about.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__()
        self._stream = stream

    def write_line(self, line: str) -> None:
        """Write one line and flush it."""
        stream = self._stream or sys.stdout
        with suppress(OSError, ValueError):
            stream.write(line + "\n")
            stream.flush()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line of the standard library."""
        self.write_line(self.format(record))

    debug = info = warning = error = critical = msg = write_line


@functools.lru_cache(maxsize=1)
def _clock(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def add_timestamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the time in UTC; the lines of one second share all but its fraction."""
    second, rest = divmod(time.time_ns(), 1_000_000_000)
    event["timestamp"] = f"{_clock(second)}.{rest // 1000:06}Z"
    return event


def add_trace_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the id of the current trace."""
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
    lines = Lines(stream)
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_timestamp,
        structlog.processors.add_log_level,
        add_trace_id,
    ]
    finish: list[Processor] = [structlog.processors.ExceptionRenderer(describe_exception), render]
    if settings.text_logs:
        finish = [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    structlog.configure(
        processors=[*chain, *finish],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *chain],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish],
        )
    )
    logging.root.handlers = [lines]
    logging.root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        server_logger = logging.getLogger(name)
        server_logger.handlers, server_logger.propagate = [], True
        server_logger.setLevel(logging.NOTSET)
    for name in ("httpx", "httpx2", "httpcore", "httpcore2"):
        # At INFO they write whole addresses, query strings included.
        logging.getLogger(name).setLevel(logging.WARNING)
    # The line "request completed" says more than uvicorn's access line, and has no query string.
    logging.getLogger("uvicorn.access").disabled = True
