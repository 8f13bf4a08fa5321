"""The way from an alert to its incident: a run is started, or the one that is open is told.

At-least-once in, one run out: duplicate, late and repeated notifications are normal input.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from intake.alerts import words
from intake.alerts.flights import Flights
from intake.alerts.routing import Routed
from models.incident.search_attributes import of_alert
from models.names import TASK_QUEUE
from runtime.connection import PATIENCE
from runtime.errors import TemporalAway, Unfit, in_time, not_found, unfit
from runtime.messages import ALERT_CHANGED

TRIES = 3
"""A run may close between the moment it is found open and the moment it is told."""

_NEVER = "Temporal does not take this alert, and sending it again changes nothing"


class Taken(StrEnum):
    """What became of an alert that was taken."""

    STARTED = "started"
    TOLD = "told"
    NOTHING_OPEN = "nothing open"


class Dispatch:
    """Takes alerts to Temporal. Returns only when Temporal has them."""

    def __init__(self, client: Callable[[], Client]) -> None:
        self._client = client
        self._flights: Flights[Taken] = Flights()

    async def take(self, routed: Routed) -> Taken:
        """Start the alert's incident, or tell the open one. A resolved alert starts none.

        Raises TemporalAway when Temporal does not answer in time or refuses for now, and Unfit when
        it will never take this alert.
        """
        alert = routed.alert
        return await self._flights.fly(
            alert.incident_id, alert.model_dump_json(), lambda: self._in_time(routed)
        )

    async def _in_time(self, routed: Routed) -> Taken:
        async with in_time(2 * PATIENCE):
            try:
                return await self._take(routed)
            except RPCError as error:
                if unfit(error):
                    raise Unfit(f"{_NEVER}: {error.message}") from error
                raise

    async def _take(self, routed: Routed) -> Taken:
        if not routed.alert.firing:
            return Taken.TOLD if await self._tell(routed) else Taken.NOTHING_OPEN
        for _ in range(TRIES):
            if await self._start(routed):
                return Taken.STARTED
            if await self._tell(routed):
                return Taken.TOLD
        raise TemporalAway("the incident opened and closed faster than it could be told")

    async def _start(self, routed: Routed) -> bool:
        """One call for a new incident, and the cheapest refusal for one that is open.

        A worker on the same client gets the run's first task with the answer.
        """
        alert, severity = routed.alert, routed.severity
        try:
            await self._client().start_workflow(
                routed.runbook,
                alert,
                id=alert.incident_id,
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                search_attributes=of_alert(alert, severity),
                static_summary=words.summary(alert, severity),
                static_details=words.details(alert, severity),
                request_eager_start=True,
                rpc_timeout=PATIENCE,
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def _tell(self, routed: Routed) -> bool:
        handle = self._client().get_workflow_handle(routed.alert.incident_id)
        try:
            await handle.signal(ALERT_CHANGED, routed.alert, rpc_timeout=PATIENCE)
        except RPCError as error:
            if not_found(error):
                return False
            raise
        return True
