"""A day begins at midnight of its zone, also when its clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from models.configuration.configuration import Configuration
from models.zone import midnight_after, midnight_before


@pytest.mark.parametrize(
    ("moment", "zone", "midnight"),
    [
        ("2026-11-26T17:00", "UTC", "2026-11-27T00:00"),
        ("2026-11-26T00:00", "UTC", "2026-11-27T00:00"),
        ("2026-11-26T17:00", "Asia/Tokyo", "2026-11-27T15:00"),
        ("2026-11-26T14:59", "Asia/Tokyo", "2026-11-26T15:00"),
        ("2026-03-28T22:30", "Europe/Berlin", "2026-03-28T23:00"),
        ("2026-03-28T23:30", "Europe/Berlin", "2026-03-29T22:00"),
        ("2026-10-24T22:30", "Europe/Berlin", "2026-10-25T23:00"),
        ("2026-03-08T05:30", "America/New_York", "2026-03-09T04:00"),
    ],
    ids=["utc", "at midnight", "Tokyo", "just before", "the eve", "23 hours", "25 hours", "New York"],
)
def test_the_next_day_begins(moment: str, zone: str, midnight: str) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    next_day = midnight_after(at, zone)
    assert next_day == datetime.fromisoformat(midnight).replace(tzinfo=UTC)
    assert midnight_before(at, zone) <= at < next_day == midnight_before(next_day, zone)


@pytest.mark.parametrize(
    ("eve", "zone", "begins"),
    [
        ("2026-04-23T20:00", "Africa/Cairo", "2026-04-24T01:00:00+03:00"),
        ("2026-09-06T02:00", "America/Santiago", "2026-09-06T01:00:00-03:00"),
    ],
)
def test_a_day_without_midnight_begins_when_its_clocks_change(eve: str, zone: str, begins: str) -> None:
    """Clocks go from 24:00 to 01:00."""
    begin = midnight_after(datetime.fromisoformat(eve).replace(tzinfo=UTC), zone)
    assert begin.astimezone(ZoneInfo(zone)).isoformat() == begins


def test_a_day_with_two_midnights_begins_with_the_first() -> None:
    """On the Azores clocks go from 01:00 back to 00:00."""
    begins = midnight_after(datetime(2026, 10, 24, 22, tzinfo=UTC), "Atlantic/Azores")
    after = midnight_after(begins + timedelta(minutes=90), "Atlantic/Azores")
    assert begins == datetime(2026, 10, 25, 0, tzinfo=UTC)
    assert after == datetime(2026, 10, 26, 1, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "/etc/localtime", "Europe"])
def test_an_unknown_zone_is_a_mistake_of_the_configuration(zone: str) -> None:
    with pytest.raises(ValidationError, match="no known time zone"):
        Configuration.of({"time_zone": zone}, ())
