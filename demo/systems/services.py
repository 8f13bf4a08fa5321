"""The backend and its database under a manager that can restart them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from dotenv import set_key

from demo.parts.part import Part
from demo.parts.waiting import PATIENCE, until
from demo.systems.backend import SETTINGS, Backend
from demo.systems.disk import SmallDisk
from demo.systems.postgres import Cluster
from demo.systems.surroundings import Surroundings
from models.service.service import Manager

BACKEND = "backend"
POSTGRES = "postgres"
FIRST_VERSION = "1"


class Services(Part):
    """Two services, `backend` and `postgres`; entered when the backend is healthy.

    With a `disk`, PostgreSQL keeps its files there, and may be made to run out of room.
    """

    def __init__(self, directory: Path, disk: SmallDisk | None = None) -> None:
        self.disk = disk
        self.cluster = Cluster(disk.path if disk else directory)
        self.backend = Backend(directory, self.cluster)
        self.surroundings: Surroundings | None = None
        """What stands around the backend, in a stack that starts it."""
        self.pipeline: Callable[[str], Awaitable[None]] | None = None
        """Tells the product which version was deployed, where no image does."""

    @abstractmethod
    def manager_of(self, service: str) -> Manager:
        """What `runbooks.yaml` says about who runs it."""

    def more_about(self, service: str) -> dict[str, Any]:
        """What else `runbooks.yaml` says about it, where it is run so."""
        return {}

    @abstractmethod
    def start_command(self, service: str) -> list[str]:
        """The argument list by which a script would start it, anew if it runs."""

    @abstractmethod
    async def start_service(self, service: str) -> None:
        """Start one of the two and return; it may still be coming up."""

    @abstractmethod
    async def stop_service(self, service: str) -> None:
        """Stop one of the two, as its manager does it."""

    @abstractmethod
    async def deploy(self, version: str) -> None:
        """Run another version of the backend, as a pipeline would."""

    @abstractmethod
    async def recreate_backend(self) -> None:
        """Start it anew, as its files describe it now."""

    @abstractmethod
    async def is_as_described(self) -> bool:
        """Whether it has the memory limit that it began with."""

    async def restore(self) -> None:
        """Set back what a runbook may have changed for good: the backend's settings and its limit."""
        changed = self.backend.env_file.read_text() != SETTINGS or self.backend.version.exists()
        self.backend.version.unlink(missing_ok=True)
        if changed or not await self.is_as_described():
            self.backend.env_file.write_text(SETTINGS)
            await self.recreate_backend()

    async def inject(self, fault: str) -> None:
        """Have the backend break itself from the inside."""
        await self.backend.inject(fault)

    async def set_backend(self, key: str, value: str) -> None:
        """Change a setting in its env file, and start it anew, as a deployment does."""
        set_key(self.backend.env_file, key, value, quote_mode="never")
        await self.recreate_backend()

    @abstractmethod
    async def pid_of(self, service: str) -> int:
        """Its process ID on this machine, 0 when it does not run."""

    @abstractmethod
    async def log_of(self, service: str) -> str:
        """All of its log so far."""

    async def is_running(self, service: str) -> bool:
        return await self.pid_of(service) != 0

    async def become_healthy(self, within: float = PATIENCE) -> None:
        """Start both, the database first, and wait until the backend says that it is healthy."""
        await self.start_service(POSTGRES)
        await until("postgres ready", self.cluster.answers, within=within)
        await self.start_service(BACKEND)
        await until("backend healthy", self.backend.is_healthy, within=within)

    async def ended(self, service: str, within: float = PATIENCE) -> None:
        """Wait until it has stopped running."""

        async def still_there() -> str:
            return "it still runs" if await self.is_running(service) else ""

        await until(f"{service} ended", still_there, within=within)
