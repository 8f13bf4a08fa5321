"""Numbers from Prometheus, by expressions of the configuration.

What Prometheus does not know is `unknown` with a reason, and never zero.

Its clock may differ from ours, so ages are measured by its clock, and the times of points are told
by ours.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import ValidationError

from activities.monitoring.metrics import (
    MetricByLabel,
    MetricKind,
    MetricSeen,
    QueryByLabel,
    QueryMetric,
    QueryRange,
    SeriesSeen,
)
from activities.monitoring.prometheus_answers import (
    Answered,
    Metadata,
    NotKnown,
    Scalar,
    Series,
    Told,
    about,
    age,
    by_label,
    finite,
    only_number,
    points_of,
    total_of,
)
from activities.support.http import NoAnswer, ask, shown
from activities.support.redaction import clean
from models.base import in_words
from models.evidence.evidence import Finding

MOST_POINTS = 500
ANSWER_LIMIT = 2**20

SAME_TIME = timedelta(seconds=2)
"""Two clocks that differ by less are the same: the answer took some of it."""


class Prometheus:
    """Asks Prometheus with one shared HTTP client. None of these raises for its trouble."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def query_metric(self, request: QueryMetric) -> MetricSeen:
        """One number. More than one series is no answer: an expression that forgot its `sum` shows here."""
        now = datetime.now(UTC)
        try:
            await self._must_be_fresh(request)
            value = only_number(await self._instant(request, request.query), request)
        except NotKnown as unknown:
            return MetricSeen(kind=unknown.kind, reason=unknown.reason, observed_at=now)
        reason = f"{value:g}{about(request)}"
        return MetricSeen(
            finding=Finding.OK, kind=MetricKind.SEEN, value=value, reason=reason, observed_at=now
        )

    async def query_by_label(self, request: QueryByLabel) -> MetricByLabel:
        """The largest numbers by the values of one label, such as the error ratio by route."""
        now = datetime.now(UTC)
        try:
            await self._must_be_fresh(request)
            series = await self._as_of(request)
            values = by_label(series, request)
        except NotKnown as unknown:
            return MetricByLabel(kind=unknown.kind, reason=unknown.reason, observed_at=now)
        reason = ", ".join(f"{one.label} {one.value:g}" for one in values[:3])
        return MetricByLabel(
            finding=Finding.OK,
            kind=MetricKind.SEEN,
            values=values,
            total=total_of(series),
            reason=reason,
            observed_at=now,
        )

    async def query_range(self, request: QueryRange) -> SeriesSeen:
        """One series over time; the step grows so that there are never more than 500 points."""
        now = datetime.now(UTC)
        try:
            await self._must_be_fresh(request)
            ahead = await self._clock_ahead(request)
            series = await self._over_time(request, (request.until or now) + ahead)
            points = points_of(series, request, ahead, MOST_POINTS)
        except NotKnown as unknown:
            return SeriesSeen(kind=unknown.kind, reason=unknown.reason, observed_at=now)
        first, last = points[0].value, points[-1].value
        reason = f"from {first:g} to {last:g} over {in_words(request.over)}{about(request)}"
        return SeriesSeen(
            finding=Finding.OK, kind=MetricKind.SEEN, points=points, reason=reason, observed_at=now
        )

    async def labels_of(self, request: QueryMetric, label: str) -> tuple[str, ...] | None:
        """None when series of `request.samples` carry this label; else the labels that they carry.

        Also None when that could not be found out.
        """
        try:
            if any(
                one.metric.get(label)
                for one in await self._instant(request, f"count by ({label}) ({request.samples})")
            ):
                return None
            some = await self._instant(request, f"topk(20, {request.samples})")
        except NotKnown:
            return None
        return tuple(sorted({name for one in some for name in one.metric} - {"__name__"})) if some else None

    async def type_of(self, request: QueryMetric, metric: str) -> str:
        """What the scraped service says that this metric is, such as `counter`; empty when unknown."""
        url = f"{request.url.rstrip('/')}/api/v1/metadata"
        try:
            answer = await ask(
                self._client, url, within=request.within, limit=ANSWER_LIMIT, params={"metric": metric}
            )
            said = Metadata.model_validate_json(answer.whole(url)).data.get(metric, [])
        except (NoAnswer, ValidationError):
            return ""
        types = {one.type for one in said}
        return types.pop() if len(types) == 1 else ""

    async def series(
        self, request: QueryMetric, at: float | None = None, limit: int = ANSWER_LIMIT
    ) -> list[Series]:
        """Every series of an expression, as of now or of `at`: seconds since 1970 by Prometheus' own clock.

        Raises `NotKnown`; an empty list is an answer.
        """
        params = {"query": request.query} | ({"time": f"{at:.3f}"} if at is not None else {})
        return await self._ask(request, "query", params, limit)

    async def told(self, request: QueryMetric, path: str, limit: int = ANSWER_LIMIT) -> Any:
        """What another part of its API tells, such as `status/flags`. Raises `NotKnown`."""
        url = f"{request.url.rstrip('/')}/api/v1/{path}"
        try:
            answer = await ask(self._client, url, within=request.within, limit=limit)
            return Told.model_validate_json(answer.whole(url)).data
        except NoAnswer as no_answer:
            reason = f"Prometheus cannot be asked: {no_answer.reason}"
            raise NotKnown(MetricKind.UNREACHABLE, reason) from None
        except ValidationError:
            reason = f"the answer at {shown(url)} is not that of Prometheus"
            raise NotKnown(MetricKind.UNREACHABLE, reason) from None

    async def clock(self, request: QueryMetric) -> float:
        """Seconds since 1970 by its own clock. Raises `NotKnown`."""
        seconds = finite(await self._instant(request, "time()"))
        if seconds is None or not 0 <= seconds < 2**33:
            raise NotKnown(MetricKind.NOT_A_NUMBER, "Prometheus does not tell its time")
        return seconds

    async def _must_be_fresh(self, request: QueryMetric) -> None:
        if not request.samples:
            return
        series = await self._instant(request, f"max(timestamp({request.samples}))")
        old = age(series)
        if old is None:
            raise NotKnown(MetricKind.STALE, f"no sample within the last 5 min{about(request)}")
        if old > request.fresh_for:
            raise NotKnown(MetricKind.STALE, f"the newest sample is {in_words(old)} old{about(request)}")

    async def _clock_ahead(self, request: QueryMetric) -> timedelta:
        """How far its clock is ahead of ours."""
        asked_at = datetime.now(UTC)
        try:
            seconds = await self.clock(request)
        except NotKnown as unknown:
            if unknown.kind is MetricKind.NOT_A_NUMBER:
                return timedelta()
            raise
        ours = asked_at + (datetime.now(UTC) - asked_at) / 2
        ahead = datetime.fromtimestamp(seconds, UTC) - ours
        return ahead if abs(ahead) >= SAME_TIME else timedelta()

    async def _as_of(self, request: QueryByLabel) -> list[Series]:
        if request.at is None:
            return await self._instant(request, request.query)
        at = request.at + await self._clock_ahead(request)
        return await self._ask(request, "query", {"query": request.query, "time": f"{at.timestamp():.3f}"})

    async def _instant(self, request: QueryMetric, query: str) -> list[Series]:
        """As of now by its own clock: with ours, a clock that is wrong would ask for the past."""
        return await self._ask(request, "query", {"query": query})

    async def _over_time(self, request: QueryRange, until: datetime) -> list[Series]:
        step = max(request.step, request.over / (MOST_POINTS - 1), timedelta(seconds=1))
        params = {
            "query": request.query,
            "start": f"{(until - request.over).timestamp():.3f}",
            "end": f"{until.timestamp():.3f}",
            "step": f"{step.total_seconds():.3f}",
        }
        return await self._ask(request, "query_range", params)

    async def _ask(
        self, request: QueryMetric, path: str, params: dict[str, str], limit: int = ANSWER_LIMIT
    ) -> list[Series]:
        url = f"{request.url.rstrip('/')}/api/v1/{path}"
        try:
            answer = await ask(self._client, url, within=request.within, limit=limit, params=params)
            if answer.status not in (400, 422):
                answer.whole(url)
            answered = Answered.model_validate_json(answer.body)
        except NoAnswer as no_answer:
            reason = f"Prometheus cannot be asked: {no_answer.reason}"
            raise NotKnown(MetricKind.UNREACHABLE, reason) from None
        except ValidationError:
            reason = f"the answer at {shown(url)} is not that of Prometheus"
            raise NotKnown(MetricKind.UNREACHABLE, reason) from None
        if answered.status == "error" or answered.data is None:
            said = clean(answered.error, 200)
            raise NotKnown(MetricKind.REFUSED_QUERY, f"Prometheus refuses the query{about(request)}: {said}")
        if answered.incomplete:
            said = clean(answered.incomplete, 200)
            raise NotKnown(MetricKind.INCOMPLETE, f"the answer{about(request)} is not complete: {said}")
        if isinstance(answered.data, Scalar):
            return [Series(value=answered.data.result)]
        return answered.data.result
