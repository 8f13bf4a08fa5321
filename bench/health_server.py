"""A health check that notes when it was asked, and for which service."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Self

from demo.parts.loopback import LOOPBACK

_ANSWER = "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"


class HealthServer:
    """`GET /NAME` answers healthy, or 503 while `healthy` is false; `asked` holds every arrival."""

    def __init__(self, healthy: bool = True) -> None:
        self.healthy = healthy
        self.asked: dict[str, list[float]] = {}
        self._server: asyncio.Server | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        self.url = f"http://{LOOPBACK}:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()

    def first_after(self, name: str, moment: float) -> float | None:
        """When the first question about `name` after `moment` arrived (`time.perf_counter`)."""
        return next((at for at in self.asked.get(name, ()) if at >= moment), None)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await reader.readline():
                arrived = time.perf_counter()
                while (await reader.readline()).strip():
                    pass
                name = request.split()[1].decode().strip("/")
                self.asked.setdefault(name, []).append(arrived)
                body = '{"status": "ok"}' if self.healthy else '{"status": "down"}'
                status = "200 OK" if self.healthy else "503 Service Unavailable"
                writer.write(_ANSWER.format(status=status, length=len(body), body=body).encode())
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()
