"""Incidents that say what they are told; one goes on in new runs, and passes on its last line alone."""

from __future__ import annotations

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from models.incident.alert import Alert
    from models.incident.incident import Entry, IncidentState, Phase, Spoken, Through
    from models.messages import BEGAN_IN
    from models.names import TASK_QUEUE, Severity
    from tests.parts.product.intake import AnyAlertStandIn, ServiceDownStandIn

RUNS = 3
LINES = 2


class Handed(Alert):
    """An alert, and what the run before passes on."""

    run: int = 0
    last: tuple[Entry, ...] = ()


@workflow.defn
class GoesOn:
    """Three runs with two lines each."""

    @workflow.init
    def __init__(self, alert: Handed) -> None:
        self._alert = alert
        self._over = False
        self._lines = list(alert.last)
        for line in range(LINES):
            text = f"run {alert.run}, line {line}"
            self._lines.append(Entry(at=workflow.now(), text=text, by="anna", through=Through.INTAKE))

    @workflow.run
    async def run(self, alert: Handed) -> str:
        if alert.run < RUNS - 1:
            handed = alert.model_copy(update={"run": alert.run + 1, "last": (self._lines[-1],)})
            began_in = workflow.memo_value(BEGAN_IN, workflow.info().run_id, type_hint=str)
            workflow.continue_as_new(handed, memo={BEGAN_IN: began_in})
        await workflow.wait_condition(lambda: self._over)
        return alert.name

    @workflow.signal
    def done(self, _: Spoken) -> None:
        self._over = True

    @workflow.query
    def state(self) -> IncidentState:
        return IncidentState(
            id=workflow.info().workflow_id,
            alert=Alert.model_validate(self._alert.model_dump()),
            runbook="GoesOn",
            severity=Severity.CRITICAL,
            phase=Phase.CLOSED if self._over else Phase.ACTING,
            summary="it goes on",
            timeline=tuple(self._lines),
        )


@workflow.defn
class Garbled:
    """Its answer is none."""

    @workflow.run
    async def run(self, alert: Alert) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.query
    def state(self) -> list[int]:
        return [1, 2, 3]


def stand_ins(client: Client) -> Worker:
    """A worker with them."""
    kinds = [ServiceDownStandIn, AnyAlertStandIn, GoesOn, Garbled]
    return Worker(client, task_queue=TASK_QUEUE, workflows=kinds)
