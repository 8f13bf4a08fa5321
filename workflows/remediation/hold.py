"""An incident's side of the conversation with the steward of one service."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.incidents.stewardship import StewardshipActivities
    from models.actions.plan import Plan
    from models.incident.incident import Performed
    from models.incident.stewardship import Answer, Answered, Ask, Hold, Order, Released, StewardSays, Told
    from models.names import Severity, steward_id
    from workflows.record.endings import Escalated, Withdrawn
    from workflows.record.timeline import Timeline

ASKING = RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10))


class Claim:
    """Asks for a service, gives the one order at a time, and lets go of it."""

    def __init__(self, service: str, severity: Severity, timeline: Timeline) -> None:
        self.service = service
        self.granted = False
        self.withdrawn = False
        self.acted = False
        self.ordered = ""
        """The key of the order that the steward has."""
        self._asked = False
        self._severity = severity
        self._timeline = timeline
        self._answers: dict[str, StewardSays] = {}
        self._count = 0

    def hear(self, says: StewardSays) -> None:
        """Take what the steward says; the waiting verbs see it at once."""
        if says.told is Told.GRANTED:
            self.granted, self.withdrawn = True, False
        elif says.told is Told.WITHDRAWN:
            self.granted, self.withdrawn = False, True
            self._timeline.add(f"the hold on {self.service} was taken over: {says.why}", by="steward")
        else:
            self._answers[says.key] = says

    def write(self, plan: Plan, approved_by: str) -> Order:
        """An order, with the key under which it is done once."""
        return Order(key=self._key("order"), plan=plan, approved_by=approved_by, **self._me())

    async def take(
        self, crashed_at: datetime | None, unless: Callable[[], bool], order: Order | None = None
    ) -> bool:
        """Hold the service. True when another incident had it meanwhile: look again before acting.

        An `order` that needs no approval goes along, and is carried out if the service is free.
        Raises `Escalated` when the steward refuses: blocked after three failures.
        """
        if self.granted or unless():
            return False
        if not self._asked:
            answered = await self._ask(crashed_at, order)
            self._asked = answered.answer is not Answer.REFUSED
            if answered.answer is Answer.REFUSED:
                self._timeline.add(f"the steward of {self.service} refused: {answered.why}", by="steward")
                raise Escalated(f"no action on {self.service}: {answered.why}")
            if answered.answer is Answer.QUEUED:
                self._timeline.add(f"waiting for {self.service}: {answered.why}", by="steward")
            else:
                self.granted = not self.withdrawn
                self.ordered = order.key if order else ""
        if self.granted:
            return False
        await workflow.wait_condition(lambda: self.granted or unless())
        return True

    async def order(self, order: Order) -> Performed:
        """Have the plan carried out once. Raises `Escalated` when it was refused, `Withdrawn` when
        a more severe incident took the service before it began."""
        self.acted = True
        if self.ordered != order.key:
            await self._steward().signal("order", order)
        await workflow.wait_condition(lambda: order.key in self._answers)
        self.ordered = ""
        says = self._answers.pop(order.key)
        if says.performed is not None:
            return says.performed
        self.acted = False
        if self.withdrawn:
            raise Withdrawn(says.why)
        raise Escalated(f"not done: {says.why}")

    async def release(self, healed: bool) -> None:
        """Let the service go; a failed action is counted by the steward."""
        if not self._asked:
            return
        self._asked = self.granted = False
        released = Released(acted=self.acted, healed=healed, **self._me())
        try:
            await self._steward().signal("release", released)
        except FailureError:
            self._timeline.add(f"the steward of {self.service} is gone; there is nothing to release")

    async def _ask(self, crashed_at: datetime | None, order: Order | None) -> Answered:
        hold = Hold(severity=self._severity, asked_at=workflow.now(), **self._me())
        answered: Answered = await workflow.execute_activity_method(
            StewardshipActivities.ask_steward,
            Ask(
                key=self._key("ask"),
                service=self.service,
                hold=hold,
                crashed_at=crashed_at,
                order=order,
            ),
            start_to_close_timeout=timedelta(seconds=10),
            schedule_to_close_timeout=timedelta(hours=1),
            retry_policy=ASKING,
            summary=f"ask the steward of {self.service}",
        )
        return answered

    def _steward(self) -> workflow.ExternalWorkflowHandle[object]:
        return workflow.get_external_workflow_handle(steward_id(self.service))

    def _key(self, what: str) -> str:
        self._count += 1
        return f"{workflow.info().run_id}/{self.service}/{what}/{self._count}"

    def _me(self) -> dict[str, str]:
        return {"incident": workflow.info().workflow_id, "run_id": workflow.info().run_id}
