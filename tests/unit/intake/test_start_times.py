"""When an alert began whose source has a wrong clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from intake.alerts import start_times
from intake.alerts.start_times import MOST, StartTimes

INCIDENT = "ServiceDown/backend"


def ahead(by: timedelta) -> datetime:
    return datetime.now(UTC) + by


def test_a_time_in_the_far_future_becomes_the_time_of_its_coming() -> None:
    now = datetime.now(UTC)
    began = StartTimes().of(INCIDENT, "a", ahead(timedelta(hours=24)))
    assert now <= began <= now + timedelta(seconds=5)


def test_a_fast_clock_and_the_past_keep_their_time() -> None:
    for by in (timedelta(minutes=2), timedelta(days=-3)):
        claimed = ahead(by)
        assert StartTimes().of(INCIDENT, "a", claimed) == claimed


def test_the_same_claim_began_at_the_same_time_however_often_it_is_sent() -> None:
    kept, claimed = StartTimes(), ahead(timedelta(hours=24))
    assert len({kept.of(INCIDENT, "a", claimed) for _ in range(5)}) == 1


def test_another_instance_incident_or_claim_has_a_beginning_of_its_own() -> None:
    kept, claimed = StartTimes(), ahead(timedelta(hours=24))
    others = [
        (INCIDENT, "a", claimed),
        (INCIDENT, "b", claimed),
        ("ServiceDown/frontend", "a", claimed),
        (INCIDENT, "a", claimed + timedelta(seconds=1)),
    ]
    assert len({kept.of(*other) for other in others}) == len(others)


def test_a_claim_that_time_has_caught_up_with_keeps_its_substitute() -> None:
    kept = StartTimes()
    claimed = ahead(start_times.CLOCKS_DIFFER + timedelta(milliseconds=20))
    first = kept.of(INCIDENT, "a", claimed)
    assert first < claimed
    while datetime.now(UTC) + start_times.CLOCKS_DIFFER < claimed:
        pass  # 20 ms at most
    assert kept.of(INCIDENT, "a", claimed) == first


@pytest.mark.parametrize(("number", "same"), [(MOST - 1, True), (MOST, False)])
def test_only_so_many_are_remembered(number: int, same: bool) -> None:
    kept, claimed = StartTimes(), ahead(timedelta(hours=24))
    first = kept.of(INCIDENT, "first", claimed)
    for other in range(number):
        kept.of(INCIDENT, str(other), claimed)
    assert (kept.of(INCIDENT, "first", claimed) == first) is same
