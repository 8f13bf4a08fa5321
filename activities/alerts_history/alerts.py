"""The alerts of a week, by the series `ALERTS` that Prometheus keeps of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from pydantic import BaseModel, TypeAdapter, ValidationError
from temporalio import activity

from activities.alerts_history.episodes import Episode, episodes_of, interval_of
from activities.monitoring.metrics import QueryMetric
from activities.monitoring.prometheus import Prometheus
from activities.monitoring.prometheus_answers import NotKnown
from activities.retention.reach import goes_back
from activities.support.heartbeats import beating
from activities.support.redaction import clean
from models.base import Duration, Interval, Model, in_days, in_number, in_words
from models.checks.item import Figure, ItemResult, ItemState, Table
from models.configuration.configuration import Configuration
from models.incident.report import Chart, Series

FIRING = 'ALERTS{alertstate="firing"}'
PARTS = 28
"""The week is asked for in so many parts: in six hours at 15 s a hundred alerts may fire all the time."""
LIMIT = 4 * 2**20
MOST_ROWS = 40
MOST_BARS = 15
FLAPPING = timedelta(minutes=5)
"""Nobody can look at an alert that is over sooner than this."""


class _Rule(BaseModel):
    type: str = ""


class _Group(BaseModel):
    rules: list[_Rule] = []


class _Rules(BaseModel):
    groups: list[_Group]


_RULES = TypeAdapter(_Rules)


class LookAtAlerts(Model):
    """The alerts of the last `over`, by the Prometheus at `prometheus`."""

    prometheus: str
    over: Interval = timedelta(days=7)
    noisy_from: int = 3
    within: Duration = timedelta(seconds=20)
    """For each part."""


@dataclass(frozen=True)
class _Fired:
    """One alert of one service."""

    alert: str
    service: str
    episodes: tuple[Episode, ...]
    instances: int
    still: bool

    @property
    def total(self) -> float:
        return sum(one.lasted for one in self.episodes)

    @property
    def usual(self) -> float:
        return median(one.lasted for one in self.episodes)


class AlertHistoryActivities:
    """Asks Prometheus; the configuration tells which service an alert is about."""

    def __init__(self, prometheus: Prometheus, configuration: Callable[[], Configuration]) -> None:
        self._prometheus = prometheus
        self._configuration = configuration

    @activity.defn
    async def look_at_alerts(self, request: LookAtAlerts) -> ItemResult:
        """How often, for how long and for which service each alert fired.

        An alert that mostly is over before anybody could look needs attention. `unknown` when Prometheus
        cannot tell, or evaluates no rules at all.
        """
        now = datetime.now(UTC)
        query = QueryMetric(url=request.prometheus, query=FIRING, within=request.within)
        try:
            async with beating():
                ended_at = await self._prometheus.clock(query)
                samples = await self._samples(query, request.over, ended_at)
                blind = "" if samples else await self._why_none(query)
                remarks = await self._remark(query, request.over, ended_at)
        except NotKnown as unknown:
            return ItemResult(reason=unknown.reason, observed_at=now)
        except ValidationError:
            return ItemResult(reason="the answer is not that of Prometheus", observed_at=now)
        if blind:
            return ItemResult(reason=blind, observed_at=now)
        fired = self._fired(samples, ended_at)
        return _result(fired, request, now, remarks)

    async def _samples(
        self, query: QueryMetric, over: timedelta, ended_at: float
    ) -> dict[tuple[tuple[str, str], ...], list[float]]:
        """The times of the samples of each series."""
        part = over.total_seconds() / PARTS
        found: dict[tuple[tuple[str, str], ...], list[float]] = {}
        for number in range(PARTS - 1, -1, -1):
            asked = query.model_copy(update={"query": f"{FIRING}[{part * 1000:.0f}ms]"})
            for one in await self._prometheus.series(asked, ended_at - number * part, LIMIT):
                times = found.setdefault(tuple(sorted(one.metric.items())), [])
                times += [at for at, _ in one.values if not times or at > times[-1]]
        return found

    async def _why_none(self, query: QueryMetric) -> str:
        """Empty when no alert fired; else why nobody can know that."""
        rules = _RULES.validate_python(await self._prometheus.told(query, "rules?type=alert", LIMIT))
        if any(one.type == "alerting" for group in rules.groups for one in group.rules):
            return ""
        return "Prometheus has no rule that could raise an alert: load some under rule_files"

    async def _remark(self, query: QueryMetric, over: timedelta, ended_at: float) -> tuple[str, ...]:
        """What a reader must know where its data begin within the week."""
        back = await goes_back(self._prometheus, query, ended_at, over)
        if back is None or back >= over:
            return ()
        return (f"Prometheus has data of the last {in_days(back)} only",)

    def _fired(
        self, samples: Mapping[tuple[tuple[str, str], ...], Sequence[float]], ended_at: float
    ) -> list[_Fired]:
        configuration, interval = self._configuration(), interval_of(samples.values())
        groups: dict[tuple[str, str], list[Sequence[float]]] = {}
        for labels, times in samples.items():
            said = dict(labels)
            alert = said.get("alertname", "")
            groups.setdefault((alert, configuration.service_named(alert, said)), []).append(times)
        found = []
        for (alert, service), instances in groups.items():
            episodes = episodes_of(instances, interval)
            still = ended_at - episodes[-1].ended < 2 * interval
            found.append(_Fired(alert, service, tuple(episodes), len(instances), still))
        return sorted(found, key=lambda one: (-len(one.episodes), -one.total, one.alert, one.service))


def _noisy(fired: Sequence[_Fired], request: LookAtAlerts) -> list[_Fired]:
    short = FLAPPING.total_seconds()
    return [one for one in fired if len(one.episodes) >= request.noisy_from and one.usual < short]


def _result(
    fired: Sequence[_Fired], request: LookAtAlerts, now: datetime, remarks: tuple[str, ...]
) -> ItemResult:
    noisy = _noisy(fired, request)
    times = sum(len(one.episodes) for one in fired)
    week = in_days(request.over)
    if not fired:
        reason = f"no alert fired within {week}"
    elif noisy:
        first = noisy[0]
        reason = (
            f"{_named(first)} fired {len(first.episodes)} times, and was over within "
            f"{in_words(timedelta(seconds=round(first.usual)))} mostly"
        )
    else:
        fired_so_often = (
            f"{in_number(len(fired), 'alert')} fired, {in_number(times, 'time')} in all within {week}"
        )
        reason = f"{fired_so_often}; most often {_named(fired[0])}"
    return ItemResult(
        state=ItemState.ATTENTION if noisy else ItemState.OK,
        reason=reason,
        threshold=f"{request.noisy_from} times, and mostly over within {in_words(FLAPPING)}, is noise",
        link=f"{request.prometheus.rstrip('/')}/alerts",
        observed_at=now,
        details=(
            *(
                f"{_named(one)}: raise its `for`, or its threshold, so that it fires only for what lasts"
                for one in noisy[:10]
            ),
            *remarks,
        ),
        figures=(
            Figure(name="alerts fired", value=times),
            Figure(name="hours of alerts", value=round(sum(one.total for one in fired) / 3600, 2), unit=" h"),
            Figure(name="noisy alerts", value=len(noisy)),
        ),
        tables=(_table(fired, noisy),) if fired else (),
        charts=(_chart(fired),) if fired else (),
    )


def _named(one: _Fired) -> str:
    return clean(f"{one.alert} of {one.service}", 120)


def _table(fired: Sequence[_Fired], noisy: Sequence[_Fired]) -> Table:
    rows = tuple(
        (
            clean(one.alert, 80),
            clean(one.service, 60),
            str(len(one.episodes)),
            in_words(timedelta(seconds=round(one.total))),
            in_words(timedelta(seconds=round(one.usual))),
            str(one.instances),
            "still fires" if one.still else ("noise" if one in noisy else ""),
        )
        for one in fired[:MOST_ROWS]
    )
    left = len(fired) - len(rows)
    columns = ("alert", "service", "times", "in all", "median", "instances", "")
    return Table(title=f"Alerts{f', without {left} more' if left else ''}", columns=columns, rows=rows)


def _chart(fired: Sequence[_Fired]) -> Chart:
    shown = fired[:MOST_BARS]
    return Chart(
        name="alerts",
        title="How often each alert fired",
        says=", ".join(f"{_named(one)} {in_number(len(one.episodes), 'time')}" for one in shown),
        labels=tuple(_named(one) for one in shown),
        series=(Series(name="times", values=tuple(float(len(one.episodes)) for one in shown)),),
    )
