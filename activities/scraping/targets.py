"""What Prometheus scrapes, and what of it is down.

Only a Prometheus server tells of its targets, with the error of each. Where the list is too long, or
another system speaks as Prometheus does, the series `up` is counted instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import httpx
from pydantic import BaseModel, Field, ValidationError
from temporalio import activity

from activities.monitoring.metrics import MetricKind, QueryByLabel, QueryMetric
from activities.monitoring.prometheus import Prometheus
from activities.support.heartbeats import beating
from activities.support.http import Cut, NoAnswer, ask, shown
from activities.support.redaction import clean
from models.base import Model
from models.checks.item import Figure, ItemResult, ItemState, Table
from models.checks.naming import Naming

WITHIN = timedelta(seconds=10)
LIST_LIMIT = 4 * 2**20
"""Bytes. A list that is longer holds thousands of targets, and is counted instead."""
MOST_NAMED = 5
MOST_ROWS = 50


class LookAtTargets(Model):
    """The targets of one Prometheus."""

    url: str
    naming: Naming = Naming()


class _Target(BaseModel):
    """The part of an active target that tells whether it is scraped."""

    labels: dict[str, str] = {}
    health: Literal["up", "down", "unknown"] = "unknown"
    error: str = Field(default="", alias="lastError")
    scraped_at: str = Field(default="", alias="lastScrape")

    @property
    def named(self) -> str:
        instance = self.labels.get("instance", "?")
        return clean(f"{self.labels.get('job', '?')} at {instance}", 160)


class _Targets(BaseModel):
    active: list[_Target] = Field(default=[], alias="activeTargets")


class _Answer(BaseModel):
    status: Literal["success"]
    data: _Targets


class TargetActivities:
    """Asks Prometheus for its targets."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._prometheus = Prometheus(http)

    @activity.defn
    async def find_targets_down(self, request: LookAtTargets) -> ItemResult:
        """`bad` when one is down, named with its last error. Never raises for Prometheus' trouble."""
        async with beating():
            found, _ = await self._looked(request)
        return found

    @activity.defn
    async def show_targets(self, request: LookAtTargets) -> ItemResult:
        """The same, with every target, what is down first."""
        found, targets = await self._looked(request)
        return found.model_copy(update={"tables": (_every(targets),)}) if targets else found

    async def _looked(self, request: LookAtTargets) -> tuple[ItemResult, Sequence[_Target]]:
        """What to say, and the targets where they are told."""
        targets: Sequence[_Target] = ()
        address = f"{request.url.rstrip('/')}/api/v1/targets"
        link = f"{request.url.rstrip('/')}/targets"
        try:
            answer = await ask(
                self._http, address, within=WITHIN, limit=LIST_LIMIT, params={"state": "active"}
            )
            if answer.cut in (Cut.SIZE, Cut.PARTS) or answer.status == 404:
                found = await self._counted(request)
            else:
                targets = _Answer.model_validate_json(answer.whole(address)).data.active
                found = judged(targets, request.naming)
        except NoAnswer as no_answer:
            found = ItemResult(reason=f"Prometheus cannot be asked: {no_answer.reason}")
        except ValidationError:
            found = ItemResult(reason=f"the answer at {shown(address)} is not that of Prometheus")
        return found.model_copy(update={"observed_at": datetime.now(UTC), "link": link}), targets

    async def _counted(self, request: LookAtTargets) -> ItemResult:
        """By the series `up`, which has no errors."""
        every = await self._prometheus.query_metric(QueryMetric(url=request.url, query="count(up)"))
        down = await self._prometheus.query_by_label(
            QueryByLabel(url=request.url, query="count by (job) (up == 0)", label="job", top=50)
        )
        if every.value is None or (down.unknown and down.kind is not MetricKind.EMPTY):
            reason = every.reason if every.value is None else down.reason
            return ItemResult(reason=f"it is not known what is down: {reason}")
        number = int(down.total or 0)
        by_job = ", ".join(f"{one.label or '?'} {one.value:.0f}" for one in down.values[:MOST_NAMED])
        return ItemResult(
            state=ItemState.BAD if number else ItemState.OK,
            reason=f"{number} of {every.value:.0f} targets are down{f': {by_job}' if by_job else ''}",
            threshold="none down",
            details=(
                "counted by the series `up`, for the list is too long, or not told: errors are unknown",
            ),
            figures=_figures(number, int(every.value)),
            services=_services(request.naming, [{"job": one.label} for one in down.values]),
        )


def judged(targets: Sequence[_Target], naming: Naming) -> ItemResult:
    """What is down, and what was not scraped yet."""
    if not targets:
        reason = "Prometheus scrapes nothing: look at `scrape_configs`, and at its service discovery"
        return ItemResult(reason=reason)
    down = [one for one in targets if one.health == "down"]
    waiting = [one for one in targets if one.health == "unknown"]
    known = len(targets) - len(waiting)
    if not known:
        return ItemResult(reason=f"none of {len(targets)} targets was scraped yet: Prometheus has just begun")
    not_yet = f"; {len(waiting)} were not scraped yet" if waiting else ""
    common = {
        "threshold": "none down",
        "figures": _figures(len(down), len(targets)),
    }
    if not down:
        reason = f"{known} of {len(targets)} targets are up{not_yet}"
        return ItemResult(state=ItemState.OK, reason=reason, **common)
    named = ", ".join(one.named for one in down[:MOST_NAMED])
    more = f" and {len(down) - MOST_NAMED} more" if len(down) > MOST_NAMED else ""
    return ItemResult(
        state=ItemState.BAD,
        reason=f"{len(down)} of {len(targets)} targets are down: {named}{more}{not_yet}",
        details=tuple(f"{said} ({number} targets)" for said, number in _errors(down).most_common(10)),
        tables=(_table(down),),
        services=_services(naming, [one.labels for one in down]),
        **common,
    )


def _errors(down: Sequence[_Target]) -> Counter[str]:
    """One cause often takes many: what differs only in the address is one error."""
    return Counter(
        clean(one.error.replace(one.labels.get("instance", "\0"), "…"), 200) or "without an error"
        for one in down
    )


def _table(down: Sequence[_Target]) -> Table:
    rows = tuple((one.named, clean(one.error, 200), one.scraped_at[:19] + " UTC") for one in down[:MOST_ROWS])
    return Table(title="Targets that are down", columns=("target", "last error", "last tried"), rows=rows)


def _every(targets: Sequence[_Target]) -> Table:
    order = sorted(targets, key=lambda one: (one.health != "down", one.health == "up", one.named))
    rows = tuple((one.named, one.health, clean(one.error, 200)) for one in order[:MOST_ROWS])
    return Table(title="targets", columns=("target", "health", "last error"), rows=rows)


def _figures(down: int, every: int) -> tuple[Figure, ...]:
    return Figure(name="targets down", value=down), Figure(name="targets", value=every)


def _services(naming: Naming, down: Sequence[dict[str, str]]) -> tuple[str, ...]:
    found = (naming.service_of(labels) for labels in down)
    return tuple(dict.fromkeys(one for one in found if one))
