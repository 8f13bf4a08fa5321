"""Notifications late, twice and out of order: `startsAt` orders what arrival times cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from models.incident.alert import Alert, AlertStatus
from models.incident.alert_life import Change
from workflows.record.alert_state import FLAPS, AlertState
from workflows.record.timeline import Timeline

BEGAN = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
NOW = BEGAN + timedelta(hours=1)


def alert(minute: int = 0, status: AlertStatus = AlertStatus.FIRING) -> Alert:
    return Alert(
        name="ServiceDown", service="backend", status=status, starts_at=BEGAN + timedelta(minutes=minute)
    )


def over(minute: int = 0) -> Alert:
    return alert(minute, AlertStatus.RESOLVED)


def hearing(*alerts: Alert) -> AlertState:
    """The state of an alert that began at minute 0, after these notifications."""
    state = AlertState(alert(), Timeline(lambda: NOW))
    for one in alerts:
        state.hear(one)
    return state


def test_resolved_at_the_time_it_was_heard() -> None:
    state = hearing(over())
    assert (state.resolved, state.resolved_at, state.fired_again) == (True, NOW, False)


def test_a_repeat_says_nothing_new() -> None:
    timeline = Timeline(lambda: NOW)
    state = AlertState(alert(), timeline)
    assert {state.hear(alert()) for _ in range(100)} == {Change.REPEATED}
    assert (timeline.entries, state.flapping) == ([], False)


def test_resolved_twice_is_written_once() -> None:
    timeline = Timeline(lambda: NOW)
    state = AlertState(alert(), timeline)
    state.hear(over())
    state.hear(over())
    assert [entry.text for entry in timeline.entries] == ["the alert is resolved"]


def test_what_is_older_than_what_is_known_is_ignored() -> None:
    assert not hearing(over(-1)).resolved
    assert not hearing(over(), alert(-1)).fired_again
    assert not hearing(alert(5), over(0)).resolved


def test_the_firing_that_was_resolved_already_is_stale() -> None:
    state = hearing(over(), alert())
    assert (state.resolved, state.fired_again) == (True, False)


def test_a_resolution_may_arrive_before_its_own_firing() -> None:
    state = hearing(over(5), alert(5))
    assert (state.resolved, state.fired_again) == (True, False)


def test_a_new_start_fires_again() -> None:
    state = hearing(over(), alert(5))
    assert (state.resolved, state.fired_again) == (True, True), "the first is over, and another began"
    assert state.alert == alert(5)


def test_resolved_again_it_is_over() -> None:
    state = hearing(over(), alert(5), over(5))
    assert (state.resolved, state.fired_again) == (True, False)


def instance(fingerprint: str, minute: int, status: AlertStatus = AlertStatus.FIRING) -> Alert:
    return alert(minute, status).model_copy(update={"fingerprint": fingerprint})


def test_two_instances_are_over_when_neither_fires() -> None:
    state = AlertState(instance("a", 0), Timeline(lambda: NOW))
    assert state.hear(instance("b", 5)) is Change.JOINED
    assert (state.fired_again, state.flapping) == (False, False), "another instance is no second firing"
    state.hear(instance("b", 5, AlertStatus.RESOLVED))
    assert not state.resolved
    state.hear(instance("a", 0, AlertStatus.RESOLVED))
    assert state.resolved, "its startsAt is older than the newest that was heard"


def test_what_a_person_fired_is_over_when_the_source_says_so() -> None:
    by_hand = alert(5).model_copy(update={"source": "command", "fingerprint": ""})
    state = AlertState(by_hand, Timeline(lambda: NOW))
    state.hear(instance("a", 0))
    assert not state.resolved
    state.hear(instance("a", 0, AlertStatus.RESOLVED))
    assert (state.resolved, state.fired_again) == (True, False)


def test_many_instances_are_no_flapping() -> None:
    state = AlertState(instance("a", 0), Timeline(lambda: NOW))
    heard = [state.hear(instance(name, minute)) for minute, name in enumerate("bcdefgh", start=1)]
    assert set(heard) == {Change.JOINED}
    assert not state.flapping


def test_what_fires_while_the_incident_closes_is_another_one() -> None:
    state = AlertState(instance("a", 0), Timeline(lambda: NOW))
    state.closing = True
    state.hear(instance("b", 5))
    assert state.fired_again


def test_flapping_is_told_once() -> None:
    state = AlertState(alert(), Timeline(lambda: NOW))
    told = []
    for minute in range(1, 21):
        for one in (over(minute - 1), alert(minute)):
            state.hear(one)
            told.append(state.began_to_flap)
    assert told.count(True) == 1
    assert told.index(True) == 2 * FLAPS - 1
    assert state.flapping


@given(st.lists(st.builds(alert, st.integers(-3, 9), st.sampled_from(list(AlertStatus))), max_size=8))
def test_the_newest_start_decides_whatever_else_is_heard(noise: list[Alert]) -> None:
    for life in (hearing(*noise, over(10)), hearing(*noise, over(10), *noise)):
        assert not life.life.firing
    assert hearing(*noise, alert(10)).life.firing
