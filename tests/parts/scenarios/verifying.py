"""An incident that is verified for real: a watch over a health check, and its samples in the state."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    import httpx

    from activities.health.health_seen import HealthSeen
    from activities.health.probe import HealthActivities
    from models.evidence.evidence import Finding, Probes, VerificationRequest
    from models.incident.alert import Alert
    from models.incident.incident import IncidentState, Phase
    from models.names import Severity

QUEUE = "verifying"
BEFORE = timedelta(seconds=93)


@workflow.defn
class Verifying:
    """Verifies at once, and stays open when it is well."""

    @workflow.init
    def __init__(self, request: VerificationRequest) -> None:
        self._service = request.service.name
        self._probes: Probes | None = None

    @workflow.run
    async def run(self, request: VerificationRequest) -> None:
        slow = HealthSeen(finding=Finding.BAD, status=503, latency=2.3, observed_at=workflow.now() - BEFORE)
        watched = await workflow.execute_activity_method(
            HealthActivities.watch_health,
            request,
            start_to_close_timeout=timedelta(minutes=2),
            heartbeat_timeout=timedelta(seconds=2),
        )
        self._probes = watched.probes.beside(slow)
        await workflow.wait_condition(lambda: False)

    @workflow.query
    def state(self) -> IncidentState:
        return IncidentState(
            id=workflow.info().workflow_id,
            alert=Alert(name="Verifying", service=self._service, starts_at=workflow.info().start_time),
            runbook="Verifying",
            severity=Severity.CRITICAL,
            phase=Phase.RESOLVED if self._probes else Phase.VERIFYING,
            summary="it is verified",
            probes=self._probes or Probes(),
        )


def verifier(client: Client, http: httpx.AsyncClient) -> Worker:
    """Its worker."""
    watch = HealthActivities(http).watch_health
    return Worker(client, task_queue=QUEUE, workflows=[Verifying], activities=[watch])
