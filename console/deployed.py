"""`deployed SERVICE IMAGE`: records a deployment, usually from a pipeline."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from console.fire import Config
from console.output import AsJson, By, as_json, out, run, safe, somebody, typed
from console.shell.completing import services
from console.shell.examples import examples
from models.configuration.known_services import known
from models.evidence.deployment import Deployment
from models.names import steward_id
from runtime import settings
from runtime.connection import PATIENCE, connect
from runtime.deployments import tell_steward
from runtime.errors import in_time

app = typer.Typer()


@app.command(epilog=examples("deployed backend registry.example/backend:1.4.2"))
def deployed(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="The service.", autocompletion=services)],
    image: Annotated[
        str, typer.Argument(metavar="IMAGE", help="The image or version that runs now.", callback=typed)
    ],
    by: By = "",
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Record a deployment of a service of the configuration, so that a rollback knows the versions."""
    run(_deployed(service, image, somebody(by), config, json))


async def _deployed(service: str, image: str, by: str, config: Path | None, json: bool) -> None:
    name = known(service, settings.load(settings.path_of(config)))
    deployment = Deployment(
        service=name,
        version=image,
        deployed_at=datetime.now(UTC),
        recorded_by=by,
        current=True,
    )
    client = await connect()
    async with in_time(PATIENCE, steward_id(name)):
        await tell_steward(client, deployment)
    if json:
        as_json(deployment)
    else:
        out.print(f"Recorded deployment of {safe(image)} to {name}")
