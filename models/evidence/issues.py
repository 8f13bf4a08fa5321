"""What Sentry knows about the errors of a project."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import Field

from models.base import Duration, Model
from models.evidence.evidence import Evidence
from models.service.request import ServiceRequest


class TopIssues(ServiceRequest):
    """The most frequent issues of a project, and those first seen `since` the last deployment."""

    query: str = "is:unresolved"
    period: str = Field(default="24h", pattern=r"^\d+[hdw]$")
    since: datetime | None = None
    top: int = Field(default=3, ge=1, le=25)
    within: Duration = timedelta(seconds=5)


class Issue(Model):
    """One issue, its texts redacted. `count`: events within the asked period."""

    short_id: str
    title: str
    culprit: str = ""
    level: str = ""
    count: int
    users: int = 0
    first_seen: datetime
    last_seen: datetime
    link: str = ""


class SentrySeen(Evidence):
    """`bad` when there are issues, `ok` when Sentry has none."""

    top: tuple[Issue, ...] = ()
    new: tuple[Issue, ...] = ()
    """First seen since the given time, the most frequent first."""
