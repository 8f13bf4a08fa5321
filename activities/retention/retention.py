"""Whether Prometheus keeps its series for long enough: by its settings, and by the data that it has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from temporalio import activity

from activities.monitoring.metrics import MetricKind, QueryMetric
from activities.monitoring.prometheus import Prometheus
from activities.monitoring.prometheus_answers import NotKnown
from activities.retention.reach import STEPS, goes_back
from activities.retention.settings import Retention, retention_in
from activities.support.heartbeats import beating
from activities.support.redaction import clean
from models.base import Duration, Interval, Model, in_days
from models.checks.item import Figure, ItemResult, ItemState

OLDEST = 'time() - min({__name__=~"process_start_time_seconds|node_boot_time_seconds"} > 0)'
"""How long the oldest process or machine of which there are data has been running, in seconds."""
SPARE = timedelta(hours=3)
"""Data go in blocks of two hours, and a block is dropped as a whole."""


class LookAtRetention(Model):
    """Whether the Prometheus at `prometheus` keeps what is `wanted`."""

    prometheus: str
    wanted: Interval = timedelta(days=15)
    within: Duration = timedelta(seconds=5)


class _Runtime(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)
    start_time: datetime
    storage_retention: str = ""


_FLAGS = TypeAdapter(dict[str, str])


@dataclass(frozen=True)
class Server:
    """What the server says of itself."""

    retention: Retention
    runs_for: timedelta
    back: timedelta | None
    oldest: timedelta | None
    """How long the oldest thing that it watches has been running; None where nothing tells that."""


class RetentionActivities:
    """Asks the running Prometheus: its settings are flags, and stand in no file."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus

    @activity.defn
    async def look_at_retention(self, request: LookAtRetention) -> ItemResult:
        """`bad` when it keeps less than is wanted, or has lost what it should have kept.

        `attention` when its data begin with its own start, and what it watches is older: a new Prometheus
        looks like one that has lost its volume.
        """
        now = datetime.now(UTC)
        query = QueryMetric(url=request.prometheus, query="", within=request.within)
        try:
            async with beating():
                server = await self._server(query, request.wanted)
        except NotKnown as unknown:
            return ItemResult(reason=unknown.reason, observed_at=now, threshold=_threshold(request))
        except ValidationError:
            reason = "its answer is not that of Prometheus: ask the store that keeps its series for long"
            return ItemResult(reason=reason, observed_at=now, threshold=_threshold(request))
        state, reason = judged(server, request.wanted)
        days = server.retention.time / timedelta(days=1) if server.retention.time else None
        back = round(server.back / timedelta(days=1), 2) if server.back is not None else None
        return ItemResult(
            state=state,
            reason=reason,
            threshold=_threshold(request),
            link=f"{request.prometheus.rstrip('/')}/status",
            observed_at=now,
            figures=(
                Figure(name="retention", value=days, unit=" days"),
                Figure(name="data go back", value=back, unit=" days"),
            ),
        )

    async def _server(self, query: QueryMetric, wanted: timedelta) -> Server:
        flags = _FLAGS.validate_python(await self._prometheus.told(query, "status/flags"))
        if "agent" in flags.get("enable-feature", "").split(",") or flags.get("agent") == "true":
            raise NotKnown(
                MetricKind.REFUSED_QUERY, "this Prometheus is an agent, and keeps nothing: ask its store"
            )
        runtime = _Runtime.model_validate(await self._prometheus.told(query, "status/runtimeinfo"))
        said = runtime.storage_retention or flags.get("storage.tsdb.retention.time", "")
        retention = retention_in(said)
        if retention is None:
            raise NotKnown(
                MetricKind.NOT_A_NUMBER, f"its retention is {clean(said, 60)!r}, which is not known here"
            )
        clock = await self._prometheus.clock(query)
        back = await goes_back(self._prometheus, query, clock, wanted)
        runs_for = timedelta(seconds=max(0.0, clock - runtime.start_time.timestamp()))
        return Server(retention, runs_for, back, await self._oldest(query))

    async def _oldest(self, query: QueryMetric) -> timedelta | None:
        seen = await self._prometheus.query_metric(query.model_copy(update={"query": OLDEST}))
        return None if seen.value is None else timedelta(seconds=max(0.0, seen.value))


def judged(server: Server, wanted: timedelta) -> tuple[ItemState, str]:
    """By what is set, how long the server runs, and how far back its data go."""
    retention, back = server.retention, server.back
    spare = max(SPARE, wanted / 2**STEPS)
    if retention.time is not None and retention.time < wanted:
        return ItemState.BAD, (
            f"it keeps {retention}, and {in_days(wanted)} are wanted: start it with "
            f"--storage.tsdb.retention.time={_as_flag(wanted)}"
        )
    if back is None:
        return (
            ItemState.UNKNOWN,
            f"it is set to keep {retention}, but it has no data of any target now: see /targets",
        )
    if back + spare >= wanted:
        return ItemState.OK, f"it keeps {retention}, and its data go back {in_days(back)} or more"
    if server.runs_for < wanted and back + spare >= server.runs_for:
        return _of_fresh(server, back, spare)
    if retention.size is not None:
        return ItemState.BAD, (
            f"it keeps {retention}, and that size is reached after {in_days(back)}: raise "
            "--storage.tsdb.retention.size"
        )
    return ItemState.BAD, (
        f"it is set to keep {retention} and runs for {in_days(server.runs_for)}, but its data go back only "
        f"{in_days(back)}: look for lost blocks, deleted data or a volume that is not kept"
    )


def _of_fresh(server: Server, back: timedelta, spare: timedelta) -> tuple[ItemState, str]:
    """Of one that was started lately: data from before its start prove that its volume is kept."""
    began = f"its data go back {in_days(back)}, and it was started {in_days(server.runs_for)} ago"
    said = f"it keeps {server.retention}; {began}"
    if back > server.runs_for + spare:
        return ItemState.OK, said
    if server.oldest is not None and server.oldest > back + spare:
        return ItemState.ATTENTION, (
            f"{said}, while what it watches runs for {in_days(server.oldest)}: if it is not new, it has lost "
            "its data; keep its volume"
        )
    return ItemState.OK, f"{said}: if it is not new, its volume is not kept"


def _as_flag(wanted: timedelta) -> str:
    days = wanted / timedelta(days=1)
    return f"{days:.0f}d" if days == round(days) else f"{wanted.total_seconds():.0f}s"


def _threshold(request: LookAtRetention) -> str:
    return f"at least {in_days(request.wanted)}"
