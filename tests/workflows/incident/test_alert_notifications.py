"""Duplicate, late, reordered and replayed notifications are normal input."""

from __future__ import annotations

from datetime import timedelta

from models.incident.alert import Alert, AlertStatus
from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.night import Incident, Night
from workflows.record.notification import UNREADABLE

SECOND = timedelta(seconds=1)


def over(alert: Alert) -> Alert:
    return alert.model_copy(update={"status": AlertStatus.RESOLVED})


def later(alert: Alert, by: timedelta) -> Alert:
    return alert.model_copy(update={"starts_at": alert.starts_at + by, "status": AlertStatus.FIRING})


async def waiting(night: Night) -> tuple[Alert, Incident]:
    """An incident that waits for an approval."""
    night.world.port = sights.TAKEN_PORT
    alert = await night.alert()
    handle = await night.fire(alert)
    await night.until(handle, "awaiting approval")
    return alert, handle


async def test_an_old_resolution_does_not_end_a_new_firing(night: Night) -> None:
    alert, handle = await waiting(night)
    await handle.signal("alert_changed", over(later(alert, -timedelta(hours=1))))
    await night.env.sleep(60)
    assert (await night.state(handle)).phase == "awaiting approval"
    await handle.signal("approve")
    assert (await night.end(handle)).outcome is Outcome.RESOLVED


async def test_an_old_firing_does_not_reopen_what_is_resolved(night: Night) -> None:
    alert, handle = await waiting(night)
    await handle.signal("alert_changed", over(alert))
    await handle.signal("alert_changed", alert)
    assert (await night.end(handle)).outcome is Outcome.RESOLVED_ELSEWHERE
    assert len(night.world.reviews) == 1


async def test_the_same_firing_a_hundred_times_is_one_incident(night: Night) -> None:
    alert, handle = await waiting(night)
    entries = len((await night.state(handle)).timeline)
    for _ in range(100):
        await handle.signal("alert_changed", alert)
    await night.env.sleep(1)
    state = await night.state(handle)
    assert (state.phase, len(state.timeline)) == ("awaiting approval", entries)
    await handle.signal("approve")
    await night.end(handle)
    assert night.world.done.count("start backend") == 1
    assert len(night.world.reviews) == 1


async def test_twenty_flaps_are_announced_once(night: Night) -> None:
    night.world.watched["watch_health"] = sights.FAILING
    alert = await night.alert()
    handle = await night.fire(alert)
    await night.until(handle, "escalated")
    before = len(night.world.notices())
    for flap in range(1, 21):
        await handle.signal("alert_changed", later(alert, flap * SECOND))
    await night.env.sleep(1)
    assert night.world.notices()[before:] == ["ServiceDown/backend is flapping"]
    await handle.signal("alert_changed", over(later(alert, 20 * SECOND)))
    assert (await night.end(handle)).outcome is Outcome.RESOLVED_ELSEWHERE
    assert len(night.world.reviews) == 1


async def test_a_new_firing_while_closing_is_an_incident_of_its_own(night: Night) -> None:
    night.world.hold("write_review")
    alert = await night.alert()
    handle = await night.fire(alert)
    await night.until_true(lambda: "write_review" in night.world.called)
    first = await handle.describe()
    await handle.signal("alert_changed", over(alert))
    again = later(alert, timedelta(minutes=1))
    await handle.signal("alert_changed", again)
    night.world.process = sights.crashed(sights.LONG_AGO + timedelta(hours=2))
    night.world.health = sights.REFUSED
    night.world.let_go("write_review")
    review = await night.end(handle)
    assert review.run_id != first.run_id
    assert review.began_at == again.starts_at
    assert review.outcome is Outcome.RESOLVED
    assert night.world.done == ["start backend", "start backend"]
    assert len(night.world.reviews) == 2


async def test_resolved_again_while_closing_it_is_over(night: Night) -> None:
    night.world.hold("write_review")
    alert = await night.alert()
    handle = await night.fire(alert)
    await night.until_true(lambda: "write_review" in night.world.called)
    again = later(alert, timedelta(minutes=1))
    for change in (over(alert), again, over(again)):
        await handle.signal("alert_changed", change)
    night.world.let_go("write_review")
    await night.end(handle)
    assert len(night.world.reviews) == 1


async def test_it_fires_again_before_anything_was_stopped_and_is_worked_on(night: Night) -> None:
    alert, handle = await waiting(night)
    again = later(alert, timedelta(minutes=1))
    night.world.hold("kill_process")
    await handle.signal("approve")
    await night.until_true(lambda: "kill_process" in night.world.called)
    await handle.signal("alert_changed", over(alert))
    await handle.signal("alert_changed", again)
    await handle.signal("alert_changed", over(again))
    night.world.let_go("kill_process")
    assert (await night.end(handle)).outcome is Outcome.RESOLVED


async def test_a_source_that_never_agrees_stands_in_the_review(night: Night) -> None:
    night.configure(systems={"alertmanager": "http://localhost:9093"})
    night.world.source = sights.SOURCE_AGREES.model_copy(
        update={"finding": "bad", "reason": "it still fires"}
    )
    began = await night.now()
    review = await night.end(await night.fire(await night.alert()))
    assert any("does not agree that it is over: it still fires" in one for one in review.remarks)
    assert await night.now() - began >= timedelta(minutes=6), "it may take its own decay time"


async def test_a_source_that_agrees_is_waited_for_no_longer(night: Night) -> None:
    night.configure(systems={"alertmanager": "http://localhost:9093"})
    alert = await night.alert()
    handle = await night.fire(alert)
    await night.until(handle, "resolved")
    await handle.signal("alert_changed", over(alert))
    review = await night.end(handle)
    assert (review.outcome, review.remarks) == (Outcome.RESOLVED, ())
    assert "ask_source" not in night.world.called


async def test_one_notification_may_end_an_instance_and_begin_another(night: Night) -> None:
    """As the intake orders it: what fires before what is over. The end of neither is lost."""
    night.world.port = sights.TAKEN_PORT
    first = await night.alert(fingerprint="a")
    second = first.model_copy(update={"fingerprint": "b"})
    handle = await night.fire(first)
    await night.until(handle, "awaiting approval")
    await handle.signal("alert_changed", args=[second, over(first)])
    await night.env.sleep(60)
    state = await night.state(handle)
    assert state.phase == "awaiting approval"
    assert not [entry for entry in state.timeline if "fires again" in entry.text]
    await handle.signal("alert_changed", args=[over(second)])
    assert (await night.end(handle)).outcome is Outcome.RESOLVED_ELSEWHERE


async def test_a_notification_that_cannot_be_read_is_noted(night: Night) -> None:
    """From the Temporal UI anything may be sent, or nothing."""
    alert, handle = await waiting(night)
    await handle.signal("alert_changed")
    await handle.signal("alert_changed", args=["what", {"name": "ServiceDown"}, over(alert)])
    review = await night.end(handle)
    assert review.outcome is Outcome.RESOLVED_ELSEWHERE
    assert len([entry for entry in review.timeline if UNREADABLE in entry.text]) == 2
