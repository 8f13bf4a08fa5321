"""Who pressed a button is told what came of it, also where the process ends before that is known."""

from __future__ import annotations

import asyncio

from intake.slack.presses import CUT, Presses


async def test_what_is_done_in_time_is_told_and_who_is_cut_off_is_told_that() -> None:
    presses, told, go_on = Presses(), [], asyncio.Event()

    async def in_time() -> str:
        await go_on.wait()
        return "done"

    async def never() -> str:
        await asyncio.Event().wait()
        return "never"

    async def tell(words: str) -> None:
        told.append(words)

    presses.begin(in_time(), tell)
    await presses.settle(0)
    assert not told
    go_on.set()
    await presses.settle(10)
    assert told == ["done"]
    presses.begin(never(), tell)
    await presses.finish(within=0)
    assert told == ["done", CUT]
