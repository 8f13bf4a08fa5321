"""Numbers from Prometheus, by expressions of the configuration.

`runbook.md`, HighErrorRate: "Verify error rate"; the check of most other alerts too. What
Prometheus does not know is `unknown`, each time with its own reason, and never zero.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from activities.monitoring.metrics import (
    LabelledValue,
    MetricByLabel,
    MetricKind,
    MetricSeen,
    Point,
    QueryByLabel,
    QueryMetric,
    QueryRange,
    SeriesSeen,
)
from activities.support.http import NoAnswer, ask, shown
from activities.support.redaction import clean
from models.base import in_words
from models.evidence.evidence import Finding

MOST_POINTS = 500
ANSWER_LIMIT = 4 * 2**20


class _Series(BaseModel):
    metric: dict[str, str] = {}
    value: tuple[float, float] | None = None
    values: list[tuple[float, float]] = []


class _Data(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    type: Literal["vector", "matrix"] = Field(alias="resultType")
    result: list[_Series]


class _Scalar(BaseModel):
    type: Literal["scalar"] = Field(alias="resultType")
    result: tuple[float, float]


class _Answered(BaseModel):
    status: Literal["success", "error"]
    data: _Data | _Scalar | None = None
    error: str = ""


class _NotKnown(Exception):
    """Why there is no number, in one sentence."""

    def __init__(self, kind: MetricKind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


class Prometheus:
    """Asks Prometheus with one shared HTTP client. None of these raises for its trouble."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def query_metric(self, request: QueryMetric) -> MetricSeen:
        """One number. More than one series is no answer: an expression that forgot its `sum` shows here."""
        now = datetime.now(UTC)
        try:
            await self._must_be_fresh(request, now)
            series = await self._instant(request, request.query, now)
            value = _only(series, request)
        except _NotKnown as unknown:
            return MetricSeen(kind=unknown.kind, reason=unknown.reason, observed_at=now)
        reason = f"{value:g}{_of(request)}"
        return MetricSeen(
            finding=Finding.OK, kind=MetricKind.SEEN, value=value, reason=reason, observed_at=now
        )

    async def query_by_label(self, request: QueryByLabel) -> MetricByLabel:
        """The largest numbers by the values of one label, such as the error ratio by route."""
        now = datetime.now(UTC)
        try:
            await self._must_be_fresh(request, now)
            values = _labelled(await self._instant(request, request.query, now), request)
        except _NotKnown as unknown:
            return MetricByLabel(kind=unknown.kind, reason=unknown.reason, observed_at=now)
        reason = ", ".join(f"{one.label} {one.value:g}" for one in values[:3])
        return MetricByLabel(
            finding=Finding.OK, kind=MetricKind.SEEN, values=values, reason=reason, observed_at=now
        )

    async def query_range(self, request: QueryRange) -> SeriesSeen:
        """One series over time; the step grows so that there are never more than 500 points."""
        now = datetime.now(UTC)
        try:
            await self._must_be_fresh(request, now)
            points = _points(await self._over_time(request, request.until or now), request)
        except _NotKnown as unknown:
            return SeriesSeen(kind=unknown.kind, reason=unknown.reason, observed_at=now)
        first, last = points[0].value, points[-1].value
        reason = f"from {first:g} to {last:g} over {in_words(request.over)}{_of(request)}"
        return SeriesSeen(
            finding=Finding.OK, kind=MetricKind.SEEN, points=points, reason=reason, observed_at=now
        )

    async def _must_be_fresh(self, request: QueryMetric, now: datetime) -> None:
        if not request.samples:
            return
        newest = f"max(timestamp({request.samples}))"
        series = await self._instant(request, newest, now)
        if not series or series[0].value is None:
            raise _NotKnown(MetricKind.STALE, f"no sample within the last 5 min{_of(request)}")
        age = now - datetime.fromtimestamp(series[0].value[1], UTC)
        if age > request.fresh_for:
            raise _NotKnown(MetricKind.STALE, f"the newest sample is {in_words(age)} old{_of(request)}")

    async def _instant(self, request: QueryMetric, query: str, now: datetime) -> list[_Series]:
        return await self._ask(request, "query", {"query": query, "time": f"{now.timestamp():.3f}"})

    async def _over_time(self, request: QueryRange, until: datetime) -> list[_Series]:
        step = max(request.step, request.over / (MOST_POINTS - 1), timedelta(seconds=1))
        params = {
            "query": request.query,
            "start": f"{(until - request.over).timestamp():.3f}",
            "end": f"{until.timestamp():.3f}",
            "step": f"{step.total_seconds():.3f}",
        }
        return await self._ask(request, "query_range", params)

    async def _ask(self, request: QueryMetric, path: str, params: dict[str, str]) -> list[_Series]:
        url = f"{request.url.rstrip('/')}/api/v1/{path}"
        try:
            answer = await ask(self._client, url, within=request.within, limit=ANSWER_LIMIT, params=params)
            if answer.status not in (400, 422):
                answer.whole(url)
            answered = _Answered.model_validate_json(answer.body)
        except NoAnswer as no_answer:
            reason = f"Prometheus cannot be asked: {no_answer.reason}"
            raise _NotKnown(MetricKind.UNREACHABLE, reason) from None
        except ValidationError:
            reason = f"the answer at {shown(url)} is not that of Prometheus"
            raise _NotKnown(MetricKind.UNREACHABLE, reason) from None
        match answered.data:
            case _Data() as data:
                return data.result
            case _Scalar() as scalar:
                return [_Series(value=scalar.result)]
        said = clean(answered.error, 200)
        raise _NotKnown(MetricKind.REFUSED_QUERY, f"Prometheus refuses the query{_of(request)}: {said}")


def _of(request: QueryMetric) -> str:
    return f" of {request.service}" if request.service else ""


def _single(series: list[_Series], request: QueryMetric) -> _Series:
    if not series:
        raise _NotKnown(MetricKind.EMPTY, f"Prometheus has no data for this query{_of(request)}")
    if len(series) > 1:
        many = f"the query gives {len(series)} series where one is needed{_of(request)}"
        raise _NotKnown(MetricKind.SEVERAL, many)
    return series[0]


def _only(series: list[_Series], request: QueryMetric) -> float:
    sample = _single(series, request).value
    if sample is None or not math.isfinite(sample[1]):
        reason = f"the query gives no finite number{_of(request)}: there was nothing to divide by"
        raise _NotKnown(MetricKind.NOT_A_NUMBER, reason)
    return sample[1]


def _labelled(series: list[_Series], request: QueryByLabel) -> tuple[LabelledValue, ...]:
    if not series:
        raise _NotKnown(MetricKind.EMPTY, f"Prometheus has no data for this query{_of(request)}")
    values = [
        LabelledValue(label=clean(one.metric.get(request.label, ""), 120), value=one.value[1])
        for one in series
        if one.value is not None and math.isfinite(one.value[1])
    ]
    if not values:
        raise _NotKnown(MetricKind.NOT_A_NUMBER, f"none of {len(series)} series is a number{_of(request)}")
    return tuple(sorted(values, key=lambda one: (-one.value, one.label))[: request.top])


def _points(series: list[_Series], request: QueryRange) -> tuple[Point, ...]:
    points = tuple(
        Point(at=datetime.fromtimestamp(at, UTC), value=value)
        for at, value in _single(series, request).values[:MOST_POINTS]
        if math.isfinite(value)
    )
    if not points:
        raise _NotKnown(MetricKind.NOT_A_NUMBER, f"no point of the series is a number{_of(request)}")
    return points
