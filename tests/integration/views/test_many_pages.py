"""Nobody keeps others from following incidents live by opening page after page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from intake.views.live import MOST_NAMELESS, MOST_OF_ONE
from tests.integration.views.firing import HTML
from tests.parts.product.intake import (
    ANNA,
    SENDER,
    Intake,
    TemporalServer,
    environment,
    intake_process,
    until,
)


@pytest.fixture
async def intake(temporal: TemporalServer, config: Path, tmp_path: Path) -> AsyncIterator[Intake]:
    """An intake of its own: nobody follows anything yet."""
    token = tmp_path / "token"
    token.write_text(SENDER)
    variables = environment(temporal.address, RUNBOOKS_INTAKE_TOKEN_FILE=str(token))
    async with intake_process(config, variables) as running:
        yield running


@asynccontextmanager
async def signed_in(intake: Intake, token: str) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=intake.url, headers=HTML, limits=limits) as http:
        assert (await http.post("/sign-in", data={"token": token, "next": "/"})).status_code == 303
        yield http


async def opened(pages: AsyncExitStack, http: httpx.AsyncClient) -> httpx.Response:
    """One more page that stays open; it has begun to follow, or was refused."""
    answer = await pages.enter_async_context(http.stream("GET", "/live"))
    if answer.status_code == 200:
        begun = answer.extensions["begun"] = answer.aiter_raw()  # what nobody holds is closed
        await anext(begun)
    else:
        await answer.aread()
    return answer


@pytest.mark.parametrize("token", [ANNA, SENDER])
async def test_one_person_or_session_follows_so_many_pages_and_everybody_else_goes_on(
    intake: Intake, token: str
) -> None:
    async with (
        signed_in(intake, token) as http,
        signed_in(intake, ANNA if token == SENDER else SENDER) as other,
    ):
        async with AsyncExitStack() as pages:
            taken = [(await opened(pages, http)).status_code for _ in range(MOST_OF_ONE)]
            assert set(taken) == {200}
            refused = await opened(pages, http)
            assert refused.status_code == 429
            assert "close one" in refused.text
            assert refused.headers["retry-after"] == "15"
            assert (await opened(pages, other)).status_code == 200

        async def again() -> bool:
            async with AsyncExitStack() as pages:
                return (await opened(pages, http)).status_code == 200

        await until(again)


async def test_who_signs_in_again_and_again_without_a_name_leaves_room_for_people(intake: Intake) -> None:
    async with AsyncExitStack() as pages:
        taken = []
        for _ in range(MOST_NAMELESS // MOST_OF_ONE + 1):
            reader = await pages.enter_async_context(signed_in(intake, SENDER))
            taken += [(await opened(pages, reader)).status_code for _ in range(MOST_OF_ONE)]
        assert taken.count(200) == MOST_NAMELESS
        assert set(taken[MOST_NAMELESS:]) == {503}
        anna = await pages.enter_async_context(signed_in(intake, ANNA))
        assert (await opened(pages, anna)).status_code == 200
