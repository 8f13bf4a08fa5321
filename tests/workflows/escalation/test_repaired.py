"""Who was paged hears that a fix is done as soon as everybody else does, on the ladder or beside it."""

from __future__ import annotations

from functools import partial

from models.incident.announcement import Announcement, Occasion
from tests.workflows.harness import Harness, Incident
from tests.workflows.scenes import deployed, failing

CHANNELS = {"chief": {"kind": "log"}, "platform": {"kind": "log"}}


def notices(harness: Harness, channel: str) -> list[Announcement]:
    repaired = [
        one for one in harness.world.told if one.title.endswith(": fix done, watching whether it helps")
    ]
    return [one for one in repaired if channel in (*one.first_of, *one.also_to)]


def heard_once(harness: Harness, channel: str) -> bool:
    return len(notices(harness, channel)) == 1


async def bad_deployment(harness: Harness) -> Incident:
    """Its specialist is paged at once; a person must approve the rollback."""
    contacts = {"Platform Team": ["platform"]}
    harness.configure(page_after="0s", contacts=contacts, channels=CHANNELS)
    await deployed(failing())(harness)
    harness.world.hold("watch_errors")
    return await harness.fire(await harness.alert("HighErrorRate"))


async def test_the_specialist_and_every_rung_that_was_paged(harness: Harness) -> None:
    handle = await bad_deployment(harness)
    await harness.until(handle, "awaiting approval")
    await harness.until_true(lambda: {"On-Call", "Platform Team"} <= set(harness.world.pages()))
    await handle.signal("approve")
    await harness.until(handle, "verifying")
    for channel in ("slack", "discord", "platform"):
        await harness.until_true(partial(heard_once, harness, channel))
    assert notices(harness, "chief") == [], "who was not paged is not told"
    harness.world.let_go("watch_errors")
    await harness.end(handle)
    assert len(notices(harness, "platform")) == 1


async def test_whose_page_is_on_its_way_hears_it_after_the_page(harness: Harness) -> None:
    handle = await bad_deployment(harness)
    harness.world.hold("announce")
    await harness.until(handle, "awaiting approval")
    await handle.signal("approve")
    await harness.until(handle, "verifying")
    harness.world.let_go("announce")
    await harness.until_true(partial(heard_once, harness, "platform"))
    told = [one.occasion for one in harness.world.told if "platform" in (*one.first_of, *one.also_to)]
    assert told == [Occasion.PAGE, Occasion.NOTICE]
    assert "nobody was paged" not in notices(harness, "slack")[0].text
    harness.world.let_go("watch_errors")
    await harness.end(handle)
