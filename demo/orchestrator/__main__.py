"""`python -m demo.orchestrator`: runs a workflow for every request, and tells how it ended."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from demo.orchestrator.loop import QUEUE, DailyControlLoop, LoopActivities, make_schedule
from demo.orchestrator.shop import ShopActivities
from demo.orchestrator.speech import GenerateSpeech, create_speech_schedule, synthesize
from demo.orchestrator.videos import GenerateVideos, VideoActivities
from demo.orchestrator.workflows import SyncProducts, Wanted
from demo.parts.loopback import LOOPBACK


async def ready(_: Request) -> Response:
    return JSONResponse({"status": "healthy"})


async def sync_products(request: Request) -> Response:
    client: Client = request.app.state.client
    shop: ShopActivities = request.app.state.shop
    shop.key = request.headers.get("X-Key", "")
    wanted = Wanted(limit=(await request.json()).get("limit"))
    try:
        count = await client.execute_workflow(
            SyncProducts.run, wanted, id=f"sync-products-{uuid.uuid4()}", task_queue=QUEUE
        )
    except WorkflowFailureError as error:
        return _failed(error)
    return JSONResponse({"synced": count})


async def generate_videos(request: Request) -> Response:
    """Begin a generation; nobody waits for its end."""
    client: Client = request.app.state.client
    generator = (await request.json())["generator"]
    name = f"generate-videos-{uuid.uuid4()}"
    await client.start_workflow(GenerateVideos.run, generator, id=name, task_queue=QUEUE)
    return JSONResponse({"started": name}, status_code=202)


def _failed(error: WorkflowFailureError) -> Response:
    """What the shop said; its rate limit is handed on."""
    cause: BaseException = error
    while cause.__cause__:
        cause = cause.__cause__
    status, wait = (*cause.details, 500, "")[:2] if isinstance(cause, ApplicationError) else (500, "")
    limited = status == 429
    headers = {"Retry-After": str(wait)} if limited and wait else None
    return JSONResponse({"error": str(cause)}, status_code=429 if limited else 500, headers=headers)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"], namespace=os.environ["TEMPORAL_NAMESPACE"])
    async with httpx.AsyncClient(timeout=5.0, trust_env=False) as http:
        shop = ShopActivities(http, os.environ["SHOP"], Path(os.environ["REFUSES"]))
        loop = LoopActivities(http, os.environ["BACKEND"], Path(os.environ["CRASHES"]))
        videos = VideoActivities(http, os.environ["BACKEND"], Path(os.environ["RENDER_CRASHES"]))
        app.state.client, app.state.shop = client, shop
        worker = Worker(
            client,
            task_queue=QUEUE,
            workflows=[SyncProducts, DailyControlLoop, GenerateSpeech, GenerateVideos],
            activities=[
                shop.fetch_products,
                loop.have_products_synced,
                synthesize,
                videos.write_script,
                videos.render_videos,
                videos.store_videos,
            ],
        )
        await make_schedule(client)
        await create_speech_schedule(client, os.environ["BACKEND"])
        async with worker:
            yield


ROUTES = [
    Route("/health", ready),
    Route("/sync-products", sync_products, methods=["POST"]),
    Route("/generate-videos", generate_videos, methods=["POST"]),
]

if __name__ == "__main__":
    application = Starlette(routes=ROUTES, lifespan=lifespan)
    uvicorn.run(application, host=LOOPBACK, port=int(os.environ["PORT"]), log_level="warning")
