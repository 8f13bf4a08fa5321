"""What every action has: a service, a risk, and words for the person who is asked at 3 a.m.

An action says what it does, what it changes and how it is undone. None carries anything that
came in with an alert.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

from models.base import Model
from models.service.service import Service


class Risk(StrEnum):
    """What an action may cost: `safe` nothing, `guarded` a short outage, `dangerous` data or reach."""

    SAFE = "safe"
    GUARDED = "guarded"
    DANGEROUS = "dangerous"

    @property
    def rank(self) -> int:
        return list(Risk).index(self)


class Change(Model):
    """What every action has: the service it changes, and why."""

    risk: ClassVar[Risk]
    service: Service
    kind: str
    """The name of the action, which each gives by its own default."""

    @property
    def says(self) -> str:
        """What is done, as an order."""
        raise NotImplementedError

    @property
    def changes(self) -> str:
        """What is different afterwards."""
        raise NotImplementedError

    @property
    def undo(self) -> str:
        """How it is reverted; empty when it cannot be."""
        return ""

    @property
    def outlives_its_worker(self) -> timedelta:
        """How long what it began may still run after its worker has died."""
        return timedelta()


A = TypeVar("A", bound=Change)


class Perform(Model, Generic[A]):
    """The request of every effect: the action, and since when it has been wanted.

    An effect that finds itself done after `asked_at` does nothing and says so, so that a lost
    answer never becomes a second restart.
    """

    action: A
    asked_at: datetime

    @property
    def runs_at(self) -> Service:
        return self.action.service


class Effect(Model):
    """What an action did, told by looking at the service afterwards."""

    done: bool
    found: str
    """One sentence: what was seen after the action, or why it was not done."""
    at: datetime
    before: str = ""
    after: str = ""
