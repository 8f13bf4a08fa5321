"""The parts of `checks.monthly`: how thresholds are measured, and what is forecast."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, field_validator

from models.base import Configured, Interval
from models.names import ServiceName
from models.service.addresses import WebAddress
from models.service.costs import WINDOW


class ThresholdSettings(Configured):
    """How thresholds are measured against the baseline, and when another value is proposed."""

    every: Interval = Field(default=timedelta(minutes=5), ge=timedelta(minutes=1))
    """Between two points. A month at 5 minutes are 8,640 of them."""
    lasts: Interval = timedelta(minutes=5)
    """How long a threshold of this file must be crossed without a break for its alert to fire; a rule of
    Prometheus has its own `for`."""
    headroom: float = Field(default=0.25, gt=0, le=5)
    """What a raised threshold leaves above the usual peak, as a share of it."""
    least_data: Interval = Field(default=timedelta(days=7), ge=timedelta(days=1))
    """With less nothing is proposed."""
    most_rules: int = Field(default=20, ge=0, le=100)
    """So many alert rules of Prometheus are measured, those that fire now first."""


class DatabaseSize(Configured):
    """The size of a database over time, and what it may grow to; both in bytes."""

    prometheus: WebAddress | None = None
    """By default that of `systems`."""
    size: str = "sum(pg_database_size_bytes)"
    """PromQL."""
    limit: str = ""
    """Bytes, such as `50g`, or PromQL that gives them, such as the size of its disk."""


class VideoVolume(Configured):
    """The videos of a day, and how many there may be."""

    prometheus: WebAddress | None = None
    made: str = Field(min_length=1)
    """PromQL for the videos of the last `$window`, such as `sum(increase(videos_total[$window]))`."""
    at_most: float = Field(gt=0)
    """Videos a day: what the queue takes, or what is allowed."""

    @field_validator("made")
    @classmethod
    def _asks_for_a_time(cls, value: str) -> str:
        if WINDOW not in value:
            raise ValueError(f"write [{WINDOW}] where the time goes, as in increase(videos_total[{WINDOW}])")
        return value


class ForecastSettings(Configured):
    """What is forecast beside cost and p95, and how sure a forecast must be."""

    level: float = Field(default=0.8, ge=0.5, le=0.99)
    """The share of cases in which the interval shall hold what comes."""
    bad_within: Interval = timedelta(days=30)
    """A limit that is reached so soon is `bad`."""
    attention_within: Interval = timedelta(days=90)
    databases: dict[ServiceName, DatabaseSize] = Field(default_factory=dict)
    videos: dict[ServiceName, VideoVolume] = Field(default_factory=dict)
