"""An HTTP proxy that connects by CONNECT, as those of companies do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.parts.servers.sockets import Talk, listening


@dataclass
class ConnectProxy:
    """Leads every name to one port of this machine: nobody else could have resolved it."""

    leads_to: int
    refuses: str = ""
    """A status line that it answers instead, such as `407 Proxy Authentication Required`."""
    instead: Talk | None = None
    """How it talks, where it does not connect at all."""
    asked: list[str] = field(default_factory=list)
    """The first line of each request."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Its address."""
        async with listening(self.instead or self._talk) as port:
            yield f"http://127.0.0.1:{port}"

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head.split(b"\r\n")[0].decode())
        if self.refuses:
            writer.write(f"HTTP/1.1 {self.refuses}\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
            return
        theirs, to_them = await asyncio.open_connection("127.0.0.1", self.leads_to)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(_pump(reader, to_them), _pump(theirs, writer))
        finally:
            to_them.close()


async def _pump(one: asyncio.StreamReader, other: asyncio.StreamWriter) -> None:
    while read := await one.read(65536):
        other.write(read)
        await other.drain()
    with contextlib.suppress(OSError):
        other.write_eof()
