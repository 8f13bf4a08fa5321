"""The incidents of a week, by Temporal's list of them and their reviews."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from temporalio import activity
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.service import RPCError

from activities.support.heartbeats import beating
from activities.support.redaction import clean
from models.base import Interval, Model, in_days, in_number, in_words
from models.checks.item import Figure, ItemResult, ItemState, Table
from models.incident.incident import Outcome
from models.incident.report import Chart, Series
from models.incident.review import Review
from models.incident.search_attributes import ALERT_NAME, SERVICE

MOST = 500
"""Incidents whose reviews are read, the newest."""
AT_ONCE = 8
WITHIN = timedelta(seconds=90)
MOST_ROWS = 40
MOST_BARS = 15
NOISE = 0.5
"""The share of its incidents that recovered by themselves, from which on an alert is noise."""


class LookAtIncidents(Model):
    """The incidents of the last `over`."""

    over: Interval = timedelta(days=7)
    noisy_from: int = 3
    temporal_ui: str = ""


@dataclass(frozen=True)
class Ended:
    """One incident, and what became of it; `lasted` in seconds, None while it is open."""

    alert: str
    service: str
    lasted: float | None = None
    noise: bool = False
    healed: bool = False
    escalated: bool = False
    by_person: bool = False
    lost: bool = False
    """It ended without a review: terminated, or failed."""

    @classmethod
    def of(cls, review: Review, alert: str, service: str) -> Ended:
        escalated = any(entry.text.startswith("escalated: ") for entry in review.timeline)
        done = any(one.done for one in review.performed)
        return cls(
            alert=alert,
            service=service,
            lasted=review.resolved_after.total_seconds(),
            noise=review.outcome is Outcome.SELF_RECOVERED and not escalated,
            healed=review.outcome is Outcome.RESOLVED and done and not escalated,
            escalated=escalated,
            by_person=review.outcome in (Outcome.CLOSED_BY_HUMAN, Outcome.CANCELLED),
        )


class IncidentHistoryActivities:
    """Lists incidents and reads their reviews through the worker's client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn
    async def look_at_incidents_of(self, request: LookAtIncidents) -> ItemResult:
        """What became of every incident: self-recovered, healed by us, escalated, closed by a person.

        `unknown` when Temporal cannot list them; attention when an alert mostly recovers by itself, or an
        incident ended without a review.
        """
        now = datetime.now(UTC)
        since = now - request.over
        query = (
            f"{ALERT_NAME.name} IS NOT NULL AND ExecutionStatus != 'ContinuedAsNew' AND "
            f"(ExecutionStatus = 'Running' OR CloseTime >= '{since:%Y-%m-%dT%H:%M:%SZ}')"
        )
        try:
            async with beating(), asyncio.timeout(WITHIN.total_seconds()):
                listed = [one async for one in self._client.list_workflows(query, limit=MOST + 1)]
                some = asyncio.Semaphore(AT_ONCE)
                ended = await asyncio.gather(*(self._ended(one, some) for one in listed[:MOST]))
        except TimeoutError:
            reason = f"Temporal did not give the incidents and their reviews within {in_words(WITHIN)}"
            return ItemResult(reason=reason, observed_at=now)
        except (RPCError, RuntimeError) as error:  # the SDK connects with a RuntimeError
            reason = f"Temporal cannot list the incidents: {clean(str(error), 160)}"
            return ItemResult(reason=reason, observed_at=now)
        return result_of(ended, request, now, cut=len(listed) > MOST)

    async def _ended(self, one: WorkflowExecution, some: asyncio.Semaphore) -> Ended:
        attributes = one.typed_search_attributes
        alert, service = attributes.get(ALERT_NAME) or "", attributes.get(SERVICE) or ""
        if one.status is WorkflowExecutionStatus.RUNNING:
            return Ended(alert, service)
        if one.status is not WorkflowExecutionStatus.COMPLETED:
            return Ended(alert, service, lost=True)
        handle = self._client.get_workflow_handle(one.id, run_id=one.run_id, result_type=Review)
        async with some:
            try:
                review = await handle.result(follow_runs=False)
            except (WorkflowFailureError, ValueError):  # of a version whose review was another one
                return Ended(alert, service, lost=True)
        return Ended.of(review, alert, service)


@dataclass(frozen=True)
class _Row:
    """The incidents of one alert and service."""

    alert: str
    service: str
    all: tuple[Ended, ...]

    @property
    def lasted(self) -> list[float]:
        return [one.lasted for one in self.all if one.lasted is not None]

    def count(self, which: Callable[[Ended], bool]) -> int:
        return sum(map(which, self.all))

    @property
    def noise(self) -> int:
        return self.count(lambda one: one.noise)

    @property
    def name(self) -> str:
        return clean(f"{self.alert} of {self.service}", 120)


def result_of(
    ended: Sequence[Ended], request: LookAtIncidents, now: datetime, cut: bool = False
) -> ItemResult:
    """The item, by what became of each incident."""
    rows = _rows(ended)
    noisy = [
        row
        for row in rows
        if row.noise >= request.noisy_from
        and row.noise >= NOISE * sum(one.lasted is not None for one in row.all)
    ]
    lost = sum(one.lost for one in ended)
    return ItemResult(
        state=ItemState.ATTENTION if noisy or lost else ItemState.OK,
        reason=_reason(ended, noisy, lost, request),
        threshold=f"{request.noisy_from} times, and mostly self-recovered, is noise",
        link=f"{request.temporal_ui}/namespaces" if request.temporal_ui else "",
        observed_at=now,
        details=(
            *(f"{row.name} recovered by itself {row.noise} of {len(row.all)} times" for row in noisy[:10]),
            *((f"{lost} ended without a review: they were terminated, or failed",) if lost else ()),
            *((f"only the newest {MOST} incidents are counted",) if cut else ()),
        ),
        figures=(
            Figure(name="incidents", value=len(ended)),
            Figure(name="self-recovered", value=sum(one.noise for one in ended)),
            Figure(name="healed by us", value=sum(one.healed for one in ended)),
            Figure(name="escalated", value=sum(one.escalated for one in ended)),
        ),
        tables=(_table(rows),) if rows else (),
        charts=(_chart(rows),) if rows else (),
    )


def _rows(ended: Sequence[Ended]) -> list[_Row]:
    groups: dict[tuple[str, str], list[Ended]] = {}
    for one in ended:
        groups.setdefault((one.alert, one.service), []).append(one)
    rows = [_Row(alert, service, tuple(group)) for (alert, service), group in groups.items()]
    return sorted(rows, key=lambda row: (-len(row.all), row.alert, row.service))


def _reason(ended: Sequence[Ended], noisy: Sequence[_Row], lost: int, request: LookAtIncidents) -> str:
    if not ended:
        return f"no incident within {in_days(request.over)}"
    if noisy:
        row = noisy[0]
        times = f"{row.noise} of {len(row.all)} times"
        return f"{row.name} recovered by itself {times}: raise its `for`, or its threshold"
    told = (
        (sum(one.noise for one in ended), "self-recovered"),
        (sum(one.healed for one in ended), "healed by us"),
        (sum(one.escalated for one in ended), "escalated"),
        (sum(one.by_person for one in ended), "closed by a person"),
        (sum(one.lasted is None and not one.lost for one in ended), "open"),
        (lost, "without a review"),
    )
    parts = ", ".join(f"{number} {what}" for number, what in told if number)
    return (
        f"{in_number(len(ended), 'incident')} within {in_days(request.over)}{f': {parts}' if parts else ''}"
    )


def _table(rows: Sequence[_Row]) -> Table:
    shown = rows[:MOST_ROWS]
    left = len(rows) - len(shown)
    return Table(
        title=f"Incidents{f', without {left} more' if left else ''}",
        columns=(
            *("alert", "service", "incidents", "in all", "median"),
            *("self-recovered", "healed by us", "escalated", "closed by a person"),
        ),
        rows=tuple(
            (
                clean(row.alert, 80),
                clean(row.service, 60),
                str(len(row.all)),
                in_words(timedelta(seconds=round(sum(row.lasted)))) if row.lasted else "-",
                in_words(timedelta(seconds=round(median(row.lasted)))) if row.lasted else "-",
                str(row.noise),
                str(row.count(lambda one: one.healed)),
                str(row.count(lambda one: one.escalated)),
                str(row.count(lambda one: one.by_person)),
            )
            for row in shown
        ),
    )


def _chart(rows: Sequence[_Row]) -> Chart:
    shown = rows[:MOST_BARS]
    kinds: tuple[tuple[str, Callable[[Ended], bool]], ...] = (
        ("self-recovered", lambda one: one.noise),
        ("healed by us", lambda one: one.healed),
        ("escalated", lambda one: one.escalated),
        ("closed by a person", lambda one: one.by_person),
    )
    return Chart(
        name="incidents",
        title="What became of the incidents",
        says=", ".join(
            f"{row.name} {in_number(len(row.all), 'time')}, {row.noise} self-recovered" for row in shown
        ),
        labels=tuple(row.name for row in shown),
        series=tuple(
            Series(name=name, values=tuple(float(row.count(which)) for row in shown)) for name, which in kinds
        ),
    )
