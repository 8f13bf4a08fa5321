"""What came in."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from models.base import Model
from models.names import incident_id

AlertName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.:-]{0,127}$")]
ServiceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]


class Severity(StrEnum):
    """How soon somebody must respond (`runbook.md`: 5 minutes, 30 minutes, 4 hours)."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 is the most severe."""
        return list(Severity).index(self)


class AlertStatus(StrEnum):
    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(Model):
    """One alert about one service. Its labels are data: they never choose a command or target."""

    name: AlertName
    service: ServiceName
    status: AlertStatus = AlertStatus.FIRING
    starts_at: AwareDatetime
    ends_at: AwareDatetime | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    fingerprint: str = ""
    source: str = "alertmanager"
    fired_by: str = ""

    @property
    def incident_id(self) -> str:
        return incident_id(self.name, self.service)

    @property
    def firing(self) -> bool:
        return self.status is AlertStatus.FIRING
