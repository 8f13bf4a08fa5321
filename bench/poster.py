"""A sender of webhooks that costs little itself: the receiver is what is measured."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit


class Poster:
    """Posts bodies over a few connections that stay open, each waiting for its answer."""

    def __init__(self, url: str, token: str, connections: int = 8) -> None:
        self._host = urlsplit(url).hostname or ""
        self._port = urlsplit(url).port or 80
        self._head = (
            f"POST /v1/alertmanager HTTP/1.1\r\nhost: {self._host}:{self._port}\r\n"
            f"authorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: "
        ).encode()
        self._connections = connections

    async def post(self, bodies: Iterable[bytes]) -> int:
        """How many alerts were taken. Raises RuntimeError for an answer other than 200."""
        waiting = iter(bodies)

        async def carry() -> int:
            reader, writer = await asyncio.open_connection(self._host, self._port)
            taken = 0
            for body in waiting:
                writer.write(self._head + b"%d\r\n\r\n" % len(body) + body)
                taken += await _taken(reader)
            writer.close()
            return taken

        return sum(await asyncio.gather(*(carry() for _ in range(self._connections))))


async def _taken(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    answer: dict[str, Any] = json.loads(await reader.readexactly(length))
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise RuntimeError(f"the intake answered {head.splitlines()[0].decode()}: {answer}")
    return len(answer["taken"])
