"""The answers of Prometheus, and of what speaks as it does, as numbers: or why there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from activities.monitoring.metrics import (
    LabelledValue,
    MetricKind,
    Point,
    QueryByLabel,
    QueryMetric,
    QueryRange,
)
from activities.support.redaction import clean

_NO_LOSS = "PromQL info:"
"""So begins a warning that tells of the expression, and not of data that is missing."""

_LATEST = datetime(9000, 1, 1, tzinfo=UTC).timestamp()


class Series(BaseModel):
    """One series; `histogram` stands in place of `value` where the expression gives one."""

    metric: dict[str, str] = {}
    value: tuple[float, float] | None = None
    values: list[tuple[float, float]] = []
    histogram: Any = None


class Data(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    type: Literal["vector", "matrix"] = Field(alias="resultType")
    result: list[Series]


class Scalar(BaseModel):
    type: Literal["scalar"] = Field(alias="resultType")
    result: tuple[float, float]


class Answered(BaseModel):
    """One answer. A store that could not be reached is only a warning: the rest comes all the same."""

    status: Literal["success", "error"]
    data: Data | Scalar | None = None
    error: str = ""
    warnings: list[str] | None = None

    @property
    def incomplete(self) -> str:
        """What is missing in it, if anything."""
        return next((one for one in self.warnings or () if not one.startswith(_NO_LOSS)), "")


class Told(BaseModel):
    """An answer of another shape."""

    status: Literal["success"]
    data: Any


class MetricType(BaseModel):
    type: str = ""


class Metadata(BaseModel):
    """What the scraped services say of their metrics."""

    data: dict[str, list[MetricType]]


class NotKnown(Exception):
    """Why there is no number, in one sentence."""

    def __init__(self, kind: MetricKind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


def about(request: QueryMetric) -> str:
    return f" of {request.service}" if request.service else ""


def finite(series: Sequence[Series]) -> float | None:
    """The number of the first series, if there is one."""
    value = series[0].value if series else None
    return value[1] if value is not None and math.isfinite(value[1]) else None


def age(series: Sequence[Series]) -> timedelta | None:
    """How old a time is that an expression gives, at the moment of the answer."""
    newest = finite(series)
    if newest is None or series[0].value is None:
        return None
    seconds = series[0].value[0] - newest
    return timedelta(seconds=seconds) if abs(seconds) < 1e9 else None


def only_number(series: Sequence[Series], request: QueryMetric) -> float:
    """The one finite number that the expression must give."""
    one = _single(series, request)
    if one.value is None:
        reason = f"the query gives a histogram{about(request)}, and no number"
        raise NotKnown(MetricKind.NOT_A_NUMBER, reason)
    if not math.isfinite(one.value[1]):
        reason = f"the query gives no finite number{about(request)}: there was nothing to divide by"
        raise NotKnown(MetricKind.NOT_A_NUMBER, reason)
    return one.value[1]


def by_label(series: Sequence[Series], request: QueryByLabel) -> tuple[LabelledValue, ...]:
    """The largest numbers; of two series with one label, the larger."""
    if not series:
        raise _no_data(request)
    largest: dict[str, float] = {}
    for one in series:
        if one.value is not None and math.isfinite(one.value[1]):
            label = clean(one.metric.get(request.label, ""), 120)
            largest[label] = max(one.value[1], largest.get(label, -math.inf))
    if not largest:
        raise NotKnown(MetricKind.NOT_A_NUMBER, f"none of {len(series)} series is a number{about(request)}")
    values = (LabelledValue(label=label, value=value) for label, value in largest.items())
    return tuple(sorted(values, key=lambda one: (-one.value, one.label))[: request.top])


def total_of(series: Sequence[Series]) -> float | None:
    """The sum of all; None when one of them is no finite number."""
    values = [one.value[1] if one.value is not None else math.nan for one in series]
    return sum(values) if all(math.isfinite(value) for value in values) else None


def points_of(
    series: Sequence[Series], request: QueryRange, ahead: timedelta, most: int
) -> tuple[Point, ...]:
    """The finite points of the one series, by our clock."""
    points = tuple(
        Point(at=datetime.fromtimestamp(at, UTC) - ahead, value=value)
        for at, value in _single(series, request).values[:most]
        if math.isfinite(value) and 0 <= at < _LATEST
    )
    if not points:
        raise NotKnown(MetricKind.NOT_A_NUMBER, f"no point of the series is a number{about(request)}")
    return points


def _single(series: Sequence[Series], request: QueryMetric) -> Series:
    if not series:
        raise _no_data(request)
    if len(series) > 1:
        labels = sorted({name for one in series for name in one.metric})
        differ = [name for name in labels if len({one.metric.get(name) for one in series}) > 1]
        by = f", which differ in {clean(', '.join(differ[:4]), 120)}" if differ else ""
        many = f"the query gives {len(series)} series where one is needed{about(request)}{by}"
        raise NotKnown(MetricKind.SEVERAL, many)
    return series[0]


def _no_data(request: QueryMetric) -> NotKnown:
    return NotKnown(MetricKind.EMPTY, f"Prometheus has no data for this query{about(request)}")
