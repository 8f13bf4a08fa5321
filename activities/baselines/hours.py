"""The same hour of the days before, by the wall clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo


def same_hour_before(now: datetime, days: int, zone: str) -> tuple[timedelta, ...]:
    """How long ago it was so late on each of the days before, yesterday first.

    A day on which clocks are set forward or back is an hour shorter or longer than others.
    """
    there = ZoneInfo(zone)
    local = now.astimezone(there)
    return tuple(now - (local - timedelta(days=day)).astimezone(now.tzinfo) for day in range(1, days + 1))
