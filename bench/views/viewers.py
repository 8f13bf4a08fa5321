"""People who look: each loads pages in turn as a browser does, and holds a live stream of one of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from urllib.parse import urlencode, urlsplit

EACH_LOOKS_EVERY = 1.0
"""Seconds between two pages of one viewer. What a live stream says is loaded at once beside that."""
Kind = str
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
BOARD, INCIDENT, HISTORY = "board", "incident", "history"


class Viewers:
    """`firsts` has the seconds until the first byte of each page, by its kind."""

    def __init__(self, url: str, token: str) -> None:
        self._host = urlsplit(url).hostname or ""
        self._port = urlsplit(url).port or 80
        self._token = token
        self._cookies: list[str] = []
        self.firsts: dict[Kind, list[float]] = {BOARD: [], INCIDENT: [], HISTORY: []}
        self.changes = 0
        """What the live streams told."""

    async def sign_in(self, viewers: int) -> None:
        """Everybody reads by the intake's own token, each in a session of their own."""
        self._cookies = [await self._session() for _ in range(viewers)]

    async def _session(self) -> str:
        body = urlencode({"token": self._token, "next": "/"}).encode()
        head = self._head("POST", "/sign-in")
        head += f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(body)}\r\n"
        reader, writer = await asyncio.open_connection(self._host, self._port)
        writer.write(head.encode() + b"\r\n" + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode()
        writer.close()
        cookie = answer.partition("set-cookie: ")[2].partition(";")[0]
        if not cookie:
            raise RuntimeError(f"nobody was signed in: {answer.splitlines()[0]}")
        return cookie

    @asynccontextmanager
    async def looking(self, incidents: Sequence[str]) -> AsyncIterator[None]:
        """While each of them looks at the board, at an incident and at the history; every second one follows
        the board, and the others their incident."""
        tasks = [
            asyncio.create_task(self._one(number, incident)) for number, incident in enumerate(incidents)
        ]
        try:
            yield
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, number: int, incident: str) -> None:
        pages = ((BOARD, "/"), (INCIDENT, f"/incidents/{incident}"), (HISTORY, "/history"))
        kind, path = pages[number % 2]
        async with asyncio.TaskGroup() as both:
            both.create_task(self._follow(kind, path, self._cookies[number]))
            both.create_task(self._turn(pages, number))

    async def _turn(self, pages: Sequence[tuple[Kind, str]], number: int) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        with closing(writer):
            await asyncio.sleep(number * 0.05)  # they do not all press at the same moment
            for turn in range(number, 1_000_000):
                kind, path = pages[turn % len(pages)]
                await self._load((reader, writer), kind, path, self._cookies[number])
                await asyncio.sleep(EACH_LOOKS_EVERY)

    async def _follow(self, kind: Kind, path: str, cookie: str) -> None:
        """As the script of the pages does: what changed is loaded anew."""
        stream, out = await asyncio.open_connection(self._host, self._port)
        with closing(out):
            out.write(f"{self._head('GET', path.rstrip('/') + '/live', cookie)}\r\n".encode())
            while line := await stream.readline():
                if line.startswith(b"data: "):
                    self.changes += 1
                    reader, writer = await asyncio.open_connection(self._host, self._port)
                    with closing(writer):
                        await self._load((reader, writer), kind, path, cookie)
            raise RuntimeError(f"the live stream of {path} ended")

    async def _load(
        self,
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        kind: Kind,
        path: str,
        cookie: str,
    ) -> None:
        reader, writer = connection
        began = time.perf_counter()
        writer.write(f"{self._head('GET', path, cookie)}\r\n".encode())
        first = await reader.readexactly(1)
        self.firsts[kind].append(time.perf_counter() - began)
        head = (first + await reader.readuntil(b"\r\n\r\n")).lower()
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise RuntimeError(f"{path} was answered {head.splitlines()[0].decode()}")
        await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))

    def _head(self, method: str, path: str, cookie: str = "") -> str:
        session = f"cookie: {cookie}\r\n" if cookie else ""
        return (
            f"{method} {path} HTTP/1.1\r\nhost: {self._host}:{self._port}\r\naccept: text/html\r\n{session}"
        )
