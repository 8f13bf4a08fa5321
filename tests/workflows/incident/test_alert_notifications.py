"""Duplicate, late, reordered and replayed notifications are normal input."""

from __future__ import annotations

from datetime import timedelta

from models.evidence.evidence import Finding
from models.incident.alert import Alert, AlertStatus
from models.incident.incident import Outcome
from models.incident.search_attributes import PHASE
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident
from workflows.record.notification import UNREADABLE

SECOND = timedelta(seconds=1)


def over(alert: Alert) -> Alert:
    return alert.model_copy(update={"status": AlertStatus.RESOLVED})


def later(alert: Alert, by: timedelta) -> Alert:
    return alert.model_copy(update={"starts_at": alert.starts_at + by, "status": AlertStatus.FIRING})


async def waiting(harness: Harness) -> tuple[Alert, Incident]:
    """An incident that waits for an approval."""
    harness.world.port = sights.TAKEN_PORT
    alert = await harness.alert()
    handle = await harness.fire(alert)
    await harness.until(handle, "awaiting approval")
    return alert, handle


async def test_an_old_resolution_does_not_end_a_new_firing(harness: Harness) -> None:
    alert, handle = await waiting(harness)
    await handle.signal("alert_changed", over(later(alert, -timedelta(hours=1))))
    await harness.sleep(60)
    assert (await harness.state(handle)).phase == "awaiting approval"
    await handle.signal("approve")
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED


async def test_an_old_firing_does_not_reopen_what_is_resolved(harness: Harness) -> None:
    alert, handle = await waiting(harness)
    harness.world.process = sights.RUNNING
    await handle.signal("alert_changed", over(alert))
    await handle.signal("alert_changed", alert)
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED_ELSEWHERE
    assert len(harness.world.reviews) == 1


async def test_the_same_firing_a_hundred_times_is_one_incident(harness: Harness) -> None:
    alert, handle = await waiting(harness)
    entries = len((await harness.state(handle)).timeline)
    for _ in range(100):
        await handle.signal("alert_changed", alert)
    await harness.sleep(1)
    state = await harness.state(handle)
    assert (state.phase, len(state.timeline)) == ("awaiting approval", entries)
    await handle.signal("approve")
    await harness.end(handle)
    assert harness.world.done.count("start backend") == 1
    assert len(harness.world.reviews) == 1


async def test_twenty_flaps_are_announced_once(harness: Harness) -> None:
    harness.world.watched["watch_health"] = sights.FAILING
    alert = await harness.alert()
    handle = await harness.fire(alert)
    await harness.until(handle, "escalated")
    before = len(harness.world.notices())
    for flap in range(1, 21):
        await handle.signal("alert_changed", later(alert, flap * SECOND))
    await harness.sleep(1)
    assert harness.world.notices()[before:] == ["ServiceDown/backend is flapping"]
    await handle.signal("alert_changed", over(later(alert, 20 * SECOND)))
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED_ELSEWHERE
    assert len(harness.world.reviews) == 1


async def test_a_new_firing_while_closing_is_an_incident_of_its_own(harness: Harness) -> None:
    harness.world.hold("write_review")
    alert = await harness.alert()
    handle = await harness.fire(alert)
    await harness.until_true(lambda: "write_review" in harness.world.called)
    first = await handle.describe()
    await handle.signal("alert_changed", over(alert))
    again = later(alert, timedelta(minutes=1))
    await handle.signal("alert_changed", again)
    harness.world.process = sights.crashed(sights.LONG_AGO + timedelta(hours=2))
    harness.world.health = sights.REFUSED
    harness.world.hold("probe_health")
    harness.world.let_go("write_review")
    await harness.until_true(lambda: len(harness.world.reviews) == 1)
    again_open = await harness.incident(alert.incident_id).describe()
    while again_open.run_id == first.run_id:
        again_open = await harness.incident(alert.incident_id).describe()
    assert again_open.typed_search_attributes[PHASE] == "triage", "not closed, while it is looked at"
    harness.world.let_go("probe_health")
    review = await harness.end(handle)
    assert review.run_id != first.run_id
    assert review.began_at == again.starts_at
    assert review.outcome is Outcome.RESOLVED
    assert harness.world.done == ["start backend", "start backend"]
    assert len(harness.world.reviews) == 2


async def test_what_goes_on_as_another_incident_knows_of_every_instance_that_fires(harness: Harness) -> None:
    harness.world.watched["watch_health"] = sights.FAILING
    one, other = [(await harness.alert()).model_copy(update={"fingerprint": name}) for name in "ab"]
    handle = await harness.fire(one)
    await harness.until(handle, "escalated")
    harness.world.hold("write_review")
    for change in (other, over(one), over(other), later(one, timedelta(minutes=1)), later(other, SECOND)):
        await handle.signal("alert_changed", change)
    await harness.until_true(lambda: "write_review" in harness.world.called)
    harness.world.health, harness.world.process = sights.REFUSED, sights.crashed(await harness.now())
    harness.world.let_go("write_review")
    await harness.until_true(lambda: len(harness.world.reviews) == 1)
    assert harness.world.reviews[0].outcome is Outcome.RESOLVED_ELSEWHERE
    again = harness.incident(one.incident_id)
    await harness.until(again, "escalated")
    await again.signal("alert_changed", over(later(one, timedelta(minutes=1))))
    await harness.sleep(30)
    assert (await harness.state(again)).phase == "escalated", "the other instance fires"
    await again.signal("alert_changed", over(later(other, SECOND)))
    await harness.end(again)


async def test_one_instance_that_is_over_beside_one_that_fires_is_not_forgotten(harness: Harness) -> None:
    harness.world.watched["watch_health"] = sights.FAILING
    one, other = [(await harness.alert()).model_copy(update={"fingerprint": name}) for name in "ab"]
    handle = await harness.fire(one)
    await harness.until(handle, "escalated")
    await handle.signal("alert_changed", args=[other, over(one)])
    await harness.sleep(30)
    assert (await harness.state(handle)).phase == "escalated"
    await handle.signal("alert_changed", over(other))
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED_ELSEWHERE


async def test_five_thousand_repeats_add_nothing_to_an_incident_that_is_open(harness: Harness) -> None:
    harness.world.watched["watch_health"] = sights.FAILING
    alert = await harness.alert()
    handle = await harness.fire(alert)
    await harness.until(handle, "escalated")
    await harness.sleep(30)
    entries = len((await harness.state(handle)).timeline)
    for _ in range(10):
        await handle.signal("alert_changed", args=[alert] * 500)
    assert len((await harness.state(handle)).timeline) == entries
    await harness.closes(handle)


async def test_resolved_again_while_closing_it_is_over(harness: Harness) -> None:
    harness.world.hold("write_review")
    alert = await harness.alert()
    handle = await harness.fire(alert)
    await harness.until_true(lambda: "write_review" in harness.world.called)
    again = later(alert, timedelta(minutes=1))
    for change in (over(alert), again, over(again)):
        await handle.signal("alert_changed", change)
    harness.world.let_go("write_review")
    await harness.end(handle)
    assert len(harness.world.reviews) == 1


async def test_it_fires_again_before_anything_was_stopped_and_is_worked_on(harness: Harness) -> None:
    alert, handle = await waiting(harness)
    again = later(alert, timedelta(minutes=1))
    harness.world.hold("kill_process")
    await handle.signal("approve")
    await harness.until_true(lambda: "kill_process" in harness.world.called)
    await handle.signal("alert_changed", over(alert))
    await handle.signal("alert_changed", again)
    await handle.signal("alert_changed", over(again))
    harness.world.let_go("kill_process")
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED


async def test_a_source_that_never_agrees_stands_in_the_review(harness: Harness) -> None:
    harness.configure(systems={"alertmanager": "http://localhost:9093"})
    harness.world.source = sights.SOURCE_AGREES.model_copy(
        update={"finding": Finding.BAD, "reason": "it still fires"}
    )
    began = await harness.now()
    review = await harness.end(await harness.fire(await harness.alert()))
    assert any("does not agree that it is over: it still fires" in one for one in review.remarks)
    assert await harness.now() - began >= timedelta(minutes=6), "it may take its own decay time"


async def test_a_source_that_agrees_is_waited_for_no_longer(harness: Harness) -> None:
    harness.configure(systems={"alertmanager": "http://localhost:9093"})
    alert = await harness.alert()
    handle = await harness.fire(alert)
    await harness.until(handle, "resolved")
    await handle.signal("alert_changed", over(alert))
    review = await harness.end(handle)
    assert (review.outcome, review.remarks) == (Outcome.RESOLVED, ())
    assert "ask_source" not in harness.world.called


async def test_one_notification_may_end_an_instance_and_begin_another(harness: Harness) -> None:
    """As the intake orders it: what fires before what is over. The end of neither is lost."""
    harness.world.port = sights.TAKEN_PORT
    first = await harness.alert(fingerprint="a")
    second = first.model_copy(update={"fingerprint": "b"})
    handle = await harness.fire(first)
    await harness.until(handle, "awaiting approval")
    await handle.signal("alert_changed", args=[second, over(first)])
    await harness.sleep(60)
    state = await harness.state(handle)
    assert state.phase == "awaiting approval"
    assert not [entry for entry in state.timeline if "fires again" in entry.text]
    harness.world.process = sights.RUNNING
    await handle.signal("alert_changed", args=[over(second)])
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED_ELSEWHERE


async def test_a_notification_that_cannot_be_read_is_noted(harness: Harness) -> None:
    """From the Temporal UI anything may be sent, or nothing."""
    alert, handle = await waiting(harness)
    await handle.signal("alert_changed")
    harness.world.process = sights.RUNNING
    await handle.signal("alert_changed", args=["what", {"name": "ServiceDown"}, over(alert)])
    review = await harness.end(handle)
    assert review.outcome is Outcome.RESOLVED_ELSEWHERE
    assert len([entry for entry in review.timeline if UNREADABLE in entry.text]) == 3


async def test_two_broken_routes_in_one_incident_are_both_named(harness: Harness) -> None:
    first = await harness.alert("BrokenEndpoint", fingerprint="a", labels={"route": "/orders"})
    second = first.model_copy(update={"fingerprint": "b", "labels": {"route": "/carts"}})
    handle = await harness.fire(first)
    for _ in range(2):
        await handle.signal("alert_changed", second)
    await harness.until(handle, "escalated")
    review = await harness.closes(handle)
    assert [one for one in review.remarks if "/orders and for /carts" in one]
    told = [one for one in harness.world.notices() if "BrokenEndpoint/backend fires for two" in one]
    assert len(told) == 1


async def test_two_instances_of_a_service_are_no_two_endpoints(harness: Harness) -> None:
    first = await harness.alert(fingerprint="a", labels={"instance": "web-1:3000"})
    handle = await harness.fire(first)
    await handle.signal(
        "alert_changed",
        first.model_copy(update={"fingerprint": "b", "labels": {"instance": "web-2:3000"}}),
    )
    assert not [one for one in (await harness.end(handle)).remarks if "both are well" in one]
