"""What the backend pays for: its own generation loop, as its env file sets it, and what others order.

An hour is a second here: a loop that runs hourly runs each second. Without `DAILY_LOOP_INTERVAL` there
is none.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from dataclasses import dataclass

from dotenv import dotenv_values
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from demo.backend.database import Database, DatabaseLostError

log = logging.getLogger("backend")

_HOUR = 3600
A_PRODUCT, A_RUN, A_VIDEO = 0.02, 0.2, 0.04
"""Dollars: the texts of one product, the stories of one run, and one video."""


@dataclass(frozen=True)
class Spending:
    """How often the loop runs, and how much it makes each time."""

    interval: float
    products: int
    videos: int
    videos_by: str

    @classmethod
    def from_environment(cls) -> Spending:
        """From the environment; without a container the env file is read here, at every start."""
        file = os.environ.get("ENV_FILE")
        settings = {**os.environ, **(dotenv_values(file) if file else {})}
        return cls(
            interval=float(settings.get("DAILY_LOOP_INTERVAL") or 0) / _HOUR,
            products=int(settings.get("MAX_PRODUCTS_PER_RUN") or 20),
            videos=int(settings.get("MAX_VIDEOS_PER_RUN") or 10),
            videos_by=settings.get("VIDEO_PROVIDER") or "pika",
        )

    @property
    def a_run(self) -> dict[str, float]:
        """What one run costs, by provider."""
        texts, videos = self.products * A_PRODUCT, self.videos * A_VIDEO
        return {"openai": texts, "anthropic": A_RUN, self.videos_by: videos}


async def generate(database: Database) -> None:
    """Run the loop for ever; a run that the database does not take is made good by the next."""
    spending = Spending.from_environment()
    while spending.interval:
        await asyncio.sleep(spending.interval)
        with suppress(DatabaseLostError):
            await _pay(database, spending.a_run)


async def spend(request: Request) -> Response:
    """`{"provider": …, "dollars": …, "attempt": …}`: somebody has used a provider in our name."""
    ordered = await request.json()
    provider, dollars = str(ordered["provider"]), float(ordered["dollars"])
    if (attempt := int(ordered.get("attempt", 1))) > 1:
        log.warning("%s: retry %d of a clip, exponential backoff", provider, attempt - 1)
    await _pay(request.app.state.database, {provider: dollars})
    return JSONResponse({"spent": dollars}, status_code=202)


async def _pay(database: Database, dollars: dict[str, float]) -> None:
    async with database.connection() as connection:
        await connection.executemany(
            "INSERT INTO costs (provider, dollars, at) VALUES ($1, $2, now())", list(dollars.items())
        )


ROUTES = [Route("/api/cost-tracking/spend", spend, methods=["POST"])]
