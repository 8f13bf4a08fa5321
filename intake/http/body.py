"""Reads a request's body, bounded in size and time."""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request

from intake.http.answers import Stop
from intake.http.room import held_for
from models.base import in_bytes

JSON = "application/json"
DRAINED = 16 * 2**20
"""Bytes of a body that is too large which are still read and discarded: a sender whose connection is cut
before it reads the answer takes that for a network failure, and sends everything again."""
READ_WITHIN = 30.0
"""Seconds for the whole body, so that a slow sender cannot keep a connection."""
UNREAD = (400, 408, 413, 415)
"""The statuses of a body that is refused before it is parsed."""


async def read_body(request: Request, most: int, *, stranger: bool = False) -> bytes:
    """The body of at most `most` bytes; of a stranger, where the body itself must tell who sent it. Raises
    Stop: 413, 415, 408, 400 for a sender that left, and 503 where other requests take its room."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != JSON:
        raise Stop(415, f"send the body as {JSON}")
    held = held_for(request)
    body = bytearray()
    size = 0
    try:
        async with held.arrives(READ_WITHIN, stranger=stranger):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= most:
                    held.set(size)
                    body += chunk
                    continue
                body.clear()
                if size > most + DRAINED:
                    break
    except TimeoutError as error:
        raise Stop(408, f"the body did not arrive within {READ_WITHIN:.0f} s") from error
    except ClientDisconnect as error:
        raise Stop(400, "the sender left before the body was complete") from error
    if size > most:
        reason = f"the body is larger than {in_bytes(most)} (intake.max_body)"
        raise Stop(413, reason, {"connection": "close"})
    return bytes(body)
