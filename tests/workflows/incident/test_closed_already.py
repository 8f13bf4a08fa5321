"""What its incident knew before it closed opens no other one, for a while."""

from __future__ import annotations

from datetime import timedelta

import pytest

from intake.alerts.dispatch import Dispatch
from intake.alerts.routing import routed
from intake.alerts.waiting import Taken
from models.incident.alert import Alert, AlertStatus
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident

pytestmark = pytest.mark.usefixtures("harness")


async def taken(harness: Harness, *alerts: Alert) -> list[object]:
    """What an intake that has heard of nothing yet makes of them."""
    dispatch = Dispatch(lambda: harness.env.client)
    found = await dispatch.take(alerts[0].incident_id, [routed(one, harness.configuration) for one in alerts])
    await dispatch.finish()
    return list(found)


async def escalated(harness: Harness) -> tuple[Alert, Incident]:
    harness.world.watched["watch_health"] = sights.FAILING
    alert = (await harness.alert()).model_copy(update={"fingerprint": "a"})
    handle = await harness.fire(alert)
    await harness.until(handle, "escalated")
    return alert, handle


def later(alert: Alert) -> Alert:
    return alert.model_copy(update={"starts_at": alert.starts_at + timedelta(minutes=10)})


async def test_the_same_firing_after_a_persons_done_opens_nothing(harness: Harness) -> None:
    alert, handle = await escalated(harness)
    await harness.closes(handle)
    other = alert.model_copy(update={"fingerprint": "b", "status": AlertStatus.RESOLVED})
    assert await taken(harness, alert) == [Taken.KNOWN]
    assert await taken(harness, alert, other) == [Taken.KNOWN, Taken.NOTHING_OPEN]
    assert await taken(harness, later(alert)) == [Taken.STARTED]


async def test_the_same_firing_after_its_end_opens_nothing(harness: Harness) -> None:
    alert, handle = await escalated(harness)
    over = {"status": AlertStatus.RESOLVED, "ends_at": await harness.now()}
    await handle.signal("alert_changed", alert.model_copy(update=over))
    await harness.end(handle)
    assert await taken(harness, alert) == [Taken.KNOWN]


async def test_another_instance_opens_an_incident_that_does_not_hear_of_the_late_copy(
    harness: Harness,
) -> None:
    alert, handle = await escalated(harness)
    await harness.closes(handle)
    other = alert.model_copy(update={"fingerprint": "b"})
    assert await taken(harness, alert, other) == [Taken.KNOWN, Taken.STARTED]
    review = await harness.end(harness.incident(alert.incident_id))
    assert set(review.instances) == {"b"}


async def test_what_a_person_fires_always_opens_an_incident(harness: Harness) -> None:
    alert, handle = await escalated(harness)
    await harness.closes(handle)
    by_hand = alert.model_copy(update={"source": "command line", "fingerprint": ""})
    assert await taken(harness, by_hand) == [Taken.STARTED]


async def test_a_run_that_was_terminated_left_no_word(harness: Harness) -> None:
    alert, handle = await escalated(harness)
    await handle.terminate()
    assert await taken(harness, alert) == [Taken.STARTED]
