"""A temporary change is reverted: when all is well, at the limit, or when a person says so."""

from __future__ import annotations

import gc

import pytest

from models.incident.announcement import Occasion
from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident
from tests.workflows.scenes import failing
from tests.workflows.switch import resume, suspend

DEGRADE = "degrade backend gracefully while openai is down"
RESTORE = "end the degraded mode of backend"


async def degraded(harness: Harness) -> Incident:
    """An incident that has degraded its service, and waits for the provider."""
    await failing(providers=sights.PROVIDER_DOWN)(harness)
    harness.world.hold("watch_providers")
    handle = await harness.fire(await harness.alert("HighErrorRate"))
    await harness.until_true(lambda: "watch_providers" in harness.world.called)
    return handle


async def test_it_ends_when_the_provider_is_back(harness: Harness) -> None:
    handle = await degraded(harness)
    await harness.until(handle, "resolved")
    await harness.sleep(1)
    assert harness.world.done == [DEGRADE], "the provider is not back yet"
    harness.world.let_go("watch_providers")
    review = await harness.end(handle)
    assert harness.world.done == [DEGRADE, RESTORE]
    assert review.outcome is Outcome.RESOLVED
    assert [one.plan.says for one in review.performed] == [DEGRADE, RESTORE]


async def test_it_ends_at_its_limit(harness: Harness) -> None:
    handle = await degraded(harness)
    harness.world.watched["watch_providers"] = sights.FAILING
    harness.world.let_go("watch_providers")
    await harness.end(handle)
    assert harness.world.done == [DEGRADE, RESTORE]


async def test_it_ends_when_a_person_is_done(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    harness.world.watched["watch_errors"] = sights.FAILING
    handle = await degraded(harness)
    await harness.until(handle, "escalated")
    assert harness.world.done == [DEGRADE]
    review = await harness.closes(handle)
    assert harness.world.done == [DEGRADE, RESTORE]
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_it_ends_although_the_alert_was_resolved_before(harness: Harness) -> None:
    harness.world.hold("watch_errors")
    handle = await degraded(harness)
    await harness.resolve(handle)
    harness.world.let_go("watch_errors")
    await harness.until(handle, "resolved")
    assert harness.world.done == [DEGRADE]
    harness.world.let_go("watch_providers")
    await harness.end(handle)
    assert harness.world.done == [DEGRADE, RESTORE]


async def test_what_cannot_be_reverted_is_said_and_paged(harness: Harness) -> None:
    handle = await degraded(harness)
    await harness.until(handle, "resolved")
    harness.world.works = False
    pages = len(harness.world.pages())
    harness.world.let_go("watch_providers")
    await harness.until_true(lambda: len(harness.world.pages()) > pages)
    assert "could not be reverted" in harness.world.told[-1].text
    harness.world.works = True
    review = await harness.end(handle)
    assert any("could not be reverted: it did not help" in remark for remark in review.remarks)
    assert harness.world.done[-1] == RESTORE, "it was tried again"


async def test_done_keeps_what_cannot_be_reverted(harness: Harness) -> None:
    handle = await degraded(harness)
    await harness.until(handle, "resolved")
    harness.world.works = False
    harness.world.let_go("watch_providers")
    await harness.until_true(lambda: "could not be reverted" in harness.world.told[-1].text)
    review = await harness.closes(handle)
    assert any("still not reverted" in entry.text for entry in review.timeline)


async def test_an_alert_that_fires_anew_while_degraded_is_answered_at_once(harness: Harness) -> None:
    handle = await degraded(harness)
    await harness.until(handle, "resolved")
    await harness.resolve(handle)
    looks = harness.world.called.count("look_at_errors")
    anew = await harness.alert("HighErrorRate")
    await handle.signal("alert_changed", anew)
    await harness.until_true(lambda: harness.world.called.count("look_at_errors") > looks)
    assert RESTORE not in harness.world.done, "the temporary change stays"
    harness.world.let_go("watch_providers")
    review = await harness.end(handle)
    assert any("gathered again" in entry.text for entry in review.timeline)
    assert harness.world.done.count(RESTORE) == 1


async def test_who_was_paged_before_it_fired_anew_hears_the_end(harness: Harness) -> None:
    harness.configure(page_after="0s", contacts={"On-Call": ["discord"]})
    handle = await degraded(harness)
    await harness.until_true(lambda: harness.world.pages() == ["On-Call"])
    await harness.until(handle, "resolved")
    await harness.resolve(handle)
    looks = harness.world.called.count("look_at_errors")
    harness.world.errors, harness.world.providers = sights.FEW_ERRORS, sights.SERVING
    await handle.signal("alert_changed", await harness.alert("HighErrorRate"))
    await harness.until_true(lambda: harness.world.called.count("look_at_errors") > looks)
    harness.world.let_go("watch_providers")
    await harness.end(handle)
    ends = [one for one in harness.world.told if one.occasion is Occasion.RESOLVED]
    assert [one.role for one in harness.world.told if one.occasion is Occasion.PAGE] == ["On-Call"]
    assert {(page.channel, page.role) for one in ends for page in one.ends} >= {("discord", "On-Call")}


async def test_the_kill_switch_keeps_it_degraded_until_it_is_lifted(harness: Harness) -> None:
    handle = await degraded(harness)
    await harness.until(handle, "resolved")
    await suspend(harness, by="ada", why="a migration")
    harness.world.let_go("watch_providers")
    pages = harness.world.pages()
    await harness.sleep(3600)
    assert (harness.world.done, harness.world.pages()) == ([DEGRADE], pages)
    await resume(harness, by="ada")
    await harness.end(handle)
    assert harness.world.done == [DEGRADE, RESTORE]
