"""The status: what a person would look up by hand, as one page; its request and its answer."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from models.base import Model
from models.checks.item import Item, ItemState, worst
from models.service.service import Service


class StatusPart(StrEnum):
    """The pages of the status, in the order in which the overview has them."""

    SERVICES = "services"
    STACK = "stack"
    LOGS = "logs"
    DATABASE = "database"
    WORKFLOWS = "workflows"


SearchWord = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=100)]
"""Looked for in a log letter by letter, in either case: it is no pattern, which could take for ever."""


class StatusRequest(Model):
    """Which pages; by default all of them, of every service."""

    parts: tuple[StatusPart, ...] = Field(default=tuple(StatusPart), min_length=1)
    service: str = ""
    words: tuple[SearchWord, ...] = Field(default=(), max_length=20)
    """Search the logs for these instead of the configured `checks.status.words`."""


class StatusSection(Model):
    """One page."""

    part: StatusPart
    items: tuple[Item, ...]


class StatusReport(Model):
    """Everything that was asked for, as of now."""

    at: datetime
    sections: tuple[StatusSection, ...] = ()
    mistake: str = ""
    """Why nothing was looked at: what was asked for does not exist."""

    @property
    def state(self) -> ItemState:
        return worst([item for section in self.sections for item in section.items])


class SearchLog(Model):
    """Read the last lines of a service's log, and show the newest that fit."""

    service: Service
    most: int
    """Lines that are shown."""
    words: tuple[str, ...] = ()
    """Any of these must stand in a line that is shown; without one every line is."""


class SampleMetrics(Model):
    """Read the metrics that a service itself exports."""

    service: Service
    url: str
    most: int
    """Samples that are shown."""


class EngineOf(Model):
    """The engine that manages this service: everything that it runs is listed."""

    service: Service


class OwnRunsRequest(Model):
    """The product's own runs: how many are open, and which failed within this many hours."""

    hours: int = 24
