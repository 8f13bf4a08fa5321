"""The ladder climbs beside the work, from the alert's `startsAt`."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from models.evidence.deployment import Deployment
from models.incident.alert import Alert
from models.incident.announcement import Announcement, Occasion
from models.incident.incident import EntryKind, Outcome, Spoken, Through
from tests.parts.product.signing import by, decide, tell
from tests.workflows.harness import Harness
from tests.workflows.sights import FAILING, HEALTHY, REFUSED, TAKEN_PORT, crashed

MINUTE = timedelta(minutes=1)


def deployment(version: str, at: datetime, *, healthy: bool) -> Deployment:
    return Deployment(
        service="backend", version=version, deployed_at=at, healthy_at=at if healthy else None, current=True
    )


async def test_each_rung_is_paged_by_the_alerts_own_clock(harness: Harness) -> None:
    harness.world.port = TAKEN_PORT
    alert = await harness.alert(ago=2 * MINUTE)
    handle = await harness.fire(alert)
    await harness.until(handle, "awaiting approval")
    await harness.sleep(timedelta(seconds=5))
    assert harness.world.pages() == ["On-Call"]
    await harness.sleep(2 * MINUTE)
    assert harness.world.pages() == ["On-Call"], "the deadline is 5 minutes after startsAt, not yet"
    await harness.sleep(MINUTE + timedelta(seconds=10))
    assert harness.world.pages() == ["On-Call", "Team Lead"], "5 minutes after startsAt, 3 after the start"
    await harness.sleep(5 * MINUTE)
    assert harness.world.pages() == ["On-Call", "Team Lead", "CTO"]
    await handle.signal("approve")
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED


async def test_a_rung_that_was_late_stands_in_the_review(harness: Harness) -> None:
    harness.world.port = TAKEN_PORT
    alert = await harness.alert(ago=7 * MINUTE)
    handle = await harness.fire(alert)
    await harness.until(handle, "awaiting approval")
    await handle.signal("approve")
    remarks = (await harness.end(handle)).remarks
    due = f"{alert.starts_at:%H:%M:%S}"
    assert [one for one in remarks if one.startswith(f"On-Call was due at {due} UTC, and was paged 7 min")]
    assert not [one for one in remarks if one.startswith(("Team Lead", "CTO"))], "they were not due yet"


@pytest.mark.parametrize("ago", [timedelta(hours=3), timedelta(days=3), timedelta(minutes=4, seconds=50)])
async def test_an_alert_that_began_long_ago_pages_one_rung_now_and_the_others_at_their_distance(
    harness: Harness, ago: timedelta
) -> None:
    harness.world.port = TAKEN_PORT
    handle = await harness.fire(await harness.alert(ago=ago))
    await harness.until(handle, "awaiting approval")
    await harness.sleep(4 * MINUTE)
    assert harness.world.pages() == ["On-Call"]
    await harness.sleep(2 * MINUTE)
    assert harness.world.pages() == ["On-Call", "Team Lead"]
    await handle.signal("approve")
    await harness.end(handle)


async def test_an_alert_of_a_clock_that_is_ahead_pages_at_once(harness: Harness) -> None:
    harness.world.port = TAKEN_PORT
    handle = await harness.fire(await harness.alert(ago=-timedelta(seconds=299)))
    await harness.until(handle, "awaiting approval")
    await harness.sleep(timedelta(seconds=5))
    assert harness.world.pages() == ["On-Call"]
    await harness.sleep(5 * MINUTE)
    assert harness.world.pages() == ["On-Call", "Team Lead"], "its deadline counts from now too"
    await handle.signal("approve")
    await harness.end(handle)


def of_severity(alert: Alert, severity: str, instance: str) -> Alert:
    return alert.model_copy(update={"labels": {"severity": severity}, "fingerprint": instance})


async def test_a_warning_that_becomes_critical_has_the_deadlines_of_the_higher_and_is_announced(
    harness: Harness,
) -> None:
    alert = of_severity(await harness.alert("Sluggish"), "warning", "a")
    handle = await harness.fire(alert)
    await harness.until(handle, "escalated")
    await tell(handle, "acknowledge", Spoken(by="ada", through=Through.COMMAND))
    await harness.sleep(MINUTE)
    paged = len(harness.world.pages())
    await handle.signal("alert_changed", of_severity(alert, "critical", "b"))
    await harness.sleep(timedelta(seconds=30))
    state = await harness.state(handle)
    assert (state.severity, state.acknowledged_by) == ("critical", "")
    assert harness.world.pages()[paged:] == ["On-Call"], "the person who acknowledged a warning is told"
    assert harness.world.told[-1].severity == "critical"
    assert harness.world.told[-1].also_to == ("slack",), "the channel hears it by the same message"
    await harness.sleep(5 * MINUTE)
    assert harness.world.pages()[paged:] == ["On-Call", "Team Lead"], "5 minutes, not 30"
    found = {pair.key.name: pair.value for pair in (await handle.describe()).typed_search_attributes}
    assert found["Severity"] == "critical"
    review = await harness.closes(handle)
    assert review.severity == "critical"


async def test_a_severity_that_falls_and_one_that_the_rule_fixes_change_nothing(harness: Harness) -> None:
    falls = of_severity(await harness.alert("Sluggish"), "critical", "a")
    fixed = of_severity(await harness.alert("DiskSlow"), "warning", "a")
    for alert, later, severity in ((falls, "info", "critical"), (fixed, "critical", "warning")):
        handle = await harness.fire(alert)
        await harness.until(handle, "escalated")
        await handle.signal("alert_changed", of_severity(alert, later, "b"))
        await harness.sleep(timedelta(seconds=5))
        state = await harness.state(handle)
        assert state.severity == severity
        assert not [entry for entry in state.timeline if "severity rises" in entry.text]
        await harness.closes(handle)


async def test_an_acknowledgement_stops_the_ladder_until_it_goes_quiet(harness: Harness) -> None:
    harness.world.port = TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await tell(handle, "acknowledge", Spoken(by="ada", through=Through.COMMAND))
    await harness.sleep(20 * MINUTE)
    assert harness.world.pages() == ["On-Call"]
    await harness.sleep(15 * MINUTE)
    assert harness.world.pages() == ["On-Call", "On-Call"], "quiet for 30 minutes: asked about again"
    assert "ada" in harness.world.told[-1].text or any("ada" in one.text for one in harness.world.told)
    await handle.signal("deny")
    await harness.until(handle, "escalated")


async def test_a_fix_that_fails_after_an_acknowledgement_ends_it(harness: Harness) -> None:
    harness.configure(page_after="0s")
    harness.world.watched["watch_health"] = FAILING
    harness.world.hold("watch_health")
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "verifying")
    await tell(handle, "acknowledge", Spoken(by="ada", through=Through.COMMAND))
    harness.world.let_go("watch_health")
    state = await harness.until(handle, "escalated")
    assert state.acknowledged_by == ""
    await harness.sleep(MINUTE)
    assert harness.world.pages() == ["On-Call", "Team Lead"]
    await harness.sleep(10 * MINUTE)
    assert harness.world.pages() == ["On-Call", "Team Lead", "CTO"], "and then nobody reacts"
    await harness.closes(handle)


async def test_an_unanswered_approval_is_a_rung(harness: Harness) -> None:
    harness.world.port = TAKEN_PORT
    alert = await harness.alert()
    handle = await harness.fire(alert)
    await harness.until(handle, "awaiting approval")
    await harness.sleep(31 * MINUTE)
    assert harness.world.pages()[:3] == ["On-Call", "Team Lead", "CTO"]
    assert harness.world.done == []
    await decide(handle, by("ada"))
    review = await harness.end(handle)
    assert review.performed[0].approved_by == "ada"


async def test_an_approval_that_nobody_gives_expires(harness: Harness) -> None:
    harness.world.port = TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await harness.sleep(timedelta(hours=4, minutes=1))
    state = await harness.until(handle, "escalated")
    assert any("expired" in entry.text for entry in state.timeline)
    assert harness.world.done == []
    await handle.signal("approve")
    await handle.signal("done")
    review = await harness.end(handle)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    assert any("did not count" in entry.text for entry in review.timeline)


async def test_a_failed_channel_is_named_also_when_another_one_took_it(harness: Harness) -> None:
    harness.world.port = TAKEN_PORT
    harness.world.down = {"discord"}
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await handle.signal("approve")
    review = await harness.end(handle)
    told = [one for one in review.timeline if one.text.startswith("not delivered through discord: ")]
    assert told, [one.text for one in review.timeline]
    assert {one.kind for one in told} == {EntryKind.NOT_TOLD}
    assert [one for one in review.timeline if one.text.startswith("approval to On-Call through pager")]


async def test_the_end_closes_the_page_of_each_role_in_each_channel_that_was_tried(harness: Harness) -> None:
    harness.world.port = TAKEN_PORT
    harness.world.down = {"discord"}
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await harness.sleep(6 * MINUTE)
    assert harness.world.pages() == ["On-Call", "Team Lead"]
    await handle.signal("approve")
    await harness.end(handle)
    *before, end = harness.world.told
    assert end.occasion is Occasion.RESOLVED
    paged = {(channel, one.role) for one in before if one.occasion.wakes for channel in tried(one)}
    assert {(one.channel, one.role) for one in end.ends} == paged
    assert len(end.ends) == len(paged)
    assert not any(one.ends for one in before)


def tried(message: Announcement) -> tuple[str, ...]:
    return (*message.first_of, *message.also_to)


async def test_the_third_crash_offers_the_rollback_with_the_deployments(harness: Harness) -> None:
    now = await harness.now()
    for minutes in (3, 2):
        harness.world.process = crashed(now - minutes * MINUTE)
        harness.world.health = REFUSED
        review = await harness.end(await harness.fire(await harness.alert()))
        assert review.cause == "crash"
    await harness.deployed(
        deployment("backend:1", now - timedelta(days=2), healthy=True),
        deployment("backend:2", now - timedelta(hours=1), healthy=False),
    )
    harness.world.process = crashed(now)
    harness.world.health = REFUSED
    handle = await harness.fire(await harness.alert())
    state = await harness.until(handle, "awaiting approval")
    assert state.cause == "crash loop"
    assert state.awaiting is not None
    assert state.awaiting.plan.says == "roll backend back from backend:2 to backend:1"
    assert "backend:2" in state.awaiting.plan.why
    assert "Platform Team" in harness.world.pages()
    await handle.signal("approve")
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED


async def test_a_fix_without_effect_escalates_and_is_not_repeated(harness: Harness) -> None:
    harness.world.watched["watch_health"] = FAILING
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "escalated")
    await harness.sleep(timedelta(hours=1))
    assert harness.world.done == ["start backend"]
    harness.world.health = HEALTHY
    await harness.resolve(handle)
    review = await harness.end(handle)
    assert review.outcome is Outcome.RESOLVED_ELSEWHERE
    assert review.did_not_help == ("start backend: done",)


async def test_what_is_only_for_information_is_announced_and_pages_nobody_at_once(harness: Harness) -> None:
    harness.configure(alerts={"DiskSlow": {"severity": "info"}})
    handle = await harness.fire(await harness.alert("DiskSlow"), "AnyAlert")
    await harness.until(handle, "escalated")
    await harness.sleep(timedelta(hours=1, minutes=59))
    assert harness.world.notices() == ["DiskSlow/backend needs a person"]
    assert harness.world.pages() == []
    await harness.sleep(timedelta(minutes=2))
    assert harness.world.pages() == ["On-Call"], "in time to respond within four hours"
    await harness.closes(handle)
