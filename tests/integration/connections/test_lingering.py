"""What goes on behind an answer does not end the connection under the next request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from intake.http.connections import HEADERS_WITHIN, PromptApp, PromptRequests
from intake.http.server import listen

go_on = asyncio.Event()


async def answered_first(_: Request) -> Response:
    return Response(background=BackgroundTask(go_on.wait))


async def takes_long(_: Request) -> Response:
    go_on.set()
    await asyncio.sleep(HEADERS_WITHIN + 1)  # longer than the next request may take to arrive
    return Response()


@pytest.fixture
async def address() -> AsyncIterator[str]:
    routes = [Route("/answered-first", answered_first), Route("/takes-long", takes_long)]
    config = uvicorn.Config(
        PromptApp(Starlette(routes=routes)), http=PromptRequests, lifespan="off", ws="none", log_config=None
    )
    server = uvicorn.Server(config)
    with listen("127.0.0.1", 0) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await asyncio.wait_for(serving, 30)


async def test_the_next_request_has_its_time_whatever_goes_on_behind_the_last_answer(address: str) -> None:
    async with httpx.AsyncClient(
        base_url=address, trust_env=False, timeout=60, limits=httpx.Limits(max_connections=1)
    ) as http:
        assert (await http.get("/answered-first")).status_code == 200
        assert (await http.get("/takes-long")).status_code == 200
