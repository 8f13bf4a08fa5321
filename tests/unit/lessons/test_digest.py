"""What a month teaches, in words."""

from __future__ import annotations

from datetime import timedelta

from activities.lessons.decisions import Answer, decisions
from activities.lessons.digest import digest
from activities.lessons.kept import Kept
from models.checks.item import ItemResult, ItemState
from models.incident.incident import Outcome
from models.incident.review import Review
from tests.unit.lessons.kept import entry, performed, review

BEFORE = (review("crash", timedelta(days=50)),)
ASKS = "asks for approval of plan a1: restart backend"


def of(*reviews: Review, before: tuple[Review, ...] = BEFORE) -> ItemResult:
    return digest(Kept(reviews), Kept(before), "the last 30 days")


def test_a_month_of_known_causes_that_healed_is_nothing_to_talk_about() -> None:
    found = of(review("crash", performed=(performed(),)))
    assert (found.state, found.details) == (ItemState.OK, ())
    assert found.reason == "1 incident (1 resolved) in the last 30 days"
    assert of().reason == "no incident in the last 30 days"


def test_a_cause_that_was_never_seen_before_is_told_once_with_what_helped() -> None:
    one = review("hung", performed=(performed(),))
    again = review("hung", timedelta(days=1))
    (said,) = of(one, again).details
    assert said.startswith("New: hung (ServiceDown of backend, ")
    assert said.endswith("; what helped: restart backend")


def test_the_same_cause_of_another_runbook_is_new() -> None:
    assert (
        "New: crash (DatabaseConnectionFailure"
        in of(review("crash", runbook="DatabaseConnectionFailure")).details[0]
    )


def test_without_earlier_reviews_not_everything_is_new() -> None:
    assert of(review("hung"), before=()).details == ()


def test_what_was_handed_over_is_told_with_the_reason_the_longest_first() -> None:
    short = review("crash", remarks=("Escalated: ada denied: restart backend.",))
    long = review("crash", remarks=("Escalated: no fix is known.",), resolved_after=timedelta(hours=5))
    found = of(short, long)
    assert "over after 5 h: no fix is known" in found.details[0]
    assert len(found.details) == 2


def test_decisions_are_told_by_how_long_they_took() -> None:
    slow = review("crash", timeline=(entry(0, ASKS), entry(40, "approve of plan a1", by="ada")))
    quick = review("crash", timeline=(entry(0, ASKS), entry(0, "approve of plan a1", by="bob")))
    expired = (entry(0, ASKS), entry(240, "escalated: the approval of plan a1 expired: restart backend"))
    found = of(slow, quick, review("crash", timeline=expired))
    assert found.details == (
        "Waited 4 h until it expired: ServiceDown/backend, plan a1: restart backend",
        "Waited 40 min until approved by ada: ServiceDown/backend, plan a1: restart backend",
    )
    assert {one.name: one.value for one in found.figures}["decided after, median"] == 40


def test_a_denied_plan_is_told_with_what_the_person_said() -> None:
    denied = review(
        "crash",
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=(entry(0, ASKS), entry(0, "deny of plan a1: we deploy in a minute", by="ada")),
    )
    (said,) = of(denied).details
    assert said == (
        "Denied: ServiceDown/backend, plan a1: restart backend; by ada, who said: we deploy in a minute"
    )


def test_what_did_not_help_is_told() -> None:
    (said,) = of(review("crash", did_not_help=("restart backend: it exits again",))).details
    assert said.startswith("Did not help: ServiceDown/backend (crash)")
    assert said.endswith("restart backend: it exits again")


def test_what_did_not_count_is_no_answer() -> None:
    one = review(
        "crash",
        timeline=(
            entry(0, ASKS),
            entry(1, "approve did not count (mallory is not on the list of approvers)", by="mallory"),
            entry(2, "the alert is resolved"),
        ),
    )
    assert [found.answer for found in decisions(one)] == [Answer.NONE]


def test_a_second_question_is_another_decision() -> None:
    one = review(
        "crash",
        timeline=(
            entry(0, ASKS),
            entry(1, "asks for approval of plan b2: roll back"),
            entry(9, "deny of plan b2", by="ada"),
        ),
    )
    first, second = decisions(one)
    assert (first.answer, second.answer, second.after) == (
        Answer.NONE,
        Answer.DENIED,
        timedelta(minutes=8),
    )
