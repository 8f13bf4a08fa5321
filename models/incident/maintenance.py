"""Times in which nothing is done and nobody is called: maintenance windows, and the kill switch."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from models.base import Model
from models.calendar import Calendar
from models.incident.incident import LONGEST_SAID
from models.names import AlertName, ServiceName
from models.redaction.redact import redact

LONGEST_WINDOW = timedelta(days=7)
LONGEST_OF_MANY = timedelta(hours=12)
"""A window that comes again is shorter: there is always time between two of them."""
MOST_WINDOWS = 50
"""With all their words they are far less than one payload of Temporal."""
LONGEST_WHY = 500
LAST_YEAR = 9000
"""Far from the last moment that a clock can tell: every end of a window is one."""
_CHAINED = 100
"""So many windows may follow one another without a break."""

NO_REASON = "no reason given"


def _short(said: str) -> str:
    return redact(said[:LONGEST_SAID])[:LONGEST_WHY]


Said = Annotated[str, AfterValidator(_short)]
"""A person's words: cut to a bound, without what looks like a secret."""


class Paused(Model):
    """Why an incident stands still, since when, and until when; without an end until somebody resumes."""

    why: str
    since: datetime
    until: datetime | None = None
    quiet: bool = True
    """Whether the window is for the incident itself: nobody is called. Otherwise only what it wants to do
    is on a service that has a window."""


class Window(Model):
    """A time of maintenance, of one service, one alert, one alert of one service, or the whole fleet.

    One that comes again begins whenever its calendar says so, and lasts as long each time.
    """

    id: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    service: ServiceName | None = None
    alert: AlertName | None = None
    begins: AwareDatetime
    """The first moment at which it may be in force."""
    lasts: timedelta = Field(gt=timedelta())
    again: Calendar | None = None
    by: Said = ""
    why: Said = ""

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        longest = LONGEST_OF_MANY if self.again else LONGEST_WINDOW
        if self.lasts > longest:
            hours = round(longest / timedelta(hours=1))
            raise ValueError(f"a window {'that comes again ' * bool(self.again)}lasts at most {hours} hours")
        if self.begins.year > LAST_YEAR:
            raise ValueError(f"a window begins in the year {LAST_YEAR} or before")
        return self

    @property
    def about(self) -> str:
        """`backend`, `HighErrorRate`, `HighErrorRate on backend`, `the fleet`."""
        if self.alert and self.service:
            return f"{self.alert} on {self.service}"
        return self.alert or self.service or "the fleet"

    def covers(self, alert: str, service: str) -> bool:
        return self.alert in (None, alert) and self.service in (None, service)

    def span(self, now: datetime) -> tuple[datetime, datetime] | None:
        """Its begin and end as of now: those in force, else the next; None when it is over."""
        if self.again is None:
            end = self.begins + self.lasts
            return (self.begins, end) if now < end else None
        moments = (self.again.last_due(now), self.again.next_due(max(now, self.begins)))
        for begin in (one.astimezone(UTC) for one in moments if one):  # of a zone they would count its hours
            if begin >= self.begins and now < begin + self.lasts:
                return begin, begin + self.lasts
        return None

    def in_force(self, now: datetime) -> bool:
        span = self.span(now)
        return span is not None and span[0] <= now

    def standing(self, now: datetime) -> str:
        """When it is, whose and why, to stand above the incidents; empty when it is over."""
        if (span := self.span(now)) is None:
            return ""
        again = f", again {self.again.words}" if self.again else ""
        when = f"{span[0]:%Y-%m-%d %H:%M} to {span[1]:%Y-%m-%d %H:%M} UTC{again}"
        return f"{self.about} {when} by {self.by}: {self.why}"

    def words(self, now: datetime) -> str:
        """`maintenance of backend until 04:00 UTC by ada: moving the database`."""
        span = self.span(now)
        end = f" until {span[1]:%Y-%m-%d %H:%M %Z}" if span else ""
        return f"maintenance of {self.about}{end} by {self.by}: {self.why or NO_REASON}"


def end_of(windows: Iterable[Window], now: datetime) -> datetime:
    """When the last of the windows ends that are in force, or begin before another one ends."""
    every, end = tuple(windows), now
    for _ in range(_CHAINED):
        spans = [span for one in every if (span := one.span(end)) and span[0] <= end]
        if not spans:
            break
        end = max(span[1] for span in spans)
    return end


class EndWindow(Model):
    """A person ends a window before its time; of one that comes again, what is in force."""

    id: str
    for_good: bool = False
    """It does not come again either."""
