"""Limits on bodies: how large, and how long a client may take to send one."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

# What is left of the body is not read, so the connection cannot be used again.
_CLOSE = {"Connection": "close"}


def bounded(scope: Scope, receive: Receive, max_bytes: int, seconds: float) -> Receive:
    """What receives the body of a request, up to so many bytes and seconds.

    Raises HTTPException, as what is returned does: 413 where the body is too large, 408 where it arrives too slowly.
    """
    fields = dict(scope["headers"])
    announced = fields.get(b"content-length", b"0")
    if announced == b"0" and b"transfer-encoding" not in fields:
        return receive
    too_large = HTTPException(413, f"A request body may have {max_bytes} bytes.", _CLOSE)
    # The server's parser has refused anything but digits; other servers of ASGI may not.
    if announced.isdigit() and int(announced) > max_bytes:
        raise too_large
    deadline = asyncio.get_running_loop().time() + seconds
    received = 0
    complete = False

    async def receive_bounded() -> Message:
        nonlocal received, complete
        if complete:
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, f"A request body must arrive within {seconds:g} seconds.", _CLOSE) from None
        received += len(message.get("body", b""))
        complete = not message.get("more_body", False)
        if received > max_bytes:
            raise too_large
        return message

    return receive_bounded
