"""Limits on bodies: how large, and how long a client may take to send one."""

import asyncio

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import problem_response

# What is left of the body is not read, so the connection cannot be used again.
_CLOSE = {"Connection": "close"}


class BodyLimitMiddleware:
    """Refuse a body that is too large with 413, and one that arrives too slowly with 408."""

    def __init__(self, app: ASGIApp, max_bytes: int, seconds: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._too_large = f"A request body may have {max_bytes} bytes."
        self._too_slow = f"A request body must arrive within {seconds:g} seconds."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        fields = dict(scope["headers"]) if scope["type"] == "http" else {}
        announced = fields.get(b"content-length", b"0")
        if announced == b"0" and b"transfer-encoding" not in fields:
            await self._app(scope, receive, send)
            return
        # The server's parser has refused anything but digits; other servers of ASGI may not.
        if announced.isdigit() and int(announced) > self._max_bytes:
            await problem_response(413, self._too_large, headers=_CLOSE)(scope, receive, send)
            return
        deadline = asyncio.get_running_loop().time() + self._seconds
        received = 0
        complete = False

        async def receive_limited() -> Message:
            nonlocal received, complete
            if complete:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, self._too_slow, _CLOSE) from None
            received += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if received > self._max_bytes:
                raise HTTPException(413, self._too_large, _CLOSE)
            return message

        await self._app(scope, receive_limited, send)
