"""The backend and its database under a manager that can restart them."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

from demo.parts.backend import Backend
from demo.parts.part import Part
from demo.parts.postgres import Cluster
from demo.parts.waiting import until
from models.service import Manager

BACKEND = "backend"
POSTGRES = "postgres"


class Services(Part):
    """Two services, `backend` and `postgres`; entered when the backend is healthy."""

    def __init__(self, directory: Path) -> None:
        self.cluster = Cluster(directory)
        self.backend = Backend(directory, self.cluster)

    @abstractmethod
    def manager_of(self, service: str) -> Manager:
        """What `runbooks.yaml` says about who runs it."""

    @abstractmethod
    def start_command(self, service: str) -> list[str]:
        """The argument list by which a script would start it."""

    @abstractmethod
    async def start_service(self, service: str) -> None:
        """Start one of the two and return; it may still be coming up."""

    @abstractmethod
    async def stop_service(self, service: str) -> None:
        """Stop one of the two, as its manager does it."""

    @abstractmethod
    async def restore(self) -> None:
        """Set back what a runbook may have changed for good: the backend's memory limit."""

    @abstractmethod
    async def pid_of(self, service: str) -> int:
        """Its process ID on this machine, 0 when it does not run."""

    @abstractmethod
    async def log_of(self, service: str) -> str:
        """All of its log so far."""

    async def is_running(self, service: str) -> bool:
        return await self.pid_of(service) != 0

    async def become_healthy(self, within: float = 30.0) -> None:
        """Start both, the database first, and wait until the backend says that it is healthy."""
        await self.start_service(POSTGRES)
        await until("postgres ready", self.cluster.answers, within=within)
        await self.start_service(BACKEND)
        await until("backend healthy", self.backend.is_healthy, within=within)

    async def ended(self, service: str, within: float = 15.0) -> None:
        """Wait until it has stopped running."""

        async def still_there() -> str:
            return "it still runs" if await self.is_running(service) else ""

        await until(f"{service} ended", still_there, within=within)
