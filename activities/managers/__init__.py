"""Service managers: who starts, stops and knows the process behind a service."""

from __future__ import annotations

from activities.managers.docker import DockerManager
from activities.managers.docker_engine import DockerEngine
from activities.managers.manager import (
    ManagerError,
    ManagerRefused,
    ManagerUnreachable,
    RecentLog,
    ServiceManager,
    Unsupported,
    Usage,
)
from activities.managers.supervisord import SupervisordManager
from activities.managers.systemd import SystemdManager
from models.service import service as configured

__all__ = [
    "DockerEngine",
    "DockerManager",
    "ManagerError",
    "ManagerRefused",
    "ManagerUnreachable",
    "Managers",
    "RecentLog",
    "ServiceManager",
    "SupervisordManager",
    "SystemdManager",
    "Unsupported",
    "Usage",
]


class Managers:
    """Chooses the manager of a service by its configuration. Connects to nothing until it is used."""

    def __init__(self, docker: DockerEngine | None = None) -> None:
        self._docker = docker or DockerEngine()

    def of(self, service: configured.Service) -> ServiceManager:
        """The manager that holds this service."""
        match service.manager:
            case configured.DockerManager() as docker:
                return DockerManager(self._docker, docker)
            case configured.SupervisordManager() as supervisord:
                return SupervisordManager(supervisord)
            case configured.SystemdManager() as systemd:
                return SystemdManager(systemd)
