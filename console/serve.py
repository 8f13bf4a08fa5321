"""`serve`: runs the intake until SIGTERM; with `--with-worker` also a worker, in the same process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from temporalio.runtime import Runtime

from activities.support.secrets import resolve
from console.fire import Config
from console.output import Unusable, run, typed
from console.shell.examples import examples
from intake.alerts.dispatch import Dispatch
from intake.alerts.heartbeats import Heartbeats
from intake.app import Itself, build
from intake.http.gate import is_loopback
from intake.http.keys import Keys
from intake.http.metrics import IntakeMetrics
from intake.http.server import listen
from intake.http.server import serve as serve_app
from models.configuration.configuration import Configuration
from runtime import settings
from runtime.alive.queues import Attended
from runtime.alive.rounds import Rounds
from runtime.alive.worker import hosted
from runtime.connection import connect_later
from runtime.embedded_worker import EmbeddedWorker
from runtime.logging import log_as_json
from runtime.systems.outgoing import outgoing
from runtime.telemetry import worker_runtime

app = typer.Typer()


@app.command(
    epilog=examples(
        "serve --with-worker",
        "serve --config /etc/runbooks/runbooks.yaml --host 0.0.0.0 --port 8080",
    )
)
def serve(
    config: Config = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1", callback=typed)
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 picks a free one.", show_default="8080")
    ] = None,
    with_worker: Annotated[
        bool, typer.Option("--with-worker", help="Run a worker in the same process, too.")
    ] = False,
) -> None:
    """Run the intake: take alerts from Alertmanager and decisions from people over HTTP."""
    run(_serve(settings.path_of(config), host, port, with_worker), uvloop.new_event_loop)


async def _serve(config: Path, host: str | None, port: int | None, with_worker: bool) -> None:
    file = settings.ConfigurationFile(config)
    intake = file().intake
    host, port = host or intake.host, intake.port if port is None else port
    keys = keys_of(file)
    if keys.sender is None and not is_loopback(host):
        raise Unusable(
            f"{host} can be reached from other machines, but the intake has no token: write one to a file "
            f"and set {settings.TOKEN_FILE_VARIABLE} to its path, or listen on 127.0.0.1"
        )
    log_as_json()
    if with_worker:
        runtime = worker_runtime(file().worker.metrics, config)
        Runtime.set_default(runtime, error_if_already_set=False)
    client = await connect_later()
    async with outgoing(file) as http:
        with listen(host, port) as listener:
            worker = EmbeddedWorker(lambda one: hosted(one, file), client) if with_worker else None
            dispatch = Dispatch(worker.client if worker else lambda: client)
            metrics = IntakeMetrics()
            heartbeats = Heartbeats(metrics.gauges)
            attended = Attended(client)

            async def after(now: Configuration) -> None:
                await heartbeats.expect(now)
                await attended.look(now)

            rounds = Rounds(client, metrics.gauges, after=after)
            itself = Itself(metrics, heartbeats, attended, worker, problem=lambda: file.problem)
            app = build(client, dispatch, file, keys, http, itself)
            async with _running(worker), _beside(rounds.run(file)):
                await serve_app(app, listener, itself.draining)
                await asyncio.gather(dispatch.finish(), itself.presses.finish())


@asynccontextmanager
async def _running(worker: EmbeddedWorker | None) -> AsyncIterator[None]:
    """Run the worker while the intake serves; drain it after the last request."""
    stop = asyncio.Event()
    running = asyncio.create_task(worker.keep_running(stop)) if worker else None
    try:
        yield
    finally:
        stop.set()
        if running:
            await running


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Work that goes on while the intake serves, and is over with it."""
    going = asyncio.create_task(work)
    try:
        yield
    finally:
        going.cancel()


def keys_of(configuration: Callable[[], Configuration]) -> Keys:
    """The tokens, read once. Raises SecretMissing for one that is configured but missing."""
    intake = configuration().intake
    return Keys(
        sender=resolve(intake.token) if intake.token else None,
        people={name: resolve(ref) for name, ref in intake.people.items()},
        programs={name: resolve(ref) for name, ref in intake.programs.items()},
        listed=lambda: {*configuration().intake.people, *configuration().intake.programs},
    )
