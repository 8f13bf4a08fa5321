"""A decision bound to one exact plan.

A decision that names another plan, comes from a person who is not on the list, or comes when
nothing is pending, is noted in the timeline and changes nothing. The first decision that
counts is the only one.
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.actions.change import Risk
    from models.actions.plan import Plan
    from models.incident.incident import Decided, Decision, PendingApproval, Through
    from models.incident.policy import ApprovalPolicy
    from models.incident.so_far import QuestionSoFar
    from workflows.record.timeline import Timeline, who


class Approval:
    """The one question that an incident may have open."""

    def __init__(self, timeline: Timeline) -> None:
        self.pending: PendingApproval | None = None
        self.policy = ApprovalPolicy()
        self._decision: Decision | None = None
        self._timeline = timeline

    def decide(self, decision: Decision) -> Decided:
        """Take a decision if it counts; say why if it does not."""
        refusal = self._refusal(decision)
        if refusal:
            self._timeline.spoken(f"{decision.verdict} did not count ({refusal})", decision)
            return Decided(accepted=False, reason=refusal)
        self._decision = decision
        digest = self.pending.digest if self.pending else ""
        self._timeline.spoken(f"{decision.verdict} of plan {digest}", decision)
        return Decided(accepted=True, reason=f"{decision.verdict} of plan {digest} counts")

    def _refusal(self, decision: Decision) -> str:
        if self.pending is None:
            return "nothing is waiting for a decision"
        if self._decision is not None:
            return f"{who(self._decision)} decided already"
        if decision.plan and decision.plan != self.pending.digest:
            return f"it names plan {decision.plan}, but plan {self.pending.digest} is waiting"
        if decision.through is Through.TEMPORAL_UI:
            return "" if self.policy.temporal_ui else "the configuration refuses raw signals"
        if self.policy.approvers and decision.by not in self.policy.approvers:
            return f"{decision.by} is not on the list of approvers"
        return ""

    def so_far(self) -> QuestionSoFar:
        return QuestionSoFar(pending=self.pending, decision=self._decision)

    def resume(self, so_far: QuestionSoFar) -> None:
        """The same question stands as in the run before this one."""
        self.pending, self._decision = so_far.pending, so_far.decision

    @property
    def expired(self) -> bool:
        """Whether the question stood for as long as it may."""
        return self.pending is None or self._timeline.now() >= self.pending.expires_at

    def withdraw(self) -> None:
        """Nothing is asked any more."""
        self.pending = None

    def open(self, plan: Plan, risk: Risk) -> bool:
        """Put the question; from now on a decision counts. False when it stands already."""
        if self.pending and self.pending.digest == plan.digest:
            return False
        asked_at = self._timeline.now()
        self._decision = None
        self.pending = PendingApproval(
            plan=plan,
            digest=plan.digest,
            risk=risk,
            asked_at=asked_at,
            expires_at=asked_at + self.policy.expire_after,
        )
        return True

    async def answer(self, unless: Callable[[], bool], unanswered: Callable[[], None]) -> Decision | None:
        """Wait for the decision on the open question.

        None when it expired, or when `unless` became true first. `unanswered` is called each time
        the question stood for `ask_again_after` without an answer: a rung, not a dead end.
        """
        while self.pending and await self._unanswered(self.pending, unless):
            if self._timeline.now() >= self.pending.expires_at:
                return None
            unanswered()
        return self._decision

    async def _unanswered(self, pending: PendingApproval, unless: Callable[[], bool]) -> bool:
        """Wait for an answer until it is time to ask again or to give up."""
        try:
            await workflow.wait_condition(
                lambda: self._decision is not None or unless(),
                timeout=min(self.policy.ask_again_after, pending.expires_at - self._timeline.now()),
                timeout_summary=f"asks again for a decision on plan {pending.digest}",
            )
        except TimeoutError:
            return True
        return False
