"""Carries out what was proposed: as every plan, and always asked about."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.verifications as verifications
    from models.actions.plan import Plan
    from models.catalogue.line import Became, ProposalLine, open_of
    from models.evidence.evidence import Evidence
    from models.incident.incident import Phase
    from models.incident.policy import Policy
    from workflows.diagnosis.look import Look
    from workflows.diagnosis.situation import Situation
    from workflows.diagnosis.verifications import Verification
    from workflows.escalation.escalation import Escalation
    from workflows.proposals.making import made
    from workflows.proposals.proposals import Proposals
    from workflows.record.continuation import GoesOnInNewRun
    from workflows.record.endings import (
        ClosedByHuman,
        Denied,
        Ending,
        Escalated,
        PerhapsDone,
        ResolvedElsewhere,
        SelfRecovered,
        Withdrawn,
    )
    from workflows.record.failures import in_short
    from workflows.record.mistakes import Mistakes, raise_temporals_own
    from workflows.record.record import Record
    from workflows.remediation.remediation import Remediation
    from workflows.remediation.second_look import IsTrue, looked_again


AFTERWARDS = "the alert was resolved after what was proposed"


class Works(Protocol):
    """What of an incident it needs."""

    record: Record
    mistakes: Mistakes
    remediation: Remediation
    escalation: Escalation

    @property
    def policy(self) -> Policy: ...

    @property
    def now(self) -> Situation: ...

    @property
    def is_true(self) -> IsTrue | None:
        """Confirms the alert once more, where its page did."""
        ...

    def show(self, phase: Phase) -> None: ...

    def situation(self, why: str) -> str: ...

    async def look(self, *looks: Look[Evidence]) -> Situation: ...

    async def stays(self, watch: Verification) -> None: ...


class Proposing:
    """Takes the open proposal of an escalated incident to its end; the incident stays with a person, unless
    it helped."""

    def __init__(
        self,
        incident: Works,
        proposals: Proposals,
        still_down: Callable[[Ending | None], Awaitable[str]],
        left: Callable[[Ending], object],
    ) -> None:
        self._incident = incident
        self._proposals = proposals
        self._still_down = still_down
        self._left = left

    async def carry_out(self, line: ProposalLine) -> SelfRecovered | None:
        """Look, ask, act, verify. The ending of the incident, where the alert is not true any more."""
        before = len(self._incident.record.performed)
        healed: SelfRecovered | None = None
        try:
            healed = await self._healed(line)
        except GoesOnInNewRun:
            raise
        except Ending as ending:
            self._ended(line, ending, before)
        except FailureError as error:
            raise_temporals_own(error)
            self._ended(line, Escalated(in_short(error)), before)
        except Exception as error:
            why = self._incident.mistakes.note("carrying out a proposal", error)
            self._ended(line, Escalated(why), before)
        await self._incident.remediation.release()
        if healed is None:
            self._incident.show(Phase.ESCALATED)
        return healed

    def helped(self, ending: Ending | None) -> Ending | None:
        """The end of the alert is the work of what was proposed, once that was proved; what is not begun yet
        ends with the incident."""
        if ending and (line := open_of(self._incident.record.proposals)):
            self._proposals.becomes(line, Became.NOT_DONE, "the incident ended before")
        proved = any(one.became is Became.VERIFIED for one in self._incident.record.proposals)
        return SelfRecovered(AFTERWARDS) if proved and isinstance(ending, ResolvedElsewhere) else ending

    async def _healed(self, line: ProposalLine) -> SelfRecovered | None:
        if line.became is not Became.ACTED and not await self._done(line):
            return None
        await self._incident.stays(_proof(self._incident.now))
        why = await self._over()
        self._proposals.becomes(line, Became.VERIFIED, "" if why else "the alert still stands")
        return SelfRecovered(why) if why else None

    async def _done(self, line: ProposalLine) -> bool:
        """Whether it was done: it could be made of what is seen, and a person approved it."""
        plan = await self._made(line)
        if isinstance(plan, str):
            self._not_done(line, plan)
            return False
        performed = await self._incident.remediation.carry_out(
            plan, late=lambda taken: self._still_fits(line, taken), asks=True
        )
        if performed.dry_run:
            self._proposals.becomes(line, Became.NOT_DONE, "a dry run: it was only recorded")
            return False
        self._proposals.becomes(line, Became.ACTED)
        return True

    async def _made(self, line: ProposalLine) -> Plan | str:
        return await made(line, self._incident.policy, self._incident.record.alert.labels)

    async def _still_fits(self, line: ProposalLine, taken: Plan) -> None:
        """Leaves when what was approved late would be another plan by now."""
        plan = await self._made(line)
        if isinstance(plan, str) or plan.digest != taken.digest:
            raise Withdrawn(f"what was approved does not fit any more: {taken.says}")

    async def _over(self) -> str:
        """Why the alert counts as over, now that its service is well; empty while it stands."""
        incident = self._incident
        if incident.remediation.resolved():
            over = SelfRecovered(AFTERWARDS)
        elif incident.is_true is None:
            return ""  # no check of ours can tell: its source ends it, or a person
        else:
            try:
                await incident.is_true(await looked_again(incident.now, incident.look))
            except SelfRecovered as recovered:
                over = recovered
            except ResolvedElsewhere:
                over = SelfRecovered(AFTERWARDS)
            except Escalated:
                return ""  # it cannot be told, or its source does not agree yet: it was well all the same
            else:
                return ""
        return "" if await self._still_down(over) else over.why

    def _ended(self, line: ProposalLine, ending: Ending, before: int) -> None:
        """What was tried, beside the plans `before`, and did not help calls a person, as for every plan."""
        began = line.became is Became.ACTED or len(self._incident.record.performed) > before
        if isinstance(ending, Denied):
            self._proposals.becomes(line, Became.DENIED, ending.why)
        elif began and isinstance(ending, ClosedByHuman):
            self._proposals.becomes(line, Became.UNPROVED, ending.why)
        elif began or isinstance(ending, PerhapsDone):
            self._proposals.becomes(line, Became.FAILED, ending.why)
            if isinstance(ending, Escalated):
                self._left(ending)
        elif isinstance(ending, Escalated | Withdrawn):
            self._not_done(line, ending.why)
        else:
            self._proposals.becomes(line, Became.NOT_DONE, ending.why)

    def _not_done(self, line: ProposalLine, why: str) -> None:
        """It went on without anybody's word: the broadcast channels hear why."""
        self._proposals.becomes(line, Became.NOT_DONE, why)
        title = f"{workflow.info().workflow_id}: what {line.who} proposed is not done"
        self._incident.escalation.notice(title, self._incident.situation(why))


def _proof(now: Situation) -> Verification:
    """Of the service that the alert is about, whichever service the plan was for."""
    if now.policy.answer and now.policy.answer.proof:
        return verifications.PROVED
    if now.service.health:
        return verifications.HEALTHY
    return verifications.REACHABLE if now.service.is_database else verifications.RUNS
