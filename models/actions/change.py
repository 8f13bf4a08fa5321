"""The base of all actions: the service, the risk, and the sentences for the person who approves.

An action says what it does, what it changes and how to undo it. None holds content of an alert.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

from models.actions.allowed import Allowed
from models.base import Model
from models.service.service import Service


class Risk(StrEnum):
    """The possible damage: `safe` none, `guarded` a short outage, `dangerous` lost data or wider access."""

    SAFE = "safe"
    GUARDED = "guarded"
    DANGEROUS = "dangerous"

    @property
    def rank(self) -> int:
        return list(Risk).index(self)


class Setting(Model):
    """One setting that an action changes: as it is, and as it will be; an empty value is none."""

    name: str
    now: str
    then: str


class Change(Model):
    """The base of all actions."""

    risk: ClassVar[Risk]
    service: Service
    kind: str
    """The action's name in plans and in `risks`; the default of each class."""
    optional: ClassVar[bool] = False
    """Whether its plan goes on when it was not done."""
    restarts: ClassVar[bool] = False
    """Whether the service is started anew: so many within an hour are allowed unasked."""
    uses: ClassVar[tuple[str, ...] | None] = None
    """The parts of its service, besides `host` and `manager`, by which it is done: what was approved is not
    done when the configuration says something else of them since. None stands for every part."""
    puts_back: ClassVar[bool] = False
    """Whether it undoes what was only for a while, by a call: that goes by the file as it is now, whatever
    was edited since, also where the service is a dry run by now."""
    goes_back: ClassVar[bool] = False
    """Whether it goes back to what the steward recorded."""

    @property
    def says(self) -> str:
        """What is done, in the imperative."""
        raise NotImplementedError

    @property
    def repeats(self) -> str:
        """By what it is known that it was done before: what is done, without what was only seen."""
        return self.says

    @property
    def changes(self) -> str:
        """What is different afterwards."""
        raise NotImplementedError

    @property
    def sets(self) -> tuple[Setting, ...]:
        """What of it can be said as old and new values."""
        return ()

    @property
    def undo(self) -> str:
        """How to undo it; empty when it cannot be undone."""
        return ""

    @property
    def outlives_its_worker(self) -> timedelta:
        """How long it may still run after its worker died."""
        return timedelta()

    def strays(self, allowed: Allowed) -> Iterator[str]:
        """Which of its own values the configuration does not allow, a sentence each.

        What was only seen, such as a process or a session, is not judged here: its activity looks again.
        """
        yield from ()


A = TypeVar("A", bound=Change)


class Perform(Model, Generic[A]):
    """The request to perform an action.

    An action that was already done after `asked_at` is not done again, so that a lost answer never
    becomes a second restart.
    """

    action: A
    asked_at: datetime

    @property
    def runs_at(self) -> Service:
        return self.action.service


class ActionResult(Model):
    """The result of an action, as seen on the service afterwards."""

    done: bool
    found: str
    """One sentence: what was seen after the action, or why it was not done."""
    lost: bool = False
    """Whether it happened is unknown: its outcome was lost, and it cannot be seen."""
    recorded: bool = False
    """A dry run: it was not done, and its plan goes on as if it had been."""
    throttled: timedelta | None = None
    """It was refused for now: how long to wait before it is asked for again."""
    at: datetime
    before: str = ""
    after: str = ""
    kept: str = ""
    """The name of a file that is kept beside the review."""
