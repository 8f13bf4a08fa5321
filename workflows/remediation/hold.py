"""One incident's hold on one service: asked for, waited for, used for orders, and let go.

The steward answers each question at once; the grant, a more severe incident that takes over and
the outcome of an order come by signal. Every wait for a signal is bounded: the steward is asked
again, which finds out that somebody terminated it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.incidents.stewardship import StewardshipActivities
    from models.actions.plan import Offer, Plan
    from models.incident.incident import Performed
    from models.incident.refusal import Refusal
    from models.incident.so_far import HoldSoFar
    from models.incident.stewardship import (
        LONGEST_ACTION,
        AllowedBy,
        Answer,
        Answered,
        Ask,
        Denial,
        Hold,
        Intent,
        Order,
        Release,
        Released,
        StewardSays,
        Told,
    )
    from models.messages import RELEASE
    from models.names import Severity, steward_id
    from workflows.record.continuation import began_in
    from workflows.record.endings import Escalated, Refused, StandsStill, Withdrawn
    from workflows.record.timeline import Timeline

ASKING = RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10))
AT_HAND = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=2)
GONE = "the steward of {} is gone; nothing to release"
ASKED_AGAIN_AFTER = timedelta(minutes=1)
"""So long a signal of the steward is waited for; then it is asked, and each further time half as often."""
LONGEST_PAUSE = timedelta(minutes=15)
"""The longest time between two of these questions."""


class ServiceHold:
    """What one incident knows of its hold on one service."""

    def __init__(
        self, service: str, severity: Severity, timeline: Timeline, *, dry_run: bool = False
    ) -> None:
        self.service = service
        self.dry_run = dry_run
        """Whether what would be done is recorded: then it keeps no real one off."""
        self.held = False
        self.taken_over_by = ""
        """Why another incident has the service now, which this one had."""
        self.acted = False
        """Whether something was tried on the service under this hold."""
        self.healed: bool | None = None
        """Whether that helped; None as long as nobody knows."""
        self.denied: Denial | None = None
        """What a person denied under this hold."""
        self.users: set[str] = set()
        """What of the incident needs the hold: its page, and the revert of what was temporary."""
        self._severity = severity
        self._timeline = timeline
        self._outcomes: dict[str, StewardSays] = {}
        self._known = False

    @property
    def taken_over(self) -> bool:
        return self._known and not self.held

    def so_far(self) -> HoldSoFar:
        return HoldSoFar(
            service=self.service,
            severity=self._severity,
            known=self._known,
            held=self.held,
            taken_over_by=self.taken_over_by,
            acted=self.acted,
            healed=self.healed,
            dry_run=self.dry_run,
            users=tuple(sorted(self.users)),
        )

    @classmethod
    def resumed(cls, so_far: HoldSoFar, timeline: Timeline) -> ServiceHold:
        """The same hold: its steward knows the incident by the run in which it began."""
        hold = cls(so_far.service, so_far.severity, timeline, dry_run=so_far.dry_run)
        hold._known, hold.held, hold.taken_over_by = so_far.known, so_far.held, so_far.taken_over_by
        hold.acted, hold.healed, hold.users = so_far.acted, so_far.healed, set(so_far.users)
        return hold

    def hear(self, says: StewardSays) -> None:
        """Take what the steward says, and wake the code that waits for it."""
        if says.told is Told.GRANTED:
            self.held = self._known
        elif says.told is Told.WITHDRAWN:
            self.held, self.taken_over_by = False, says.why
            self._timeline.add(f"the hold on {self.service} was taken over: {says.why}", by="steward")
        else:
            self._outcomes[says.key] = says

    async def ask(self, offer: Offer, crashed_at: datetime | None = None) -> Refusal | None:
        """Ask for the service, to ask a person then. The limit that would refuse the offer if no person
        approved it. Raises `Withdrawn` while another incident has the service, `Refused` when the steward
        refuses."""
        answered = await self._ask(crashed_at, intent=Intent.of(offer))
        if not self.held:
            raise Withdrawn(f"another incident holds {self.service}: {self.taken_over_by}")
        return answered.refusal

    async def order(
        self, plan: Plan, approved_by: str, allowed_by: AllowedBy, crashed_at: datetime | None = None
    ) -> Performed:
        """Have the plan carried out once, and wait for its outcome. Raises as `ask` does.

        Raises `StandsStill` when a window or the kill switch forbids it. When the steward was terminated
        meanwhile nobody knows whether it was done: it is `lost`, and not done again.
        """
        key = str(workflow.uuid4())
        order = Order(key=key, plan=plan, approved_by=approved_by, dry_run=self.dry_run, **self._me())
        ordered_at = workflow.now()
        answered = await self._ask(crashed_at, order, allowed_by=allowed_by)
        if answered.answer is not Answer.GRANTED:
            raise Withdrawn(f"another incident holds {self.service}: {answered.why}")
        pause = ASKED_AGAIN_AFTER
        while not await self._heard(key, pause):
            if (await self._ask()).steward != answered.steward and key not in self._outcomes:
                return self._not_told(order, ordered_at)
            pause = min(2 * pause, LONGEST_PAUSE)
        says = self._outcomes.pop(key)
        if says.paused:
            raise StandsStill(says.why)
        if says.performed:
            return says.performed
        raise (
            Refused(f"not done: {says.why}", says.refusal)
            if says.refusal
            else Escalated(f"not done: {says.why}")
        )

    def _not_told(self, order: Order, ordered_at: datetime) -> Performed:
        why = f"the steward of {self.service} was terminated before it told the outcome"
        return Performed(
            plan=order.plan,
            approved_by=order.approved_by,
            done=False,
            lost=True,
            dry_run=order.dry_run,
            found=f"{why}, and whether it happened is unknown",
            started_at=ordered_at,
            finished_at=workflow.now(),
        )

    async def ask_again(self, allowed_by: AllowedBy = AllowedBy.POLICY) -> None:
        """While waiting in line: find out whether the steward is still there, and start one if not."""
        await self._ask(allowed_by=allowed_by)

    async def release(self) -> None:
        """Let the service go; the steward counts what was tried and did not help."""
        if self._known:
            await self._signal(self._released())

    async def release_at_hand(self) -> None:
        """The same by the worker at hand, which costs one event; by Temporal itself where that fails.

        Only where no timer is begun or cancelled because of it: see `workflows.record.timers`.
        """
        if not self._known:
            return
        released = self._released()
        try:
            heard: bool = await workflow.execute_local_activity_method(
                StewardshipActivities.release_service,
                Release(service=self.service, dry_run=self.dry_run, released=released),
                schedule_to_close_timeout=timedelta(seconds=5),
                retry_policy=AT_HAND,
                summary=f"release {self.service}",
            )
        except FailureError:
            await self._signal(released)
        else:
            if not heard:
                self._timeline.add(GONE.format(self.service))

    def _released(self) -> Released:
        self._known = self.held = False
        return Released(
            acted=self.acted and self.healed is not None,
            healed=bool(self.healed),
            denied=self.denied,
            key=str(workflow.uuid4()),
            **self._me(),
        )

    async def _signal(self, released: Released) -> None:
        try:
            steward = steward_id(self.service, dry_run=self.dry_run)
            await workflow.get_external_workflow_handle(steward).signal(RELEASE, released)
        except FailureError:
            self._timeline.add(GONE.format(self.service))

    def deny(self, offer: Offer, by: str, why: str) -> None:
        """Let the steward know with the release that a person does not want these plans."""
        self.denied = Denial(
            essences=tuple(plan.essence for plan in offer.plans),
            says="; or ".join(plan.says for plan in offer.plans)[:LONGEST_ACTION],
            by=by,
            why=why[:LONGEST_ACTION],
            at=workflow.now(),
            **self._me(),
        )

    async def _heard(self, key: str, pause: timedelta) -> bool:
        try:
            await workflow.wait_condition(
                lambda: key in self._outcomes,
                timeout=pause,
                timeout_summary=f"is the steward of {self.service} still there?",
            )
        except TimeoutError:
            return False
        return True

    async def _ask(
        self,
        crashed_at: datetime | None = None,
        order: Order | None = None,
        intent: Intent | None = None,
        allowed_by: AllowedBy = AllowedBy.POLICY,
    ) -> Answered:
        """One question. What the steward signalled meanwhile is newer than its answer.

        Who had the service, or stood in line for it, keeps that when a question is refused: it is still
        to be let go of.
        """
        known_before = self._known
        self._known, self.held, self.taken_over_by = True, False, ""
        answered: Answered = await workflow.execute_activity_method(
            StewardshipActivities.ask_steward,
            Ask(
                key=str(workflow.uuid4()),
                service=self.service,
                hold=Hold(severity=self._severity, asked_at=workflow.now(), **self._me()),
                crashed_at=crashed_at,
                order=order,
                dry_run=self.dry_run,
                intent=intent,
                allowed_by=allowed_by,
            ),
            start_to_close_timeout=timedelta(seconds=10),
            schedule_to_close_timeout=timedelta(minutes=5),
            retry_policy=ASKING,
            summary=f"ask the steward of {self.service}",
        )
        if answered.answer is Answer.REFUSED:
            self._known = known_before
            self._timeline.add(f"the steward of {self.service} refused: {answered.why}", by="steward")
            why = f"no action on {self.service}: {answered.why}"
            raise Refused(why, answered.refusal) if answered.refusal else Escalated(why)
        if answered.answer is Answer.GRANTED:
            self.held = order is not None or not self.taken_over_by
        elif not self.held:
            self.taken_over_by = answered.why
        return answered

    def _me(self) -> dict[str, str]:
        return {"incident": workflow.info().workflow_id, "run_id": began_in()}
