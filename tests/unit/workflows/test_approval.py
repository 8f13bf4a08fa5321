"""The one open question: of two answers that come at once, the first is the only one."""

from __future__ import annotations

from datetime import UTC, datetime

from models.actions.change import Risk
from models.actions.plan import Plan
from models.actions.service import StartService
from models.incident.incident import Decided, Decision, Through, Verdict
from models.service.service import DockerManager, Service
from workflows.record.timeline import Timeline
from workflows.remediation.approval import Approval

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BACKEND = Service(name="backend", manager=DockerManager(container="backend"))
PLAN = Plan(steps=(StartService(service=BACKEND),), why="it stands still")


def by(name: str, verdict: Verdict = Verdict.APPROVE) -> Decision:
    return Decision(by=name, through=Through.INTAKE, verdict=verdict, plan=PLAN.digest)


def opened() -> tuple[Approval, Timeline]:
    timeline = Timeline(lambda: NOW)
    approval = Approval(timeline)
    approval.open(PLAN, Risk.SAFE)
    return approval, timeline


def test_the_first_of_two_counts() -> None:
    approval, timeline = opened()
    assert approval.decide(by("ada")).accepted
    assert approval.decide(by("bob", Verdict.DENY)) == Decided(accepted=False, reason="ada decided already")
    assert [entry.by for entry in timeline.entries] == ["ada", "bob"]


def test_what_did_not_count_does_not_stand_in_the_way() -> None:
    approval, _ = opened()
    assert not approval.decide(by("bob").model_copy(update={"plan": "0" * 12})).accepted
    assert approval.decide(by("ada")).accepted


def test_a_question_that_is_asked_again_is_open_again() -> None:
    approval, _ = opened()
    approval.decide(by("ada", Verdict.DENY))
    approval.withdraw()
    approval.open(PLAN, Risk.SAFE)
    assert approval.decide(by("bob")).accepted
