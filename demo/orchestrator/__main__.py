"""`python -m demo.orchestrator`: runs a workflow for every request, and tells how it ended."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import Worker

from demo.orchestrator.workflows import SyncProducts, fetch_products
from demo.parts.loopback import LOOPBACK

QUEUE = "affiliate"


async def ready(_: Request) -> Response:
    return JSONResponse({"status": "healthy"})


async def sync_products(request: Request) -> Response:
    client: Client = request.app.state.client
    try:
        count = await client.execute_workflow(
            SyncProducts.run, os.environ["REFUSES"], id=f"sync-products-{uuid.uuid4()}", task_queue=QUEUE
        )
    except WorkflowFailureError as error:
        return JSONResponse({"error": str(error.cause)}, status_code=500)
    return JSONResponse({"synced": count})


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"], namespace=os.environ["TEMPORAL_NAMESPACE"])
    app.state.client = client
    async with Worker(client, task_queue=QUEUE, workflows=[SyncProducts], activities=[fetch_products]):
        yield


ROUTES = [Route("/health", ready), Route("/sync-products", sync_products, methods=["POST"])]

if __name__ == "__main__":
    application = Starlette(routes=ROUTES, lifespan=lifespan)
    uvicorn.run(application, host=LOOPBACK, port=int(os.environ["PORT"]), log_level="warning")
