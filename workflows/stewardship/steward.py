"""The steward: the one writer of a service.

It grants the service to one incident at a time, carries out one order at a time, asks the
control room before each step, and remembers what was done. Terminating an incident frees its
service: the steward asks Temporal whether a holder still runs, and relies on no time-out.
"""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.incidents.stewardship import StewardshipActivities
    from models.actions.change import ActionResult
    from models.actions.kinds import Action
    from models.incident.incident import Performed
    from models.incident.maintenance import Paused
    from models.incident.refusal import Refusal, RefusalReason
    from models.incident.stewardship import (
        Answer,
        Answered,
        Ask,
        ControlRoomState,
        Hold,
        Order,
        Released,
        StewardSays,
        StewardState,
        Told,
    )
    from models.names import steward_id
    from workflows.people.orders import Orders
    from workflows.record.cancellation import hearing_cancellation
    from workflows.record.mistakes import described, raise_temporals_own
    from workflows.record.raw_input import read
    from workflows.stewardship.deployments import Deployments
    from workflows.stewardship.execution import perform
    from workflows.stewardship.ledger import Ledger

LOOK_AFTER_HOLDER = timedelta(minutes=1)
READING = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=5)


@workflow.defn
class Steward:
    """Holds one service, and performs what its holder orders."""

    @workflow.init
    def __init__(self, state: StewardState) -> None:
        self._ledger = Ledger(state)
        self._queue: deque[Order] = deque()
        self._orders = Orders(state.used)
        self._deployments = Deployments(self._ledger, self._orders)
        self._messages: deque[tuple[Hold, StewardSays]] = deque()
        self._unsure_of_holder = False

    @workflow.run
    async def run(self, state: StewardState) -> None:
        """Serve until the history is long, then go on in a new run with the same book."""
        is_real = workflow.info().workflow_id == steward_id(state.service)
        writes = "The one writer of" if is_real else "Records the dry runs on"
        self._about = f"{writes} **{state.service}**."
        workflow.set_current_details(self._about)
        await hearing_cancellation(self._serve(), self._stays)

    def _stays(self, _: str) -> None:
        """An incident may be waiting for what it does, and what it remembers are the service's limits."""
        workflow.set_current_details(f"{self._about} A cancellation does not end it: incidents rely on it.")

    async def _serve(self) -> None:
        while not self._may_move_on():
            await self._something_to_do()
            while self._messages:
                await self._tell(*self._messages.popleft())
            if self._queue:
                await self._carry_out(self._queue.popleft())
            elif self._unsure_of_holder:
                await self._free_a_lost_hold()
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(self.state())

    @workflow.update(description="Ask for the service; answered at once.")
    def ask(self, ask: Ask) -> Answered:
        """Granted, queued, or refused and why. An order that comes with it is taken if it is granted."""
        answered, withdrawn = self._ledger.ask(ask, workflow.now())
        if withdrawn:
            why = f"{ask.hold.incident} is more severe"
            self._messages.append((withdrawn, self._says(withdrawn, Told.WITHDRAWN, why=why)))
        holds = self._ledger.holds(ask.hold.incident, ask.hold.run_id)
        if ask.order and holds and answered.answer is Answer.GRANTED:
            self._queue.append(ask.order)
            self._ledger.acting = True
        self._unsure_of_holder = bool(self._ledger.waiting)
        return answered.model_copy(update={"steward": workflow.info().first_execution_run_id})

    @workflow.signal(description="The holder lets the service go.")
    def release(self, released: Any = None) -> None:
        end = read(Released, released)
        if end:
            self._grant_next(self._ledger.release(end, workflow.now()))

    @workflow.signal(description="A version of the service was deployed, or seen healthy.")
    async def deployed(self, deployment: Any = None) -> None:
        """Remembered where its word counts: a rollback goes back to what stands here."""
        await self._deployments.hear(deployment)

    @workflow.signal(description="A person lifts the block and every other limit.")
    def unblock(self, said: Any = None) -> None:
        """Whatever else is said."""
        self._ledger.unblock()

    @workflow.signal(description="Look whether the holder still runs.")
    def look_after_holder(self, said: Any = None) -> None:
        """Temporal is asked whether it does: anybody can send this."""
        self._unsure_of_holder = self._ledger.holder is not None

    @workflow.query(description="Who holds the service, who waits, and what was done.")
    def state(self) -> StewardState:
        return self._ledger.state().model_copy(update={"used": self._orders.used})

    async def _something_to_do(self) -> None:
        try:
            await workflow.wait_condition(
                lambda: bool(self._queue or self._messages or self._unsure_of_holder) or self._may_move_on(),
                timeout=LOOK_AFTER_HOLDER if self._ledger.waiting else None,
                timeout_summary="is the holder still there?",
            )
        except TimeoutError:
            self._unsure_of_holder = True

    async def _carry_out(self, order: Order) -> None:
        """Perform the steps in order; the first that is not done ends the plan, unless it is optional."""
        holder = self._ledger.holder
        sender = Hold(
            incident=order.incident,
            run_id=order.run_id,
            severity=holder.severity if holder else "info",
            asked_at=workflow.now(),
        )
        if order.key in self._ledger.done_keys:
            return
        refusal = await self._refusal(order)
        if refusal:
            if self._ledger.holds(order.incident, order.run_id):
                self._ledger.acting = False
            says = self._says(sender, Told.REFUSED, order.key, refusal=refusal)
            await self._tell(sender, says.model_copy(update={"paused": refusal.paused}))
            return
        performed, did = await self._perform(order)
        self._ledger.record(order.key, performed, did)
        await self._tell(sender, self._says(sender, Told.PERFORMED, order.key, performed=performed))

    async def _refusal(self, order: Order) -> Refusal | None:
        if not self._ledger.holds(order.incident, order.run_id):
            why = f"{order.incident} does not hold {self._ledger.service} any more"
            return Refusal(reason=RefusalReason.NOT_HELD, why=why, lifted_by="when it asks again")
        return await self._forbidden(order)

    async def _forbidden(self, order: Order) -> Refusal | None:
        """Why nothing may be done now; a control room that cannot be read forbids as well."""
        alert, _, service = order.incident.partition("/")
        try:
            room: ControlRoomState = await workflow.execute_local_activity_method(
                StewardshipActivities.read_control_room,
                start_to_close_timeout=timedelta(seconds=6),
                retry_policy=READING,
                summary="kill switch and maintenance",
            )
        except FailureError:
            why, cure = "the kill switch could not be read", "when Temporal answers"
            return Refusal(reason=RefusalReason.SWITCH_UNREADABLE, why=why, lifted_by=cure)
        for about in (service, self._ledger.service):
            if paused := room.pauses(alert, about, workflow.now()):
                return _paused(paused)
        return None

    async def _perform(self, order: Order) -> tuple[Performed, list[Action]]:
        """What came of it, and the steps that were taken."""
        started_at = workflow.now()
        found: list[str] = []
        did: list[Action] = []
        kept: list[str] = []
        done, lost, throttled, stopped = True, False, None, None
        for position, step in enumerate(order.plan.steps):
            stopped = await self._forbidden(order) if position else None
            if stopped:
                effect = ActionResult(done=False, found=stopped.why, at=workflow.now())
            else:
                effect = await self._effect(step, dry_run=order.dry_run)
                did += [step] if effect.throttled is None else []
            found.append(effect.found)
            kept += [effect.kept] if effect.kept else []
            done, lost, throttled = effect.done, effect.lost, effect.throttled
            if not (done or effect.recorded) and (stopped or not step.optional):
                break
        performed = Performed(
            plan=order.plan,
            approved_by=order.approved_by,
            done=done,
            dry_run=order.dry_run,
            lost=lost,
            throttled=throttled,
            paused=stopped is not None and stopped.paused,
            found="; ".join(dict.fromkeys(found) if order.dry_run else found),
            kept=tuple(kept),
            started_at=started_at,
            finished_at=workflow.now(),
        )
        return performed, did

    async def _effect(self, step: Action, *, dry_run: bool) -> ActionResult:
        """A mistake of ours ends the plan, and not the steward: nobody knows then what was done."""
        try:
            return await perform(step, dry_run=dry_run)
        except Exception as error:
            raise_temporals_own(error)
            workflow.logger.error("a step could not be performed", exc_info=error)
            found = f"a mistake in the product's own code: {described(error)}"
            return ActionResult(done=False, found=found, at=workflow.now())

    async def _free_a_lost_hold(self) -> None:
        """Give the service to the next in line when its holder no longer runs."""
        self._unsure_of_holder = False
        holder = self._ledger.holder
        if holder is None:
            self._grant_next(self._ledger.free())
            return
        still_there: bool = await workflow.execute_activity_method(
            StewardshipActivities.is_open,
            holder,
            start_to_close_timeout=timedelta(seconds=10),
            summary=f"does {holder.incident} still run?",
        )
        if not still_there and self._ledger.holder == holder:
            self._grant_next(self._ledger.free())

    def _grant_next(self, holder: Hold | None) -> None:
        if holder:
            self._messages.append((holder, self._says(holder, Told.GRANTED)))

    async def _tell(self, hold: Hold, says: StewardSays) -> None:
        incident = workflow.get_external_workflow_handle(hold.incident)
        try:
            await incident.signal("steward_says", says)
        except FailureError:
            workflow.logger.info("the incident is gone", extra={"incident": hold.incident})
            self._unsure_of_holder = bool(self._ledger.waiting)

    def _says(
        self,
        hold: Hold,
        told: Told,
        key: str = "",
        why: str = "",
        refusal: Refusal | None = None,
        performed: Performed | None = None,
    ) -> StewardSays:
        return StewardSays(
            told=told,
            service=self._ledger.service,
            run_id=hold.run_id,
            key=key,
            why=refusal.says if refusal else why,
            refusal=refusal,
            performed=performed,
        )

    def _may_move_on(self) -> bool:
        """The history is long, and nothing is under way that a new run would not know of."""
        under_way = self._queue or self._messages or self._ledger.acting
        return workflow.info().is_continue_as_new_suggested() and not under_way


def _paused(paused: Paused) -> Refusal:
    if paused.until is None:
        return Refusal(reason=RefusalReason.SUSPENDED, why=paused.why, lifted_by="by starter.py resume")
    lifted_by = f"at {paused.until:%Y-%m-%d %H:%M} UTC, or by starter.py maintenance end"
    return Refusal(reason=RefusalReason.MAINTENANCE, why=paused.why, lifted_by=lifted_by, until=paused.until)
