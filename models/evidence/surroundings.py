"""What is seen of a service's surroundings before they are changed: its settings, networks, old files.

`runbook.md`, DatabaseConnectionFailure: "Network issue" and "Disk full"; every row that edits `.env`.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from models.base import Model
from models.evidence.evidence import Evidence
from models.service.request import ServiceRequest
from models.service.service import Service


class ProposeEnvironment(ServiceRequest):
    """Ask how the service's env file would change if these settings were made. Changes nothing."""

    values: dict[str, str] = Field(min_length=1)


class EnvironmentProposal(Evidence):
    """The exact change of the env file, for the person who approves it. `ok` when it can be made.

    Secrets in the lines around the change are hidden; a setting that is itself a secret is refused.
    """

    file: str = ""
    values: dict[str, str] = {}
    diff: str = ""
    unchanged: bool = False
    """The file has these settings already."""


class LookAtNetworks(ServiceRequest):
    """The service, and those that it must reach."""

    needed: tuple[Service, ...] = ()


class NetworksSeen(Evidence):
    """Which Docker networks the service's container is on. `bad` when it cannot reach what it needs."""

    networks: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    """Needed services that share no network with it."""
    off: tuple[str, ...] = ()
    """Services whose containers are not on the configured network: reattaching them is the cure."""


class OldFile(Model):
    """One file that may be deleted. Size in bytes."""

    path: str
    size: int
    modified_at: datetime


class OldFilesSeen(Evidence):
    """The old files that the configuration allows to be cleaned up, oldest first. `ok`: it could be seen."""

    files: tuple[OldFile, ...] = ()
    left_out: int = 0
    """Files that are old enough too, and did not fit into the list."""
    open: int = 0
    """Files that are old enough, but open in some process."""

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)
