"""Revenue of whole days: what is compared with what, and when nobody can say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from activities.analytics.answers import RevenueAnswer
from activities.analytics.comparison import Comparison, Incomplete, compare
from activities.app.answers import Unreadable, read

NOW = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)  # a Thursday
YESTERDAY, DAY_BEFORE, WEEK_BEFORE = date(2026, 11, 25), date(2026, 11, 24), date(2026, 11, 18)


def compared(content: Any, zone: str = "UTC", now: datetime = NOW) -> Comparison:
    answer = read(content, RevenueAnswer, zone, now)
    return compare(answer.days, answer.currency, zone, now)


def why_not(content: Any, zone: str = "UTC", now: datetime = NOW) -> str:
    with pytest.raises(Incomplete) as raised:
        compared(content, zone, now)
    return str(raised.value)


def days(**changes: Any) -> list[dict[str, Any]]:
    """Two weeks until today: 100 a day, yesterday 80, and today only 12 so far."""
    amounts: dict[date, Any] = {NOW.date() - timedelta(days=number): 100 for number in range(14)}
    amounts |= {NOW.date(): 12, YESTERDAY: 80}
    amounts |= {
        date.fromisoformat(f"2026-{day.removeprefix('d').replace('_', '-')}"): value
        for day, value in changes.items()
    }
    return [
        {"day": day.isoformat(), "dollars": amount} for day, amount in amounts.items() if amount != "gone"
    ]


def test_today_is_not_over_and_looks_like_no_decline() -> None:
    total = compared({"days": days(d11_25=100)}).total
    assert (total.now, total.before, total.lost) == (100, 100, 0)


def test_the_last_whole_day_is_compared_with_the_day_before_and_the_same_weekday_of_last_week() -> None:
    found = compared({"days": days(d11_18=90)})
    assert (found.of, found.total.now, found.total.before, found.total.week_ago) == (
        "Wed 2026-11-25",
        80,
        100,
        90,
    )
    assert found.total.lost == 20


def test_which_day_it_is_follows_the_time_zone_of_the_application() -> None:
    late = datetime(2026, 11, 26, 2, tzinfo=UTC)  # still the 25th in New York, and long the 26th in Manila
    assert compared({"days": days()}, "America/New_York", late).of == "Tue 2026-11-24"
    assert compared({"days": days()}, "Asia/Manila", late).of == "Wed 2026-11-25"


def test_a_day_on_which_clocks_change_is_a_day() -> None:
    monday = datetime(2026, 10, 26, 0, 30, tzinfo=UTC)  # the day before has 25 hours: summer time ended
    figures = [{"day": f"2026-10-{day}", "dollars": day} for day in range(16, 27)]
    assert compared(figures, "Europe/Berlin", monday).of == "Sun 2026-10-25"
    hours = [
        {"at": (monday - timedelta(hours=number)).isoformat(), "amount": 1} for number in range(1, 24 * 9)
    ]
    assert compared(hours, "Europe/Berlin", monday).total.now == 24


@pytest.mark.parametrize(
    "content",
    [
        {"days": {"2026-11-25": 80, "2026-11-24": 100, "2026-11-18": 90}},
        {"revenue": {"2026-11-25": {"youtube": 30, "tiktok": 50}, "2026-11-24": {"youtube": 100}}},
        [{"date": "2026-11-25", "revenue": "80.00"}, {"date": "2026-11-24", "revenue": "1,00.00"}],
        {"data": {"days": [{"day": "2026-11-25", "usd": 80}, {"day": "2026-11-24", "usd": 100}]}},
        {
            "data": [
                {"date": "2026-11-25T00:00:00Z", "total": 80},
                {"date": "2026-11-24T00:00:00Z", "total": 100},
            ]
        },
        {"series": [{"timestamp": 1795564800, "value": 80}, {"timestamp": 1795478400000, "value": 100}]},
    ],
)
def test_the_usual_shapes_are_read(content: Any) -> None:
    total = compared(content).total
    assert (total.now, total.before) == (80, 100)


def test_midnights_of_utc_are_days_also_west_of_it() -> None:
    content = [{"date": "2026-11-25T00:00:00Z", "total": 80}, {"date": "2026-11-24T00:00:00Z", "total": 100}]
    assert compared(content, "America/New_York").of == "Wed 2026-11-25"


def by_platform(last: dict[str, Any], before: dict[str, Any], **more: Any) -> dict[str, Any]:
    rows = [
        {"day": day.isoformat(), "platform": name, "dollars": amount}
        for day, amounts in ((YESTERDAY, last), (DAY_BEFORE, before))
        for name, amount in amounts.items()
    ]
    return {"days": rows, **more}


def test_platforms_are_told_apart_the_largest_loss_first() -> None:
    found = compared(by_platform({"tiktok": 70, "youtube": 20}, {"tiktok": 75, "youtube": 100}))
    assert [(one.name, one.lost) for one in found.platforms] == [("youtube", 80), ("tiktok", 5)]
    assert found.total.now == 90
    nested = [
        {"day": "2026-11-25", "platforms": {"tiktok": 70, "youtube": 20}, "total": 90},
        {"day": "2026-11-24", "platforms": [{"platform": "tiktok", "dollars": 175}]},
    ]
    assert compared(nested).total.now == 90


def test_a_sum_beside_its_parts_is_not_added_to_them() -> None:
    amounts = {"all": 90, "youtube": 20, "tiktok": 70}
    assert compared(by_platform(amounts, {"all": 175, "youtube": 100, "tiktok": 75})).total.now == 90


def test_refunds_are_negative_revenue_and_told() -> None:
    found = compared(by_platform({"youtube": -30, "tiktok": 70}, {"youtube": 100, "tiktok": 75}))
    assert (found.total.now, found.refunds) == (40, -30)


def test_more_was_given_back_than_earned_the_day_before() -> None:
    found = compared({"days": days(d11_25=-80, d11_24=-20)})
    assert found.total.share_of(found.total.before) is None
    assert found.total.lost == 60


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], "no figures at all"),
        (days(d11_25="gone"), "no figure of Wed 2026-11-25 yet"),
        (days(d11_24="gone"), "no figure of the day before Wed 2026-11-25"),
        (days(d11_25=None), "no figure of Wed 2026-11-25 yet"),
        (days(d11_25=0), "every figure of Wed 2026-11-25 is 0, as before they are imported"),
        ([*days(), {"day": "2026-11-25", "dollars": 80}], "two figures of the total for 2026-11-25"),
        (by_platform({"tiktok": 70}, {"tiktok": 75, "youtube": 100}), "no figure of youtube for"),
        (by_platform({"tiktok": 70, "youtube": None}, {"tiktok": 75}), "the figure of youtube for"),
        ([{"day": "last Tuesday", "dollars": 1}], "'last Tuesday' in it is neither a day nor a time"),
        ([{"at": "2026-11-26T01:10:00Z", "amount": 1}], "its newest figure is 8 h 20 min old"),
        ([{"at": "2026-11-27T01:10:00Z", "amount": 1}], "its newest figure is still to come"),
        (
            [*days(), {"day": "2026-11-25", "dollars": 9, "currency": "EUR", "platform": "tiktok"}],
            "several currencies, which cannot be added: EUR, none named",
        ),
    ],
)
def test_what_is_not_certain_is_not_compared(content: Any, reason: str) -> None:
    assert reason in why_not(content)


def test_a_week_that_was_not_asked_for_is_not_compared_with() -> None:
    assert compared({"days": days()[:3]}).total.week_ago is None


def test_a_day_without_a_figure_is_shown_as_not_known_and_not_as_nothing() -> None:
    amounts = {one.day: one.amount for one in compared({"days": days(d11_20="gone")}).days}
    assert (amounts["11-20"], amounts["11-21"]) == (None, 100)
    assert "11-26" not in amounts, "today is not over"


def test_midnights_of_utc_are_over_when_the_day_of_utc_is() -> None:
    """In Tokyo it is the 27th already, and the 26th of UTC goes on for five hours."""
    evening = datetime(2026, 11, 26, 19, tzinfo=UTC)
    figures = [{**one, "day": f"{one['day']}T00:00:00Z"} for one in days(d11_25=100)]
    found = compared(figures, "Asia/Tokyo", evening)
    assert (found.of, found.total.lost) == ("Wed 2026-11-25", 0)
    assert found.days[-1].day == "11-25"


def by_the_hour(*missing: int) -> list[dict[str, Any]]:
    """1 an hour, but for those so many hours ago."""
    full = NOW.replace(minute=0)
    hours = (number for number in range(24 * 9) if number not in missing)
    return [{"at": (full - timedelta(hours=number)).isoformat(), "amount": 1} for number in hours]


def test_hours_that_are_imported_late_are_no_decline() -> None:
    found = compared(by_the_hour(*range(5)))
    assert (found.of, found.total.now, found.total.lost) == ("the 24 h until Thu 05:00", 24, 0)


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        (range(8, 18), "only 14 of 24 hours of the 24 h until"),
        (range(30, 40), "only 14 of 24 hours of the day before"),
    ],
)
def test_hours_that_are_missing_in_between_are_not_compared(missing: range, reason: str) -> None:
    assert reason in why_not(by_the_hour(*missing))


def test_hours_in_which_nothing_is_ever_sold_are_not_missed() -> None:
    found = compared([one for one in by_the_hour() if "T03" not in one["at"]])
    assert (found.total.now, found.total.lost) == (23, 0)


def test_what_is_no_amount_of_money_is_not_added() -> None:
    with pytest.raises(Unreadable):
        compared(days(d11_25=1e308))
