"""The board: what is filtered, what stands above it, and when the next rung is due."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import expect
from starlette.requests import Request
from temporalio.client import Client

from intake.http.keys import Keys
from intake.views.board import banners
from intake.views.board_page import BoardViews
from intake.views.live import Live
from intake.views.looks import Looks
from intake.views.visitors import Visitors
from models.configuration.configuration import Configuration
from models.configuration.store import StoreSettings
from models.incident.maintenance import Window
from models.incident.stewardship import ControlRoomState
from models.messages import DECIDE
from runtime.incidents import Incidents, control_room
from runtime.overview.listed import Listed
from runtime.overview.states import States
from runtime.people.links import Links
from runtime.sessions.ended import Sessions
from tests.integration.views.conftest import OpenTab
from tests.integration.views.firing import fired, state_of
from tests.parts.product.intake import ANNA, Intake, until

pytest_plugins = ["tests.parts.servers.browser"]


async def test_a_board_of_what_needs_a_decision(intake: Intake, client: Client, tab: OpenTab) -> None:
    asks, decided = await fired(intake), await fired(intake)
    plan = (await state_of(client, decided)).awaiting
    assert plan is not None
    await client.get_workflow_handle(decided).execute_update(DECIDE, {"plan": plan.digest})
    opened = await tab(script=False)
    await opened.sign_in(ANNA)
    await expect(opened.page.get_by_role("link", name=decided)).to_be_visible()
    await opened.page.get_by_label("Needs a decision").check()
    await opened.page.get_by_role("button", name="Show").click()
    await expect(opened.page.get_by_role("link", name=asks)).to_be_visible()
    assert await opened.page.get_by_role("link", name=decided).count() == 0
    await opened.open("/?phase=escalated")
    assert await opened.page.get_by_role("link", name=asks).count() == 0


@pytest.mark.parametrize("script", [True, False])
async def test_who_is_paged_next_and_when(intake: Intake, tab: OpenTab, script: bool) -> None:
    incident = await fired(intake)
    opened = await tab(script=script)
    await opened.sign_in(ANNA, f"/incidents/{incident}")
    for path in (f"/incidents/{incident}", f"/?words={incident}"):
        await opened.open(path)
        says = opened.page.get_by_text("pages Team Lead (bert)")
        await expect(says).to_have_text(re.compile(r"in (5 min|4 min \d+ s)"))
        before = await says.inner_text()
        if script:
            await expect(says).not_to_have_text(before)


def test_what_stands_above_the_incidents() -> None:
    now = datetime(2026, 1, 5, 4, tzinfo=UTC)
    on = Window(id="a", begins=now - timedelta(hours=1), lasts=timedelta(hours=2), by="ada", why="a new disk")
    planned = on.model_copy(update={"id": "b", "service": "backend", "begins": now + timedelta(days=1)})
    over = on.model_copy(update={"id": "c", "begins": now - timedelta(days=1)})
    room = ControlRoomState(suspended=True, by="ada", why="a fire", since=now, windows=(on, planned, over))
    said = banners(room, True, now)
    assert [one.partition(":")[0] for one in said] == [
        said[0].partition(":")[0],
        "Dry run",
        "In maintenance",
        "Planned maintenance",
    ]
    assert "suspended" in said[0]
    assert "the fleet 2026-01-05 03:00 to 2026-01-05 05:00 UTC by ada: a new disk" in said[2]
    assert banners(ControlRoomState(), False, now) == []


async def test_a_board_that_is_known_is_shown_without_another_turn_of_the_loop(
    client: Client, tmp_path: Path
) -> None:
    """In a storm each turn takes long: a request that waits for one stands behind its alerts."""
    configuration = Configuration(store=StoreSettings(file=str(tmp_path / "none.sqlite")))
    incidents, here = Incidents(client), lambda: configuration
    looks = Looks(incidents, Listed(client), States(client, incidents), lambda: control_room(client))
    visitors = Visitors(Keys(), Links(here), Sessions(client), here)
    views = BoardViews(looks, visitors, Live(asyncio.Event()), here)
    request = Request({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []})

    async def at_once() -> bool:
        showing = views.board(request)
        try:
            showing.send(None)
        except StopIteration as shown:
            return bool(shown.value.status_code == 200)
        showing.close()
        await views.board(request)
        return False

    assert await until(at_once)
