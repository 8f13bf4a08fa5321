"""`deployed SERVICE IMAGE`: records a deployment, usually from a pipeline."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from console.output import AsJson, By, Unusable, as_json, out, run, safe, somebody, typed
from models.evidence.deployment import Deployment
from models.names import ServiceName, steward_id
from runtime.connection import PATIENCE, connect
from runtime.deployments import tell_steward
from runtime.errors import in_time

app = typer.Typer()


@app.command()
def deployed(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="The service.")],
    image: Annotated[
        str, typer.Argument(metavar="IMAGE", help="The image or version that runs now.", callback=typed)
    ],
    by: By = "",
    json: AsJson = False,
) -> None:
    """Record a deployment, so that a rollback knows the versions."""
    run(_deployed(service, image, somebody(by), json))


async def _deployed(service: str, image: str, by: str, json: bool) -> None:
    try:
        name = TypeAdapter(ServiceName).validate_python(service)
    except ValidationError as error:
        raise Unusable(f"{safe(service)!r} cannot be the name of a service") from error
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
