"""Whether Alertmanager and Grafana work, by their own word. A login page is no such word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
from pydantic import AwareDatetime, BaseModel, Field, TypeAdapter, ValidationError
from temporalio import activity

from activities.support.http import NoAnswer, ask, shown
from activities.support.redaction import clean
from models.base import in_words
from models.checks.item import ItemResult, ItemState, Table
from models.configuration.processes import Systems

WITHIN = timedelta(seconds=5)
LIMIT = 4 * 2**20
MOST_ROWS = 100


class _AlertmanagerStatus(BaseModel):
    """`uptime` is, in spite of its name, when it started; a single one has no cluster.

    The one within Grafana answers as well, and knows neither version nor start.
    """

    class _Cluster(BaseModel):
        status: str

    class _Version(BaseModel):
        version: str

    cluster: _Cluster
    version: _Version = Field(alias="versionInfo")
    began_at: AwareDatetime | None = Field(alias="uptime")


class _Alert(BaseModel):
    """The part of an alert that tells whether it is silenced."""

    class _State(BaseModel):
        state: str

    labels: dict[str, str]
    status: _State


_ALERTS = TypeAdapter(list[_Alert])


class _GrafanaHealth(BaseModel):
    database: str
    version: str = ""


class MonitoringActivities:
    """Asks each with one shared HTTP client. None of these raises for its trouble."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @activity.defn
    async def look_at_alertmanager(self, systems: Systems) -> ItemResult:
        """Its version, its cluster, and how many alerts it has, by API v2."""
        if systems.alertmanager is None:
            return _not_configured("alertmanager")
        base = systems.alertmanager
        try:
            status = _AlertmanagerStatus.model_validate_json(await self._get(f"{base}/api/v2/status", {}))
            alerts = _ALERTS.validate_json(await self._get(f"{base}/api/v2/alerts", {}))
        except NoAnswer as no_answer:
            return _unknown(f"Alertmanager cannot be asked: {no_answer.reason}")
        except ValidationError:
            return _unknown(f"the answer at {shown(base)} is not that of Alertmanager's API v2")
        return _of_alertmanager(status, alerts, link=f"{base}/#/alerts")

    @activity.defn
    async def look_at_grafana(self, systems: Systems) -> ItemResult:
        """`/api/health`, which needs no login; it answers 503 when its database fails."""
        if systems.grafana is None:
            return _not_configured("grafana")
        url = f"{systems.grafana}/api/health"
        try:
            answer = await ask(self._client, url, within=WITHIN, limit=LIMIT)
            body = answer.body if answer.status == 503 else answer.whole(url)
            health = _GrafanaHealth.model_validate_json(body)
        except NoAnswer as no_answer:
            return _unknown(f"Grafana cannot be asked: {no_answer.reason}")
        except ValidationError:
            return _unknown(f"the answer at {shown(url)} is not that of Grafana: configure another address")
        well = answer.status == 200 and health.database == "ok"
        version = f"Grafana {clean(health.version, 40)}".strip()
        return ItemResult(
            state=ItemState.OK if well else ItemState.BAD,
            reason=f"{version} says that its database is {clean(health.database, 80)}",
            link=systems.grafana,
            observed_at=datetime.now(UTC),
        )

    async def _get(self, url: str, params: dict[str, str]) -> bytes:
        return (await ask(self._client, url, within=WITHIN, limit=LIMIT, params=params)).whole(url)


def _of_alertmanager(status: _AlertmanagerStatus, alerts: list[_Alert], link: str) -> ItemResult:
    now = datetime.now(UTC)
    active = sum(one.status.state == "active" for one in alerts)
    cluster = clean(status.cluster.status, 40)
    alone = "no cluster" if cluster == "disabled" else f"its cluster is {cluster}"
    began = f" for {in_words(now - status.began_at)}" if status.began_at else ""
    version = clean(status.version.version, 40)
    rows = sorted(
        {
            (
                clean(one.labels.get("alertname", ""), 80),
                clean(one.labels.get("service", ""), 80),
                one.status.state,
            )
            for one in alerts
        }
    )
    reason = f"Alertmanager {version} runs{began}, {alone}; {active} alerts are active"
    silenced = len(alerts) - active
    return ItemResult(
        state=ItemState.ATTENTION if cluster == "settling" else ItemState.OK,
        reason=f"{reason}, {silenced} silenced or inhibited" if silenced else reason,
        link=link,
        observed_at=now,
        tables=(Table(title="alerts", columns=("alert", "service", "state"), rows=tuple(rows[:MOST_ROWS])),)
        if rows
        else (),
    )


def _not_configured(name: str) -> ItemResult:
    return ItemResult(reason=f"configure systems.{name}")


def _unknown(reason: str) -> ItemResult:
    return ItemResult(reason=reason, observed_at=datetime.now(UTC))
