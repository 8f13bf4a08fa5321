"""`service show|unblock`: the state of a service's steward, and the end of its block and other limits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from console.fire import Config
from console.output import AsJson, Unusable, as_json, out, run, safe
from console.shell.completing import services
from console.shell.examples import examples
from models.configuration.known_services import known
from models.incident.stewardship import StewardState
from models.messages import STATE, UNBLOCK
from models.names import ServiceName, steward_id
from runtime import settings
from runtime.connection import PATIENCE, connect
from runtime.errors import NoSuchIncident, in_time
from runtime.incidents import ANSWER_WITHIN
from workflows.stewardship.limiting import Tried

app = typer.Typer(help="Show or unblock a service.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="SERVICE", help="The service.", autocompletion=services)]


@app.command(epilog=examples("service show backend"))
def show(service: Name, config: Config = None, json: AsJson = False) -> None:
    """Show who holds the service, who waits, what was done, and what its limits refuse now."""

    async def work() -> None:
        steward = _steward(service)
        client = await connect()
        try:
            async with in_time(ANSWER_WITHIN, steward):
                state: StewardState = await client.get_workflow_handle(steward).query(
                    STATE, result_type=StewardState, rpc_timeout=ANSWER_WITHIN
                )
        except NoSuchIncident:
            state = StewardState(service=known(service, settings.load(settings.path_of(config))))
        if json:
            as_json(state)
        else:
            for line in _lines(state):
                out.print(line)

    run(work())


@app.command(epilog=examples("service unblock backend"))
def unblock(service: Name, config: Config = None, json: AsJson = False) -> None:
    """Lift the block after failed plans, and every other limit: nothing that was tried counts any more."""

    async def work() -> None:
        steward = _steward(service)
        client = await connect()
        try:
            async with in_time(PATIENCE, steward):
                await client.get_workflow_handle(steward).signal(UNBLOCK, rpc_timeout=PATIENCE)
        except NoSuchIncident:
            known(service, settings.load(settings.path_of(config)))
            raise NoSuchIncident(f"{service} is not blocked: nothing was ever done to it") from None
        if json:
            as_json({"service": service, "told": UNBLOCK})
        else:
            out.print(f"Unblocked {service}.")

    run(work())


def _steward(service: str) -> str:
    try:
        return steward_id(TypeAdapter(ServiceName).validate_python(service))
    except ValidationError:
        raise Unusable(f"{service!r} cannot be a service's name") from None


def _lines(state: StewardState) -> list[str]:
    held = f"held by {state.holder.incident}" if state.holder else "held by nobody"
    acting = ", which is acting" if state.acting else ""
    lines = [f"[bold]{safe(state.service)}[/bold]: {safe(held)}{acting}"]
    lines += [f"waiting: {safe(hold.incident)} since {hold.asked_at:%H:%M:%S}" for hold in state.waiting]
    refusals = Tried(state).bind(datetime.now(UTC))
    lines += [f"[red]{one.reason.value}[/red]: {safe(one.says)}" for one in refusals]
    lines += [
        f"{one.started_at:%Y-%m-%d %H:%M:%S} {safe(one.says)}: {safe(one.found)} "
        f"[dim](approved by {safe(one.approved_by)})[/dim]"
        for one in state.performed[-10:]
    ]
    lines += [
        f"{one.deployed_at:%Y-%m-%d %H:%M:%S} version {safe(one.version)} "
        f"[dim](told by {safe(one.recorded_by or 'nobody')})[/dim]"
        for one in state.deployments[-3:]
    ]
    lines += [f"[yellow]{safe(one.line)}[/yellow]" for one in state.not_taken]
    return lines
