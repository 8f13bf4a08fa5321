"""Reads a request's body, bounded in size and time."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from intake.http.answers import Stop
from models.base import in_bytes

DRAINED = 16 * 2**20
"""Bytes of a body that is too large which are still read and discarded: a sender whose connection is cut
before it reads the answer takes that for a network failure, and sends everything again."""
READ_WITHIN = 30.0
"""Seconds for the whole body, so that a slow sender cannot keep a connection."""
UNREAD = (400, 408, 413, 415)
"""The statuses of a body that is refused before it is parsed."""


async def read_body(request: Request, most: int) -> bytes:
    """The body of at most `most` bytes. Raises Stop: 413, 415, 408, or 400 for a sender that left."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise Stop(415, "send the body as application/json")
    body = bytearray()
    size = 0
    try:
        async with asyncio.timeout(READ_WITHIN):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= most:
                    body += chunk
                elif size > most + DRAINED:
                    break
    except TimeoutError as error:
        raise Stop(408, f"the body did not arrive within {READ_WITHIN:.0f} s") from error
    except ClientDisconnect as error:
        raise Stop(400, "the sender left before the body was complete") from error
    if size > most:
        reason = f"the body is larger than {in_bytes(most)} (intake.max_body)"
        raise Stop(413, reason, {"connection": "close"})
    return bytes(body)
