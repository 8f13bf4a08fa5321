"""A report for people: sentences, charts with their numbers, and what may be done next."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from models.base import Model

MOST_POINTS = 200


class ChartKind(StrEnum):
    """Bars for what is counted by itself, a line for what goes on."""

    BARS = "bars"
    LINE = "line"


class Series(Model):
    """One colour of a chart: a value for each label; None where it is not known."""

    name: str
    values: tuple[float | None, ...] = Field(max_length=MOST_POINTS)
    low: tuple[float | None, ...] = Field(default=(), max_length=MOST_POINTS)
    high: tuple[float | None, ...] = Field(default=(), max_length=MOST_POINTS)
    """With `low` the band in which the values of a line probably are, such as those of a forecast."""


class Chart(Model):
    """Bars or points, one for each label and series. `says` tells it in words, for who cannot see it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")
    """A part of its file's name."""
    kind: ChartKind = ChartKind.BARS
    title: str
    says: str
    labels: tuple[str, ...] = Field(max_length=MOST_POINTS)
    series: tuple[Series, ...] = Field(max_length=4)
    unit: str = ""
    line: float | None = None
    """A threshold that is drawn across."""


class Report(Model):
    """What an incident found out, where nothing is to be changed by the product."""

    title: str
    paragraphs: tuple[str, ...]
    charts: tuple[Chart, ...] = ()
    to_do: tuple[str, ...] = ()
    """What a person may do next, as open boxes."""


class WriteReport(Model):
    """Keep the report of one run beside its review, which comes later."""

    incident: str
    run_id: str
    began_at: datetime
    report: Report
