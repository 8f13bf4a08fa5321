"""Before anything is done to a service, the order is compared with this worker's own `runbooks.yaml`.

A client that reaches Temporal can order any activity with any input, past every incident. So an order decides
which action of the catalogue is done, and never by which command, address, path or container: those are
taken from the worker's own configuration, and an order that names others is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any, Protocol, runtime_checkable

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.orders.secrets import as_here, concerned
from activities.support.redaction import clean
from models.actions.allowed import Allowed
from models.actions.change import Change, Perform
from models.actions.plan import LookBack
from models.configuration.configuration import Configuration
from models.evidence.deployment import Deployment
from models.incident.stewardship import StewardState
from models.messages import STATE
from models.names import STEWARD, steward_id
from models.orders.comparison import NOT_AS_CONFIGURED, allowed_for, differences
from models.service.service import Service

CURE = (
    "if runbooks.yaml was edited since the incident began, or differs between hosts, do it by hand or let"
    " the alert fire anew"
)
ASK_WITHIN = timedelta(seconds=5)
_MOST_NAMED = 4
_LONGEST = 240


@runtime_checkable
class RunsCommand(Protocol):
    """A request to look or to verify by a command, which it brings along."""

    service: Service

    def strays(self, allowed: Allowed) -> Iterable[str]:
        """What of it the configuration does not allow."""
        ...


class OrdersAsConfigured(Interceptor):
    """For every worker that hosts activities; `host` as it was started with."""

    def __init__(self, configuration: Callable[[], Configuration], client: Client, host: str | None) -> None:
        self._configuration, self._client, self._host = configuration, client, host

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Guard(next, self)

    async def judged(self, request: Any) -> Any:
        """The request as it may be carried out: with the service as it is configured here.

        Raises `ApplicationError`, non-retryable, `NotAsConfigured` and with what differs, or `Unreachable`.
        """
        if isinstance(request, Perform | LookBack):
            action = await self._action(request.action)
            return request.model_copy(update={"action": action})
        if isinstance(request, RunsCommand):
            allowed = await self._allowed(request.service.name, "the command")
            _refuse("the command was not run", request.strays(allowed))
        return await self._with_own_secrets(request) if concerned(request) else request

    async def _with_own_secrets(self, request: Any) -> Any:
        try:
            return as_here(request, await asyncio.to_thread(self._configuration))
        except LookupError as unknown:
            raise _refused("it was not looked at", [str(unknown.args[0])]) from None

    async def _action(self, action: Change) -> Change:
        name = action.service.name
        allowed = await self._allowed(name, action.kind)
        told = f"{action.kind} was not done to {name}"
        told_by = activity.info()
        if (told_by.workflow_type, told_by.workflow_id) != (STEWARD, steward_id(name)):
            sender = clean(told_by.workflow_id or "nobody", _LONGEST)
            raise ApplicationError(
                f"{told}: {sender} is not its steward", type=NOT_AS_CONFIGURED, non_retryable=True
            )
        if action.goes_back:
            allowed = replace(allowed, deployments=await self._recorded(name, told))
        _refuse(told, differences(action, allowed))
        return action.model_copy(update={"service": allowed.service})

    async def _allowed(self, name: str, what: str) -> Allowed:
        """The configuration may be read anew, which takes its time: in a thread."""
        configuration = await asyncio.to_thread(self._configuration)
        allowed = allowed_for(name, configuration)
        if allowed is None:
            raise _refused(f"{what} was not done", [f"there is no service {name}"])
        if allowed.service.host != self._host:
            here = f"this worker is of host {self._host or 'none'}"
            raise _refused(f"{what} was not done", [f"{name} is of host {allowed.service.host}, and {here}"])
        if configuration.dry_run:
            return replace(allowed, service=allowed.service.model_copy(update={"dry_run": True}))
        return allowed

    async def _recorded(self, name: str, told: str) -> tuple[Deployment, ...]:
        steward = self._client.get_workflow_handle(steward_id(name))
        try:
            state: StewardState = await steward.query(STATE, result_type=StewardState, rpc_timeout=ASK_WITHIN)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return ()
            why = f"{told}: which versions were recorded could not be asked ({error.status.name})"
            raise ApplicationError(why, type="Unreachable") from error
        return state.deployments


class _Guard(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, orders: OrdersAsConfigured) -> None:
        super().__init__(next)
        self._orders = orders

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        args = [await self._orders.judged(one) for one in input.args]
        return await super().execute_activity(replace(input, args=args))


def _refuse(told: str, differs: Iterable[str]) -> None:
    """Raises where anything differs."""
    named = list(islice(differs, _MOST_NAMED))
    if named:
        raise _refused(told, named)


def _refused(told: str, differs: list[str]) -> ApplicationError:
    what = "; ".join(clean(one, _LONGEST) for one in differs)
    message = f"{clean(told, _LONGEST)}, for this worker's runbooks.yaml says otherwise: {what}; {CURE}"
    return ApplicationError(message, type=NOT_AS_CONFIGURED, non_retryable=True)
