"""The incidents that are open beside the one that asks, by Temporal's own list of them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from activities.support.redaction import clean
from models.base import Model, in_words
from models.evidence.evidence import Evidence, Finding
from models.incident.search_attributes import ALERT_NAME, PHASE, SERVICE
from models.service.service import Service

WITHIN = timedelta(seconds=5)
MOST = 50


class OpenIncident(Model):
    """One of them; `id` is what a person names it by."""

    id: str
    alert: str
    service: str
    phase: str
    opened_at: datetime


class OpenIncidentsSeen(Evidence):
    """`bad` when there are others, those of the same service first."""

    incidents: tuple[OpenIncident, ...] = ()

    def of(self, *alerts: str) -> tuple[OpenIncident, ...]:
        """Those of one of these alerts."""
        return tuple(one for one in self.incidents if one.alert in alerts)


class OpenIncidentActivities:
    """Lists incidents through the worker's client. A list may lag some seconds behind."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn
    async def look_at_open_incidents(self, service: Service) -> OpenIncidentsSeen:
        """What else is open; `unknown` when Temporal cannot list it."""
        own, now = activity.info().workflow_id, datetime.now(UTC)
        query = f"{ALERT_NAME.name} IS NOT NULL AND ExecutionStatus = 'Running'"
        try:
            async with asyncio.timeout(WITHIN.total_seconds()):
                listed = self._client.list_workflows(query, limit=MOST + 1)
                found = [_incident(one) async for one in listed if one.id != own]
        except TimeoutError:
            reason = f"Temporal did not list the open incidents within {in_words(WITHIN)}"
            return OpenIncidentsSeen(reason=reason, observed_at=now)
        except (RPCError, RuntimeError) as error:  # the SDK connects with a RuntimeError
            reason = f"Temporal cannot list the open incidents: {clean(str(error), 160)}"
            return OpenIncidentsSeen(reason=reason, observed_at=now)
        incidents = sorted(found, key=lambda one: (one.service != service.name, one.opened_at))
        named = ", ".join(f"{one.id} ({one.phase})" for one in incidents[:5])
        more = f", and {len(incidents) - 5} more" if len(incidents) > 5 else ""
        return OpenIncidentsSeen(
            finding=Finding.BAD if incidents else Finding.OK,
            reason=f"also open: {named}{more}" if incidents else "no other incident is open",
            observed_at=now,
            incidents=tuple(incidents[:MOST]),
        )


def _incident(execution: WorkflowExecution) -> OpenIncident:
    attributes = execution.typed_search_attributes
    return OpenIncident(
        id=execution.id,
        alert=attributes.get(ALERT_NAME) or "",
        service=attributes.get(SERVICE) or "",
        phase=attributes.get(PHASE) or "",
        opened_at=execution.start_time,
    )
