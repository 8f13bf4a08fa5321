"""Who looks at a page in a storm: there is a turn of the loop between two webhooks."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from intake.http.turns import Turns


async def test_between_two_webhooks_the_loop_turns_for_others() -> None:
    turns, done = Turns(), list[str]()

    async def webhook(number: int) -> None:
        await turns.wait()
        done.append(f"webhook {number}")

    async def page() -> None:
        while len(done) < 15:
            done.append("page")
            await asyncio.sleep(0)

    await asyncio.gather(*(webhook(number) for number in range(5)), page())
    webhooks = [at for at, what in enumerate(done) if what != "page"]
    assert [done[at] for at in webhooks] == [f"webhook {number}" for number in range(5)], "in order"
    assert all(later - earlier > 1 for earlier, later in pairwise(webhooks))


async def test_one_that_is_given_up_keeps_nobody_waiting() -> None:
    turns = Turns()
    waiting = [asyncio.create_task(turns.wait()) for _ in range(3)]
    waiting[0].cancel()
    waiting[1].cancel()
    await asyncio.wait_for(waiting[2], 10)
