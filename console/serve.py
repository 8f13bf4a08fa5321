"""`serve`: the intake, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
import typer
from temporalio.client import Client
from temporalio.worker import Worker

from activities.support.secrets import resolve
from console.fire import Config
from console.voice import Unusable, run, typed
from intake.alerts.first_look import FirstLooks
from intake.alerts.sight import Sight
from intake.app import build
from intake.http.keys import Keys, is_loopback
from intake.http.server import listen
from intake.http.server import serve as serve_app
from models.configuration.configuration import Configuration
from runtime import hosting, settings
from runtime.connection import connect, connect_later
from runtime.first_task_worker import EarlyHealth, eyes, first_look_worker
from runtime.logging import keep_journal

app = typer.Typer()


@app.command()
def serve(
    config: Config = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1", callback=typed)
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.", show_default="8080")
    ] = None,
) -> None:
    """Take alerts from Alertmanager, and decisions from people, over HTTP."""
    run(_serve(config, host, port))


async def _serve(config: Config, host: str | None, port: int | None) -> None:
    file = settings.ConfigurationFile(settings.path_of(config))
    intake = file().intake
    host, port = host or intake.host, intake.port if port is None else port
    keys = keys_of(file())
    if keys.sender is None and not is_loopback(host):
        raise Unusable(
            f"{host} can be reached from other machines, and the intake has no token: put one into a file "
            f"and name it in {settings.TOKEN_FILE_VARIABLE}, or listen on 127.0.0.1"
        )
    keep_journal()
    client = await connect_later()
    async with httpx.AsyncClient(follow_redirects=False) as http:
        sight = Sight(file, eyes(http))
        with listen(host, port) as listener:
            async with _first_looks(file, http, sight) as first_looks:
                app = build(client, file, keys, http, first_looks, sight, lambda: file.problem)
                await serve_app(app, listener)


@asynccontextmanager
async def _first_looks(
    file: settings.ConfigurationFile, http: httpx.AsyncClient, sight: Sight
) -> AsyncIterator[FirstLooks]:
    """The worker beside the door, drained when the last request is answered."""
    with ThreadPoolExecutor(hosting.THREADS) as threads:
        health = EarlyHealth(http)

        def worker(client: Client) -> Worker:
            return first_look_worker(client, hosting.build(client, http, file, health), threads)

        first_looks = FirstLooks(connect, worker, health.begin, sight)
        keeping = asyncio.create_task(first_looks.keep_ready())
        try:
            yield first_looks
        finally:
            keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeping


def keys_of(configuration: Configuration) -> Keys:
    """The tokens, read once. Raises SecretMissing for one that is named and not there."""
    intake = configuration.intake
    return Keys(
        sender=resolve(intake.token) if intake.token else None,
        people={name: resolve(ref) for name, ref in intake.people.items()},
    )
