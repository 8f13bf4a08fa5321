"""The failed workflows of the application that is looked after, in its own Temporal."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import Field

from models.base import Duration, Model
from models.evidence.evidence import Evidence
from models.service.request import ServiceRequest


class FailedExecutions(ServiceRequest):
    """Workflows of the application that failed or timed out within the configured window."""

    within: Duration = timedelta(seconds=5)
    newest: int = Field(default=200, ge=1, le=1000)
    """How many of them are read to count by type."""


class FailedType(Model):
    """One workflow type, how often it failed, and the newest failure."""

    type: str
    count: int
    workflow_id: str
    closed_at: datetime
    link: str = ""


class ExecutionsSeen(Evidence):
    """`bad` when any failed. `total` is exact; `types` counts the newest, the most frequent first."""

    total: int = 0
    types: tuple[FailedType, ...] = ()
    link: str = ""
    """All of them, in the web interface."""
