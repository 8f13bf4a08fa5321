"""What is done only for now is taken back: when all is well, at the limit, or when a person says so."""

from __future__ import annotations

import gc

import pytest

from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.night import Incident, Night
from tests.workflows.scenes import failing
from tests.workflows.switch import suspend

DEGRADE = "degrade backend gracefully while openai is down"
RESTORE = "end the degraded mode of backend"


async def degraded(night: Night) -> Incident:
    """An incident that has degraded its service, and waits for the provider."""
    await failing(providers=sights.PROVIDER_DOWN)(night)
    night.world.hold("watch_providers")
    handle = await night.fire(await night.alert("HighErrorRate"))
    await night.until_true(lambda: "watch_providers" in night.world.called)
    return handle


async def test_it_ends_when_the_provider_is_back(night: Night) -> None:
    handle = await degraded(night)
    await night.until(handle, "resolved")
    await night.env.sleep(1)
    assert night.world.done == [DEGRADE], "the provider is not back yet"
    night.world.let_go("watch_providers")
    review = await night.end(handle)
    assert night.world.done == [DEGRADE, RESTORE]
    assert review.outcome is Outcome.RESOLVED
    assert [one.plan.says for one in review.performed] == [DEGRADE, RESTORE]


async def test_it_ends_at_its_limit(night: Night) -> None:
    handle = await degraded(night)
    night.world.watched["watch_providers"] = sights.FAILING
    night.world.let_go("watch_providers")
    await night.end(handle)
    assert night.world.done == [DEGRADE, RESTORE]


async def test_it_ends_when_a_person_is_done(night: Night, caplog: pytest.LogCaptureFixture) -> None:
    night.world.watched["watch_errors"] = sights.FAILING
    handle = await degraded(night)
    await night.until(handle, "escalated")
    assert night.world.done == [DEGRADE]
    review = await night.closes(handle)
    assert night.world.done == [DEGRADE, RESTORE]
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_it_ends_although_the_alert_was_resolved_before(night: Night) -> None:
    night.world.hold("watch_errors")
    handle = await degraded(night)
    await night.resolve(handle)
    night.world.let_go("watch_errors")
    await night.until(handle, "resolved")
    assert night.world.done == [DEGRADE]
    night.world.let_go("watch_providers")
    await night.end(handle)
    assert night.world.done == [DEGRADE, RESTORE]


async def test_what_cannot_be_taken_back_is_said_and_paged(night: Night) -> None:
    handle = await degraded(night)
    await night.until(handle, "resolved")
    night.world.works = False
    pages = len(night.world.pages())
    night.world.let_go("watch_providers")
    await night.until_true(lambda: "HighErrorRate/backend needs a human" in night.world.notices())
    await night.until_true(lambda: len(night.world.pages()) > pages)
    night.world.works = True
    review = await night.end(handle)
    assert any("could not be taken back: it did not help" in remark for remark in review.remarks)
    assert night.world.done[-1] == RESTORE, "it was tried again"


async def test_whoever_says_done_keeps_what_cannot_be_taken_back(night: Night) -> None:
    handle = await degraded(night)
    await night.until(handle, "resolved")
    night.world.works = False
    night.world.let_go("watch_providers")
    await night.until_true(lambda: "HighErrorRate/backend needs a human" in night.world.notices())
    review = await night.closes(handle)
    assert any("still not taken back" in entry.text for entry in review.timeline)


async def test_an_alert_that_fires_anew_while_degraded_is_answered_at_once(night: Night) -> None:
    handle = await degraded(night)
    await night.until(handle, "resolved")
    await night.resolve(handle)
    looks = night.world.called.count("look_at_errors")
    anew = await night.alert("HighErrorRate")
    await handle.signal("alert_changed", anew)
    await night.until_true(lambda: night.world.called.count("look_at_errors") > looks)
    assert RESTORE not in night.world.done, "what was done for now stands"
    night.world.let_go("watch_providers")
    review = await night.end(handle)
    assert any("looked at again" in entry.text for entry in review.timeline)
    assert night.world.done.count(RESTORE) == 1


async def test_the_kill_switch_keeps_it_degraded_and_says_so(night: Night) -> None:
    handle = await degraded(night)
    await night.until(handle, "resolved")
    await suspend(night, by="ada", why="a migration")
    night.world.let_go("watch_providers")
    await night.until_true(lambda: "HighErrorRate/backend needs a human" in night.world.notices())
    review = await night.closes(handle)
    assert night.world.done == [DEGRADE]
    assert any("suspended by ada: a migration" in remark for remark in review.remarks)
