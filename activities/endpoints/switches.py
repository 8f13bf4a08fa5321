"""Takes an endpoint out of service, and puts it back, by the calls of the configuration."""

from __future__ import annotations

from temporalio import activity

from activities.app.switches import Switches, final
from models.actions.change import ActionResult, Perform
from models.actions.endpoints import AnswerMaintenance, DisableEndpoint, OfEndpoint, ReopenEndpoint
from models.service.endpoints import Endpoint, EndpointSwitch


class EndpointSwitchActivities:
    """Throws the switches of one endpoint. Each call may be repeated."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches

    @activity.defn
    async def disable_endpoint(self, request: Perform[DisableEndpoint]) -> ActionResult:
        """Done when the call is answered 2xx."""
        action = request.action
        return await self._switches.throw(_switch(action, "disable").on, f"{action.path} is disabled")

    @activity.defn
    async def answer_maintenance(self, request: Perform[AnswerMaintenance]) -> ActionResult:
        """Done when the call is answered 2xx."""
        action = request.action
        done = f"{action.path} answers with a maintenance message"
        return await self._switches.throw(_switch(action, "maintenance").on, done)

    @activity.defn
    async def reopen_endpoint(self, request: Perform[ReopenEndpoint]) -> ActionResult:
        """Done when the call is answered 2xx."""
        action = request.action
        return await self._switches.throw(_switch(action, action.from_).off, f"{action.path} is in service")


def _switch(action: OfEndpoint, name: str) -> EndpointSwitch:
    endpoints = action.service.endpoints
    endpoint = endpoints.called((action.path,)) if endpoints else None
    switch = _of(endpoint, name) if endpoint else None
    if switch is None:
        raise final(f"no `{name}` is configured for {action.path} of {action.service.name}", "Unsupported")
    return switch


def _of(endpoint: Endpoint, name: str) -> EndpointSwitch | None:
    return endpoint.disable if name == "disable" else endpoint.maintenance
