"""A decision bound to one exact plan.

Several plans may be offered in one question: an approval that names none takes the recommended one, and
a denial refuses all. A decision that names a plan that is not offered, comes from a person who is not on
the list, or comes when nothing is pending, is noted in the timeline and changes nothing. The first decision
that counts is the only one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.actions.change import Risk
    from models.actions.plan import Offer
    from models.incident.incident import Decided, Decision, Option, PendingApproval, Through, Verdict
    from models.incident.policy import ApprovalPolicy
    from models.incident.refusal import Refusal
    from models.incident.so_far import QuestionSoFar
    from models.people.said import Word
    from workflows.record.timeline import Timeline, who


REFUSES_RAW = "the configuration refuses raw signals and updates: use the intake or the command line"


class Approval:
    """The one question that an incident may have open."""

    def __init__(self, timeline: Timeline) -> None:
        self.pending: PendingApproval | None = None
        self.policy = ApprovalPolicy()
        self._decision: Decision | None = None
        self._timeline = timeline

    def decide(self, decision: Decision, refusal: str = "") -> Decided:
        """Take a decision if it counts; say why if it does not, as when `refusal` says so already."""
        refusal = refusal or self._refusal(decision)
        if refusal:
            self._timeline.spoken(Word(decision.verdict), decision, refused=refusal)
            return Decided(accepted=False, reason=refusal)
        assert self.pending is not None, "what nothing waits for is refused"  # noqa: S101
        self._decision = decision.model_copy(update={"plan": decision.plan or self.pending.digest})
        about = _decided_on(self._decision, self.pending)
        self._timeline.decided(self._decision, about)
        return Decided(accepted=True, reason=f"{decision.verdict} of {about} counts")

    def _refusal(self, decision: Decision) -> str:
        if self.pending is None:
            return "nothing is waiting for a decision"
        if self._decision is not None:
            return f"{who(self._decision)} decided already"
        if decision.plan and decision.plan not in self.pending.digests:
            waiting = "are waiting" if self.pending.others else "is waiting"
            return f"it names plan {decision.plan}, but {self.pending.named} {waiting}"
        return self._is_own(decision, self.pending.plan.proposed_by) or self._not_theirs(decision)

    def _not_theirs(self, decision: Decision) -> str:
        """Why the one who sent it may decide nothing."""
        if decision.through is Through.PROGRAM:
            return "a program may propose, and decides nothing"
        if decision.through is Through.TEMPORAL_UI:
            return "" if self.policy.temporal_ui else REFUSES_RAW
        if self.policy.approvers and decision.by not in self.policy.approvers:
            return f"{decision.by} is not on the list of approvers"
        return ""

    def _is_own(self, decision: Decision, proposed_by: str) -> str:
        """Why the one who proposed it may not approve it, where the configuration wants two people."""
        if not proposed_by or self.policy.own_proposals or decision.verdict is Verdict.DENY:
            return ""
        if decision.through is Through.TEMPORAL_UI:
            return f"{proposed_by} proposed it, another person approves, and nobody vouches for who sent this"
        return f"{proposed_by} proposed it: another person approves" if decision.by == proposed_by else ""

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

    def open(
        self, offer: Offer, risks: Mapping[str, Risk], limit: Refusal | None = None
    ) -> PendingApproval | None:
        """Put the question; from now on a decision counts. None when it stands already.

        Each plan has its own risk, after the configuration's overrides by kind.
        """
        recommended, *others = offer.plans
        if self.pending and self.pending.digests == tuple(plan.digest for plan in offer.plans):
            return None
        asked_at = self._timeline.now()
        self._decision = None
        self.pending = PendingApproval(
            **dict(Option.of(recommended, risks), recommended=True),
            others=tuple(Option.of(plan, risks) for plan in others),
            asked_at=asked_at,
            expires_at=asked_at + self.policy.expire_after,
            limit=limit,
        )
        return self.pending

    async def answer(self, unless: Callable[[], bool], unanswered: Callable[[], None]) -> Decision | None:
        """Wait for the decision on the open question.

        None when it expired, or when `unless` became true first. `unanswered` is called each time
        the question stood for `ask_again_after` without an answer: a rung, not a dead end.
        """
        while self.pending and await self._unanswered(self.pending, unless):
            if self._timeline.now() >= self.pending.expires_at:
                return None
            if not self.pending.plan.proposed_by:  # nobody is woken because of an offer that nobody takes
                unanswered()
        return self._decision

    async def _unanswered(self, pending: PendingApproval, unless: Callable[[], bool]) -> bool:
        """Wait for an answer until it is time to ask again or to give up."""
        try:
            await workflow.wait_condition(
                lambda: self._decision is not None or unless(),
                timeout=min(self.policy.ask_again_after, pending.expires_at - self._timeline.now()),
                timeout_summary=f"asks again for a decision on {pending.named}",
            )
        except TimeoutError:
            return True
        return False


def _decided_on(decision: Decision, pending: PendingApproval) -> str:
    """Which plan was taken among which, or which were refused."""
    if decision.verdict is Verdict.DENY or not pending.others:
        return pending.named
    rest = ", ".join(digest for digest in pending.digests if digest != decision.plan)
    recommended = "the recommended one" if decision.plan == pending.digest else "not the recommended one"
    return f"plan {decision.plan}, {recommended}, instead of {rest}"
