"""What Prometheus was asked, and what it knew.

Prometheus down, an empty vector, NaN and stale data are four ways to know nothing: each is
`unknown` with a reason of its own. Whether a number is good or bad is decided by who asked.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from models.base import Duration, Model
from models.evidence.evidence import Evidence


class MetricKind(StrEnum):
    """The ways in which a query ends. Only `seen` has a number."""

    SEEN = "seen"
    EMPTY = "empty"
    NOT_A_NUMBER = "not-a-number"
    STALE = "stale"
    SEVERAL = "several"
    REFUSED_QUERY = "refused-query"
    INCOMPLETE = "incomplete"
    UNREACHABLE = "unreachable"
    NOT_ASKED = "not-asked"


class QueryMetric(Model):
    """One number by one PromQL expression, which comes from the configuration and never from an alert."""

    url: str
    """Base address of Prometheus."""
    query: str
    service: str = ""
    samples: str = ""
    """A selector of the samples behind the query: their newest must be younger than `fresh_for`.

    An expression such as `rate(...[5m])` has a value long after its samples stopped to come.
    """
    fresh_for: Duration = timedelta(minutes=2)
    within: Duration = timedelta(seconds=5)


class MetricSeen(Evidence):
    """One number, in the unit of its expression; None whenever it is not known."""

    kind: MetricKind = MetricKind.NOT_ASKED
    value: float | None = None


class QueryByLabel(QueryMetric):
    """The largest numbers of an expression with one series for each value of `label`."""

    label: str
    top: int = Field(default=10, ge=1, le=100)
    at: datetime | None = None
    """As of then, by our clock; by default as of now."""


class LabelledValue(Model):
    label: str
    value: float


class MetricByLabel(Evidence):
    """The largest first. What is not a finite number is left out."""

    kind: MetricKind = MetricKind.NOT_ASKED
    values: tuple[LabelledValue, ...] = ()
    total: float | None = None
    """Of all series, not only of the largest; None when one of them is no finite number."""


class QueryRange(QueryMetric):
    """One series over the last `over`, up to now or `until`, with a point every `step` or fewer."""

    over: Duration
    step: Duration = timedelta(seconds=15)
    until: datetime | None = None


class Point(Model):
    at: datetime
    value: float


class SeriesSeen(Evidence):
    """The points of one series, oldest first, at most 500. Gaps stay gaps: nothing is filled in."""

    kind: MetricKind = MetricKind.NOT_ASKED
    points: tuple[Point, ...] = ()
