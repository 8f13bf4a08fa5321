"""People are reached although a channel is away: for seconds, for hours, or beyond a new run."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
from temporalio import activity

from activities.notify.announce import ChannelActivities
from activities.notify.channel import BoundedChannel
from activities.notify.slack import SlackWebhook
from models.incident.announcement import Announcement, Delivered, Occasion
from models.incident.incident import Spoken, Through
from tests.workflows.harness import Harness, Incident, open_harness
from tests.workflows.sights import TAKEN_PORT
from tests.workflows.world import World
from workflows.escalation.reaching import LONGEST_PAGING

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
EVERY_CHANNEL = {"discord", "pager", "mail", "slack"}


async def asks_with(harness: Harness, down: set[str]) -> Incident:
    """An incident that needs a decision, while these channels take nothing."""
    harness.world.port, harness.world.down = TAKEN_PORT, down
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    return handle


async def told(harness: Harness, handle: Incident, words: str) -> list[str]:
    return [entry.text for entry in (await harness.state(handle)).timeline if words in entry.text]


async def test_a_pager_that_is_away_for_four_seconds_burns_no_rung(harness: Harness) -> None:
    handle = await asks_with(harness, EVERY_CHANNEL)
    await harness.sleep(4 * SECOND)
    harness.world.down = set()
    await harness.sleep(10 * SECOND)
    assert await told(harness, handle, "to On-Call through discord")
    await harness.sleep(3 * MINUTE)
    assert set(harness.world.pages()) == {"On-Call"}, "the next rung keeps its time"
    assert len(await told(harness, handle, "On-Call could not be reached")) <= 2, "once a message"


async def test_a_rung_that_is_not_reached_within_a_minute_pages_the_next_and_is_reached_later(
    harness: Harness,
) -> None:
    handle = await asks_with(harness, {"discord", "pager"})
    await harness.sleep(50 * SECOND)
    assert set(harness.world.pages()) == {"On-Call"}
    await harness.sleep(20 * SECOND)
    assert harness.world.pages()[-1] == "Team Lead"
    assert await told(harness, handle, "On-Call was not reached for 1 min")
    await harness.sleep(20 * MINUTE)
    assert harness.world.pages()[-1] != "On-Call" or len(harness.world.pages()) < 30, "less and less often"
    harness.world.down = set()
    await harness.sleep(30 * MINUTE)
    assert await told(harness, handle, "page to On-Call through discord")
    pages = harness.world.pages().count("On-Call")
    await harness.sleep(60 * MINUTE)
    assert harness.world.pages().count("On-Call") == pages, "reached, and not tried again"


async def test_a_question_to_who_was_paged_before_is_tried_again_until_it_arrives(harness: Harness) -> None:
    harness.configure(page_after="0s")
    harness.world.port = TAKEN_PORT
    harness.world.hold("ask_steward")
    handle = await harness.fire(await harness.alert())
    await harness.until_true(lambda: harness.world.pages() == ["On-Call"])
    harness.world.down = {"discord", "pager"}
    harness.world.let_go("ask_steward")
    await harness.until(handle, "awaiting approval")
    await harness.sleep(75 * SECOND)
    assert harness.world.pages()[-1] == "Team Lead", "tried for a minute; then the next rung"
    harness.world.down, told_before = set(), len(harness.world.told)
    await harness.sleep(3 * MINUTE)
    assert "On-Call" in [one.role for one in harness.world.told[told_before:]]
    await handle.signal("approve")
    await harness.end(handle)


async def test_a_role_whose_channels_are_all_unset_is_skipped_at_once(harness: Harness) -> None:
    harness.world.unset = {"discord", "pager", "slack"}
    await asks_with(harness, harness.world.unset)
    await harness.sleep(SECOND)
    assert harness.world.pages()[:2] == ["On-Call", "Team Lead"]


async def test_who_was_not_reached_is_left_asleep_once_somebody_acknowledged(harness: Harness) -> None:
    handle = await asks_with(harness, {"discord", "pager"})
    await harness.sleep(2 * MINUTE)
    assert await told(harness, handle, "page to Team Lead through mail")
    await handle.signal("acknowledge", Spoken(by="ada", through=Through.COMMAND))
    await harness.sleep(SECOND)
    harness.world.down, paged = set(), len(harness.world.pages())
    await harness.sleep(25 * MINUTE)
    assert len(harness.world.pages()) == paged


async def test_nobody_is_tried_again_once_the_incident_is_over(harness: Harness) -> None:
    handle = await asks_with(harness, {"discord", "pager"})
    await harness.sleep(2 * MINUTE)
    await handle.signal("approve")
    await harness.end(handle)
    paged = len(harness.world.pages())
    harness.world.down = set()
    await harness.sleep(60 * MINUTE)
    assert len(harness.world.pages()) == paged


async def test_the_end_is_told_although_the_channel_is_away_at_that_moment(harness: Harness) -> None:
    handle = await asks_with(harness, set())
    harness.world.down = EVERY_CHANNEL
    await handle.signal("approve")
    await harness.until_true(lambda: harness.world.told[-1].occasion is Occasion.RESOLVED)
    harness.world.down = set()
    await harness.end(handle)
    assert [one.occasion for one in harness.world.told].count(Occasion.RESOLVED) == 2


async def test_who_took_a_message_is_not_told_again_while_others_are_tried(harness: Harness) -> None:
    await asks_with(harness, {"discord", "pager"})
    await harness.sleep(30 * SECOND)
    pages = [one for one in harness.world.told if one.role == "On-Call"]
    assert pages[0].also_to == ("slack",)
    assert len(pages) > 1 and {one.also_to for one in pages[1:]} == {()}


async def test_what_the_channels_are_tried_for_is_what_is_left_of_the_time_of_the_rung(
    harness: Harness,
) -> None:
    """The tries of a channel and those of its rung do not multiply; between those of a page it is asked
    whether it is still wanted."""
    await asks_with(harness, {"discord", "pager"})
    await harness.sleep(59 * SECOND)
    tried: dict[str, list[timedelta]] = {}
    for one in harness.world.told:
        if one.first_of:
            assert one.within is not None
            tried.setdefault(f"{one.occasion} {one.role} {one.title}", []).append(one.within)
    for left in tried.values():
        assert left[0] == LONGEST_PAGING and left == sorted(left, reverse=True)
    assert any(len(left) > 3 for left in tried.values())


async def test_who_is_tried_later_is_tried_for_seconds_each_time(harness: Harness) -> None:
    await asks_with(harness, {"discord", "pager"})
    await harness.sleep(5 * MINUTE)
    late = [one for one in harness.world.told if one.role == "On-Call"][-1]
    assert late.within == LONGEST_PAGING


class LeavesOpen:
    """The channels of a world, of which the pager keeps its pages open while it is down."""

    def __init__(self, world: World) -> None:
        self._world = world

    @activity.defn
    async def announce(self, message: Announcement) -> Delivered:
        open_ = message.occasion is Occasion.RESOLVED and "pager" in self._world.down
        return self._world._announce(message).model_copy(update={"left_open": ("pager",) if open_ else ()})


async def test_the_end_is_told_again_to_the_pager_alone_when_the_others_took_it() -> None:
    world = World()
    async with open_harness(world, real=[LeavesOpen(world).announce]) as harness:
        handle = await asks_with(harness, set())
        world.down = {"pager"}
        await handle.signal("deny")
        await harness.until(handle, "escalated")
        await handle.signal("done")
        await harness.until_true(lambda: world.told[-1].occasion is Occasion.RESOLVED)
        world.down = set()
        await harness.end(handle)
    first, again = (one for one in world.told if one.occasion is Occasion.RESOLVED)
    assert set(first.also_to) >= {"pager", "slack"}
    assert (again.first_of, again.also_to) == ((), ("pager",))


class Slow:
    """The channels of a world, whose pages to On-Call hang, once `hangs` is set, until `goes_on` is."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.hangs = False
        self.hung, self.goes_on = asyncio.Event(), asyncio.Event()

    @activity.defn
    async def announce(self, message: Announcement) -> Delivered:
        if self.hangs and message.role == "On-Call" and message.occasion is Occasion.PAGE:
            self.hung.set()
            await self.goes_on.wait()
        return self._world._announce(message)


async def test_the_end_is_told_after_a_late_page_that_is_still_on_its_way() -> None:
    world = World()
    slow = Slow(world)
    async with open_harness(world, real=[slow.announce]) as harness:
        handle = await asks_with(harness, {"discord", "pager"})
        await handle.signal("deny")
        await harness.until(handle, "escalated")
        await harness.sleep(90 * SECOND)  # beyond the time of the rung
        slow.hangs = True
        await harness.until_true(slow.hung.is_set)
        await handle.signal("done")
        for _ in range(30):
            if world.told[-1].occasion is Occasion.RESOLVED:
                break
            await asyncio.sleep(0.1)
        before = [one.occasion for one in world.told]
        slow.goes_on.set()
        await harness.end(handle)
    assert Occasion.RESOLVED not in before
    assert world.told[-1].occasion is Occasion.RESOLVED


async def test_a_real_webhook_that_is_away_for_four_seconds_takes_the_page_when_it_is_back() -> None:
    taken: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(await reader.readuntil(b"}"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    reserved = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = reserved.sockets[0].getsockname()[1]
    reserved.close()
    await reserved.wait_closed()
    async with httpx.AsyncClient() as client:
        address = f"http://127.0.0.1:{port}/hook"
        channels = {
            name: BoundedChannel(SlackWebhook(name, client, address), (), 5 * SECOND, timedelta())
            for name in ("discord", "pager", "mail", "slack")
        }
        async with open_harness(real=[ChannelActivities(channels).announce]) as harness:
            harness.world.port = TAKEN_PORT
            handle = await harness.fire(await harness.alert())
            await harness.until(handle, "awaiting approval")
            assert await told(harness, handle, "On-Call could not be reached")
            await asyncio.sleep(4)
            async with await asyncio.start_server(answer, "127.0.0.1", port):
                for _ in range(300):
                    if await told(harness, handle, "approval to On-Call through slack, discord"):
                        break
                    await asyncio.sleep(0.2)
                assert await told(harness, handle, "approval to On-Call through slack, discord")
                assert not await told(harness, handle, "Team Lead")
    assert b"ServiceDown/backend" in taken[0]
