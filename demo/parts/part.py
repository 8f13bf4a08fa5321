"""What all parts share: entered when ready, ended on the way out, also after errors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from demo.parts.errors import EndedError
from demo.parts.process import Process
from demo.parts.waiting import PATIENCE, until


class Part(ABC):
    """`async with part:` starts it, waits until it is ready, and stops it in bounded time."""

    @abstractmethod
    async def start(self) -> None:
        """Start it and return when it is ready; `NotReadyError` when it does not become so."""

    @abstractmethod
    async def stop(self) -> None:
        """End what was started, in bounded time. Stopping twice is allowed."""

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


class ProcessPart(Part):
    """A part that is one process: how it is told to be ready is all that differs."""

    process: Process
    ready_within = PATIENCE
    """Seconds."""
    stop_within = 10.0
    """Seconds that it has to end by itself."""

    @abstractmethod
    async def looks_ready(self) -> str:
        """Empty when it answers; else why not yet."""

    async def start(self) -> None:
        self.process.start()
        await until(f"{self.process.name} ready", self._ready_or_over, within=self.ready_within)

    async def stop(self) -> None:
        await self.process.stop(self.stop_within)

    async def kill(self) -> None:
        """`kill -9`. `start` brings it back on the same ports with the same files."""
        await self.process.kill()

    async def _ready_or_over(self) -> str:
        if not self.process.running:
            raise EndedError(
                f"{self.process.name} ended with code {self.process.exit_code}:\n{self.process.tail()}"
            )
        return await self.looks_ready()
