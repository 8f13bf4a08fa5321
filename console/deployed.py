"""`deployed SERVICE IMAGE`: records a deployment, usually from a pipeline."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from temporalio.client import Client

from console.fire import Config
from console.output import AsJson, By, as_json, out, run, safe, somebody, typed
from console.shell.completing import services
from console.shell.examples import examples
from console.signing import refuse_not_taken, signer, word
from models.configuration.known_services import known
from models.incident.order import DeploymentTold
from models.incident.stewardship import StewardState
from models.messages import STATE
from models.names import steward_id
from runtime import settings
from runtime.connection import PATIENCE, connect
from runtime.deployments import tell_steward
from runtime.errors import NobodyAnswers, in_time

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
    run(_deployed(service, image, by, config, json))


async def _deployed(service: str, image: str, by: str, config: Path | None, json: bool) -> None:
    name = known(service, settings.load(settings.path_of(config)))
    deployment = DeploymentTold(
        service=name,
        version=image,
        deployed_at=datetime.now(UTC),
        recorded_by=somebody(by),
        current=True,
    )
    client = await connect()
    async with in_time(3 * PATIENCE):
        told = await tell_steward(client, deployment, word(by), signer(config))
    taken = await _taken(client, told)
    if json:
        as_json({**deployment.model_dump(mode="json", exclude={"said"}), "taken": taken})
    else:
        later = "" if taken else ": recorded; it counts from the moment a worker starts: no worker answered"
        out.print(f"Recorded deployment of {safe(image)} to {name}{later}")


async def _taken(client: Client, told: DeploymentTold) -> bool:
    """Whether a worker has taken it, which it answers at once. Raises Refused where it did not count."""
    steward = client.get_workflow_handle(steward_id(told.service))
    try:
        async with in_time(PATIENCE, steward.id):
            state: StewardState = await steward.query(STATE, result_type=StewardState, rpc_timeout=PATIENCE)
    except NobodyAnswers:
        return False
    refuse_not_taken(told.digest, state.not_taken)
    return True
