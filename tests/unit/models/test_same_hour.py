"""The same hour of the days before, over the changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from activities.baselines.hours import same_hour_before

HOUR = timedelta(hours=1)


def hours(now: datetime, zone: str) -> list[float]:
    return [ago / HOUR for ago in same_hour_before(now, 3, zone)]


def test_in_utc_it_is_a_day_and_a_day() -> None:
    assert hours(datetime(2026, 3, 30, 9, tzinfo=UTC), "UTC") == [24, 48, 72]


def test_a_day_with_the_clocks_forward_is_an_hour_shorter() -> None:
    assert hours(datetime(2026, 3, 30, 7, tzinfo=UTC), "Europe/Berlin") == [24, 47, 71]


def test_a_day_with_the_clocks_back_is_an_hour_longer() -> None:
    assert hours(datetime(2026, 10, 25, 8, tzinfo=UTC), "Europe/Berlin") == [25, 49, 73]
