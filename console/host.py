"""What `worker.py` does: it hosts workflows and activities, and drains on SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import structlog
import typer
from pydantic import TypeAdapter, ValidationError
from temporalio.runtime import Runtime

from console.fire import Config
from console.output import Unusable, fail, run
from models.service.service import HostName
from runtime import settings
from runtime.alive.worker import hosted
from runtime.connection import connect
from runtime.logging import log_as_json
from runtime.telemetry import worker_runtime

app = typer.Typer(name="worker.py", add_completion=False, pretty_exceptions_enable=False)


def _host_name(text: str | None) -> str | None:
    """Validates `--host`, which names a task queue: the same form as `host` of a service."""
    try:
        return None if text is None else TypeAdapter(HostName).validate_python(text)
    except ValidationError:
        cure = "use letters, digits, dots and hyphens, as in `host` of a service"
        fail(Unusable(f"{text!r} is not a host name: {cure}"))


@app.command()
def worker(
    config: Config = None,
    host: Annotated[
        str | None,
        typer.Option(help="Run only the activities of services with this `host`.", callback=_host_name),
    ] = None,
) -> None:
    """Run a worker: host the runbooks' workflows and activities."""
    run(_serve(settings.path_of(config), host))


async def _serve(config: Path, host: str | None) -> None:
    """Run until SIGTERM or SIGINT, then drain."""
    file = settings.ConfigurationFile(config)
    log_as_json()
    log = structlog.get_logger("worker")
    Runtime.set_default(worker_runtime(file().worker.metrics, config))
    client = await connect()
    stop = asyncio.Event()
    for wish in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(wish, stop.set)
    async with hosted(client, file, host) as one:
        log.info(f"worker ready on task queue {one.task_queue}")
        await stop.wait()
    log.info("worker drained")
