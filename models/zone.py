"""The time zone of the configuration: when its next day begins, and what its clocks show."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator


def _known(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # a path, a folder, a name that nobody knows
        raise ValueError(f"{name!r} is no known time zone: write it like Europe/Berlin or UTC") from None
    return name


Zone = Annotated[str, AfterValidator(_known)]
"""A time zone by its name in the IANA database, such as `Europe/Berlin`."""


def midnight_after(moment: datetime, zone: str) -> datetime:
    """When the next day begins in this zone, as UTC.

    A day that has no midnight, as where clocks are set forward at that hour, begins with the change.
    """
    there = ZoneInfo(zone)
    tomorrow = moment.astimezone(there).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), there).astimezone(UTC)


def midnight_before(moment: datetime, zone: str) -> datetime:
    """When this day began in this zone, as UTC."""
    there = ZoneInfo(zone)
    return datetime.combine(moment.astimezone(there).date(), time(), there).astimezone(UTC)
