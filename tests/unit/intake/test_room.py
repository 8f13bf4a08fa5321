"""Who makes room does no harm to who needs it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from intake.http.answers import Stop
from intake.http.room import FOR_SMALL, SMALL, Room, held_for


async def no_more() -> Any:
    raise AssertionError("nothing is read here")


async def nobody(message: Any) -> None:
    raise AssertionError(f"nobody is answered here: {message}")


async def test_a_body_whose_time_is_up_makes_room_without_harm_to_who_needs_it() -> None:
    """Its time is up, and it has not run since."""
    needs_room: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        held = held_for(Request(scope))
        if scope["path"] == "/needs-room":
            held.set(SMALL)
            needs_room.append("fits")
            return
        if scope["path"] == "/complete":
            held.set(SMALL)
            await asyncio.Event().wait()
        async with held.arrives(0):  # over as soon as the loop runs again
            held.set(SMALL)
            begin("/needs-room")
            await asyncio.Event().wait()

    room = Room(app)
    tasks: list[asyncio.Task[None]] = []

    def begin(path: str) -> None:
        tasks.append(asyncio.create_task(room({"type": "http", "path": path}, no_more, nobody)))

    for _ in range(FOR_SMALL // SMALL - 1):
        begin("/complete")
    begin("/late")
    late = tasks[-1]
    with pytest.raises(Stop, match="too many requests"):
        await asyncio.wait_for(late, 10)
    await asyncio.wait_for(tasks[-1], 10)
    assert needs_room == ["fits"]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
