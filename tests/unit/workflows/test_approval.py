"""The one open question: of two answers that come at once, the first is the only one."""

from __future__ import annotations

from datetime import UTC, datetime

from models.actions.change import Risk
from models.actions.plan import Choice, Plan
from models.actions.service import RestartService, StartService
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
    approval.open(PLAN, {})
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


def test_of_several_plans_the_one_that_is_named_counts_and_each_has_its_own_risk() -> None:
    approval, timeline = opened()
    restart = Plan(steps=(RestartService(service=BACKEND),), why="it may hang")
    pending = approval.open(Choice(recommended=PLAN, others=(restart,)), {"start-service": Risk.DANGEROUS})
    assert pending is not None
    assert [(one.risk, one.recommended) for one in pending.options] == [
        (Risk.DANGEROUS, True),
        (Risk.GUARDED, False),
    ]
    refused = approval.decide(by("ada").model_copy(update={"plan": "0" * 12}))
    assert refused.reason.endswith(f"plans {PLAN.digest} (recommended), {restart.digest} are waiting")
    assert approval.decide(by("ada").model_copy(update={"plan": restart.digest})).accepted
    says = f"approve of plan {restart.digest}, not the recommended one, instead of {PLAN.digest}"
    assert timeline.entries[-1].text == says


def test_the_same_question_is_not_asked_twice_and_another_choice_is_another_question() -> None:
    approval, _ = opened()
    restart = Plan(steps=(RestartService(service=BACKEND),), why="it may hang")
    assert approval.open(PLAN, {}) is None
    choice = Choice(recommended=PLAN, others=(restart,))
    assert approval.open(choice, {}) is not None
    assert approval.open(choice, {}) is None


def test_a_question_that_is_asked_again_is_open_again() -> None:
    approval, _ = opened()
    approval.decide(by("ada", Verdict.DENY))
    approval.withdraw()
    approval.open(PLAN, {})
    assert approval.decide(by("bob")).accepted
