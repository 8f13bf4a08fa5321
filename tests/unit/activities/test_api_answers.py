"""The spellings of times and numbers in answers of the application's API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from activities.app.answers import Got, Unreadable, age_of, moment, read
from activities.app.products import LastSync, ProductCount

NOW = datetime(2026, 11, 26, 18, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
FIVE = datetime(2026, 11, 26, 17, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-26T17:00:00Z", FIVE),
        ("2026-11-26T18:00:00+01:00", FIVE),
        ("2026-11-26 17:00:00+00", FIVE),
        ("2026-11-26 18:00:00", FIVE),
        ("2026-11-26T17:00:00.0000000Z", FIVE),
        ("2026-11-26 17:00:00 UTC", FIVE),
        ("2026-11-26T17:00:00Z[UTC]", FIVE),
        ("Thu, 26 Nov 2026 17:00:00 GMT", FIVE),
        ("Thu Nov 26 2026 17:00:00 GMT+0000 (Coordinated Universal Time)", FIVE),
        (FIVE.timestamp(), FIVE),
        (int(FIVE.timestamp() * 1000), FIVE),
        (str(int(FIVE.timestamp())), FIVE),
        (int(FIVE.timestamp()) * 10**9, FIVE),
        ("an hour ago", FIVE),
        ("60 minutes ago", FIVE),
        ("just now", NOW),
        (None, None),
        ("never", None),
        ("", None),
        (0, None),
        ("0001-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:00.000Z", None),
    ],
)
def test_the_usual_spellings_of_a_time(text: object, at: datetime | None) -> None:
    assert moment(text, BERLIN, NOW) == at


@pytest.mark.parametrize(
    "value",
    ["yesterday", "2026-11-26", True, 300, 1e300, "nan", [], {}, 10**400, "999999999 days ago", "9999"],
)
def test_what_is_no_time_is_named(value: Any) -> None:
    with pytest.raises(Unreadable, match=r"has `lastSync` .*, which is "):
        read({"lastSync": value}, LastSync, "UTC", NOW)


@pytest.mark.parametrize(
    ("content", "age"),
    [
        ({"lastSync": FIVE.isoformat()}, timedelta(hours=1)),
        ({"lastSync": FIVE.isoformat(), "ageSeconds": 90}, timedelta(seconds=90)),
        ({"age_ms": "90000"}, timedelta(seconds=90)),
        ({"minutesAgo": 1.5}, timedelta(seconds=90)),
        ({"age": "1m30s"}, timedelta(seconds=90)),
        ({"data": {"synced_at": FIVE.timestamp()}}, timedelta(hours=1)),
        ({"lastSync": None, "ageSeconds": None}, None),
    ],
)
def test_an_age_that_is_told_is_believed(content: dict[str, Any], age: timedelta | None) -> None:
    assert age_of(Got(read(content, LastSync, "UTC", NOW), NOW)) == age


@pytest.mark.parametrize(
    ("content", "count"),
    [(12, 12), ("12", 12), ({"count": "1,234"}, 1234), ({"data": 7}, 7), ({"totalProducts": 0}, 0)],
)
def test_the_usual_spellings_of_a_number(content: object, count: int) -> None:
    assert read(content, ProductCount, "UTC", NOW).count == count


@pytest.mark.parametrize(
    "content", [{"count": None}, {"count": -1}, {"count": True}, {"items": []}, None, "many"]
)
def test_what_is_no_number_is_named(content: object) -> None:
    with pytest.raises(Unreadable, match=r"count|nothing"):
        read(content, ProductCount, "UTC", NOW)
