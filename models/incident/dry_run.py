"""What a dry run would have done, and what became of it without that."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Self

from models.actions.plan import Plan
from models.base import Model
from models.incident.incident import Outcome


class Answer(StrEnum):
    """Who said that a plan may be carried out, or that it may not."""

    POLICY = "the policy"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "not answered in time"


class Planned(Model):
    """One plan that would have been carried out, or that a person was asked about."""

    says: str
    service: str
    digest: str
    changes: tuple[str, ...] = ()
    """What would be different afterwards, and how that is undone: a sentence for each step."""
    answer: Answer
    by: str = ""
    """The person, or the rule of the policy."""
    at: datetime

    @classmethod
    def of(cls, plan: Plan, answer: Answer, by: str, at: datetime) -> Self:
        changes = (f"{one.changes}; undo: {one.undo or 'impossible'}" for one in plan.steps)
        return cls(
            says=plan.says,
            service=plan.service.name,
            digest=plan.digest,
            changes=tuple(changes),
            answer=answer,
            by=by,
            at=at,
        )


class Judged(StrEnum):
    """Whether what would have been done was right, by what people then did."""

    APPROVED = "a person approved it"
    SAME = "a person did the same"
    DENIED = "a person denied it"
    NOT_NEEDED = "it recovered without it"
    UNKNOWN = "not known"

    @property
    def right(self) -> bool:
        return self in (Judged.APPROVED, Judged.SAME)

    @property
    def wrong(self) -> bool:
        return self in (Judged.DENIED, Judged.NOT_NEEDED)


class DryRun(Model):
    """The dry run of one incident, as its review has it."""

    why: str
    """Where it is said that it is one."""
    planned: tuple[Planned, ...] = ()
    ended: Outcome
    """How it ended: `resolved` when it was well again within the time of its verification."""
    same: str = ""
    """What shows that a person did what would have been done; empty where nothing does."""
    by_person: bool = False
    """Whether a person had a part in it: acknowledged it, or said that it is done."""

    @property
    def judged(self) -> Judged:
        """What a person said or did comes first; nobody's word and a recovery mean that it was not needed."""
        answers = {one.answer for one in self.planned}
        if Answer.DENIED in answers:
            return Judged.DENIED
        if self.same:
            return Judged.SAME
        if Answer.APPROVED in answers:
            return Judged.APPROVED
        if (
            self.planned
            and not self.by_person
            and self.ended not in (Outcome.CLOSED_BY_HUMAN, Outcome.CANCELLED)
        ):
            return Judged.NOT_NEEDED
        return Judged.UNKNOWN

    @property
    def happened(self) -> str:
        """What happened without it, in one sentence."""
        how = {
            Outcome.RESOLVED: "it was well again, for the whole time of its verification",
            Outcome.SELF_RECOVERED: "it was well again",
            Outcome.RESOLVED_ELSEWHERE: "its alert was resolved",
            Outcome.CLOSED_BY_HUMAN: "a person said that it is done",
            Outcome.CANCELLED: "a person had its run cancelled",
        }[self.ended]
        return "; ".join(one for one in (how, self.same) if one)
