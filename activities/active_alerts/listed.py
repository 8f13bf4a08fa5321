"""The alerts that Alertmanager has, each with whether anybody is to hear of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import httpx
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError

from activities.support.http import ask, shown

WITHIN = timedelta(seconds=10)
LIST_LIMIT = 8 * 2**20


class Heard(StrEnum):
    """Whether Alertmanager tells anybody of an alert."""

    ACTIVE = "active"
    SILENCED = "silenced"
    INHIBITED = "inhibited"
    MUTED = "muted"
    """By a time interval of its route; only from 0.28 on is that told."""


class _Status(BaseModel):
    state: str = "active"
    silenced_by: list[str] = Field(default=[], alias="silencedBy")
    inhibited_by: list[str] = Field(default=[], alias="inhibitedBy")
    muted_by: list[str] = Field(default=[], alias="mutedBy")


class ListedAlert(BaseModel):
    """The part of a `gettableAlert` that is told."""

    labels: dict[str, str]
    starts_at: AwareDatetime = Field(alias="startsAt")
    status: _Status = _Status()

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "?")

    @property
    def heard(self) -> Heard:
        if self.status.silenced_by:
            return Heard.SILENCED
        if self.status.inhibited_by:
            return Heard.INHIBITED
        return Heard.MUTED if self.status.muted_by else Heard.ACTIVE


class _ServerStatus(BaseModel):
    """`uptime` is, in spite of its name, when Alertmanager started."""

    uptime: AwareDatetime


_ALERTS = TypeAdapter(list[ListedAlert])


async def listed(client: httpx.AsyncClient, url: str) -> tuple[list[ListedAlert], datetime]:
    """All that it has, and since when it runs. Raises `NoAnswer`."""
    base = url.rstrip("/")
    try:
        alerts = _ALERTS.validate_json(await _get(client, f"{base}/api/v2/alerts"))
        started = _ServerStatus.model_validate_json(await _get(client, f"{base}/api/v2/status")).uptime
    except ValidationError:
        raise NotAlertmanager(f"the answer at {shown(base)} is not that of Alertmanager's API v2") from None
    return alerts, started


class NotAlertmanager(Exception):
    """Something else answers. The text is one sentence."""


async def _get(client: httpx.AsyncClient, url: str) -> bytes:
    answer = await ask(client, url, within=WITHIN, limit=LIST_LIMIT)
    return answer.whole(url)
