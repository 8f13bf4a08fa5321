"""What the backend's env file says about its database: the size of the pool, and who uses it."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass

import asyncpg
from dotenv import dotenv_values

log = logging.getLogger("backend")

_AGAIN = 1.0
"""Seconds until a job that lost its connection asks for another one."""


def env_settings() -> dict[str, str | None]:
    """The environment; without a container the env file is read here, at every start."""
    file = os.environ.get("ENV_FILE")
    return {**os.environ, **(dotenv_values(file) if file else {})}


@dataclass(frozen=True)
class PoolSettings:
    """Connections that may be open at once, and background jobs that keep one each."""

    size: int
    jobs: int

    @classmethod
    def from_environment(cls) -> PoolSettings:
        """From the environment, or the env file."""
        settings = env_settings()
        return cls(
            size=int(settings.get("PRISMA_DATABASE_URL_POOL_SIZE") or 5),
            jobs=int(settings.get("BACKGROUND_JOBS") or 0),
        )


async def run_job(pool: asyncpg.Pool) -> None:
    """One background job: a session of the pool, used without an end."""
    while True:
        try:
            async with pool.acquire() as connection:
                while True:
                    await connection.execute("SELECT pg_sleep(1)")
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await asyncio.sleep(_AGAIN)


def exhausted(pool: asyncpg.Pool) -> bool:
    """Every connection that it may have is in use."""
    return pool.get_size() >= pool.get_max_size() and pool.get_idle_size() == 0
