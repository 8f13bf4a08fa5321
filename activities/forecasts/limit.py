"""When a trend reaches a limit: a day, and between which days that probably is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from activities.forecasts.trend import Trend

HORIZON = 365
"""Days. Nothing is said of what comes later."""


class When(StrEnum):
    ALREADY = "already"
    ABOUT = "about"
    UNCERTAIN = "uncertain"
    """It may be reached within the horizon; as likely not."""
    NOT_WITHIN = "not within 12 months"


@dataclass(frozen=True)
class Reached:
    """`earliest` and `latest` bound it as surely as the trend says; None is later than the horizon."""

    when: When
    on: date | None = None
    earliest: date | None = None
    latest: date | None = None

    @property
    def says(self) -> str:
        """As the end of the sentence "the limit is reached …"."""
        if self.when in (When.ALREADY, When.NOT_WITHIN):
            return self.when.value
        between = f"between {self.earliest} and {self.latest or 'later than 12 months'}"
        return f"about {self.on} ({between})" if self.on else f"uncertain: {between}"


def reached(trend: Trend, limit: float) -> Reached:
    """When the line reaches it on the highest weekday. That a single day may do so before is noise."""
    room = limit - trend.peak
    if trend.line(0).value >= room:
        return Reached(When.ALREADY, trend.last)
    on = _first(trend, lambda ahead: trend.line(ahead).value >= room)
    earliest = _first(trend, lambda ahead: trend.line(ahead).high >= room)
    latest = _first(trend, lambda ahead: trend.line(ahead).low >= room)
    if earliest is None:
        return Reached(When.NOT_WITHIN)
    return Reached(When.ABOUT if on else When.UNCERTAIN, on, earliest, latest)


def _first(trend: Trend, is_reached: Callable[[int], bool]) -> date | None:
    ahead = next((ahead for ahead in range(HORIZON + 1) if is_reached(ahead)), None)
    return None if ahead is None else trend.last + timedelta(days=ahead)
