"""What is looked at after a scenario, in the systems themselves and not in what the product says."""

from __future__ import annotations

import asyncio

from dotenv import dotenv_values

from demo.systems.services import POSTGRES
from tests.parts.product.pipeline import Pipeline
from tests.parts.scenarios.play import Played


async def tried_once(pipeline: Pipeline, _: Played) -> None:
    """The product's own role was refused at most once: PostgreSQL counts every attempt."""
    cluster = pipeline.stack.services.cluster
    log = await pipeline.stack.services.log_of(POSTGRES)
    ours = f'password authentication failed for user "{cluster.watcher}"'
    theirs = f'password authentication failed for user "{cluster.user}"'
    assert theirs in log
    assert log.count(f"FATAL:  {ours}") <= 1


async def sessions_are_gone(pipeline: Pipeline, _: Played) -> None:
    """Those that were idle for too long; the backend has its own again."""
    async with pipeline.stack.services.cluster.superuser() as superuser:
        count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'reports'"
        assert await superuser.fetchval(count) == 0
    assert not await pipeline.stack.services.backend.is_healthy()


async def pool_is_raised(pipeline: Pipeline, _: Played) -> None:
    """In the env file, beside what the deployment set; and the backend has read it."""
    backend = pipeline.stack.services.backend
    settings = await asyncio.to_thread(dotenv_values, backend.env_file)
    assert settings["PRISMA_DATABASE_URL_POOL_SIZE"] == "20"
    assert settings["BACKGROUND_JOBS"] == "7"
    assert not await backend.is_healthy()
