"""A report for people: sentences, charts with their numbers, and what may be done next."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from models.base import Model

MOST_BARS = 40


class Series(Model):
    """One colour of a chart: a value for each label; None where it is not known."""

    name: str
    values: tuple[float | None, ...] = Field(max_length=MOST_BARS)


class Chart(Model):
    """Bars, one for each label and series. `says` tells the same in words, for who cannot see it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")
    """A part of its file's name."""
    title: str
    says: str
    labels: tuple[str, ...] = Field(max_length=MOST_BARS)
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
