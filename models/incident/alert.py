"""An alert as the intake takes it."""

from __future__ import annotations

import operator
from enum import StrEnum

from pydantic import AwareDatetime, Field

from models.base import Model
from models.names import AlertName, ServiceName, incident_id
from models.text import shorten

LONGEST_WORDS = 1000


class AlertStatus(StrEnum):
    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(Model):
    """One alert about one service. Its labels are data: they never choose a command or target."""

    name: AlertName
    service: ServiceName
    status: AlertStatus = AlertStatus.FIRING
    starts_at: AwareDatetime
    dated: bool = True
    """False where its source named no start: `starts_at` is then when it was heard of."""
    ends_at: AwareDatetime | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    fingerprint: str = ""
    still_active: tuple[str, ...] | None = None
    """Set where the source was asked, at `ends_at`, which instances still fire.

    All others that began at `starts_at` or later are over; earlier ones it may no longer list.
    """
    named_by_rule: bool = False
    """Its labels name no service: `service` is what the configuration says for alerts of this name."""
    source: str = "alertmanager"
    fired_by: str = ""
    dry_run: bool = Field(default=False, exclude_if=operator.not_)
    """Whether its sender asked for a dry run, which the configuration may ask for as well."""

    @property
    def incident_id(self) -> str:
        return incident_id(self.name, self.service, dry_run=self.dry_run)

    @property
    def words(self) -> dict[str, str]:
        """What its rule says to people: summary and description, where there are any, on one line each."""
        said = {name: " ".join(self.annotations.get(name, "").split()) for name in ("summary", "description")}
        return {name: shorten(text, LONGEST_WORDS) for name, text in said.items() if text}

    @property
    def firing(self) -> bool:
        return self.status is AlertStatus.FIRING
