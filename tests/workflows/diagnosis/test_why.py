"""Why a plan is made is told by the evidence of its cause, and a number that looks wrong is explained."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from activities.app.open_executions import OpenExecutionsSeen
from activities.app.starts import StartsSeen
from activities.incidents.stewardship import HistorySeen
from activities.service.logs import LogMatch, LogsSeen
from activities.service.retries import RetriesSeen
from models.evidence.evidence import Evidence, Finding
from models.evidence.logged import LoggedError
from models.evidence.seen import Seen
from models.service.costs import Costs, PaidApi
from tests.unit.workflows.test_high_error_rate import POLICY
from tests.workflows import bills, product_sights, sights
from workflows.diagnosis import cost_signs, how_it_runs, looks, plans
from workflows.diagnosis.look import Look
from workflows.diagnosis.situation import Situation, pointing
from workflows.products.plans import sync_fewer

assert POLICY.service is not None
COSTS = Costs(prometheus="http://localhost:9090", budget=100, apis={"elevenlabs": PaidApi()})
SERVICE = POLICY.service.model_copy(update={"costs": COSTS})
OLD_LINE = LogsSeen(
    finding=Finding.BAD,
    reason="in the 4 lines since its last start: database-lost (1)",
    matches={"database-lost": LogMatch(count=1, sample="connection lost")},
)
FAILED = LoggedError(text="ERROR products: 429", at=sights.LONG_AGO)
PAUSED: dict[str, Any] = {"paused": True, "note": "Paused via Python SDK", "paused_by": "8895@web"}


def now(*found: tuple[Look[Evidence], Evidence], points: tuple[str, ...] = ()) -> Situation:
    return Situation(Seen().having(found), POLICY, SERVICE, points=points)


def test_the_evidence_of_the_cause_is_why_and_not_the_first_that_is_bad() -> None:
    seen = now((looks.recent_logs, OLD_LINE), (looks.health, sights.REFUSED))
    assert plans.restart(seen).why == OLD_LINE.reason, "no cause was named yet"
    named = replace(seen, points=("health",))
    assert plans.restart(named).why == f"health: {sights.REFUSED.reason}"
    well = now((looks.recent_logs, OLD_LINE), (looks.health, sights.HEALTHY), points=("health",))
    assert well.trouble == OLD_LINE.reason, "what is well again is no reason"


def test_a_log_without_a_pattern_points_by_its_last_error() -> None:
    quiet = LogsSeen(finding=Finding.OK, reason="none of `logs.patterns` matches", last_error=FAILED)
    assert pointing(["logs"], Situation(Seen({"logs": quiet}), POLICY, SERVICE)) == (
        f"logs: the last error, of {sights.LONG_AGO:%Y-%m-%d %H:%M:%S} UTC: ERROR products: 429"
    )
    assert OLD_LINE.sign == OLD_LINE.reason
    both = OLD_LINE.model_copy(update={"last_error": FAILED}).sign
    assert both.startswith(f"{OLD_LINE.reason}; the last error, of ") and both.endswith(FAILED.text)


def test_a_rollback_tells_how_often_it_crashed_and_when() -> None:
    crashed = tuple(sights.LONG_AGO + timedelta(minutes=minute) for minute in range(3))
    seen = now((looks.history, HistorySeen(finding=Finding.OK, crashes=crashed)))
    assert how_it_runs.crashes_in_words(seen).startswith("it crashed 3 times within 1 h, at ")
    assert how_it_runs.crashes_in_words(seen).endswith(f"{crashed[-1]:%H:%M:%S} UTC")
    once = now((looks.history, HistorySeen(finding=Finding.OK, crashes=crashed[:1])))
    assert how_it_runs.crashes_in_words(once) == ""


@pytest.mark.parametrize(
    ("minutes", "says"), [(-1, "before it"), (1, "after it"), (None, "whether before or after")]
)
def test_a_sync_that_failed_and_is_paused_tells_which_came_first(minutes: int | None, says: str) -> None:
    one = product_sights.run(error="activity fetch_products: TooManyRequests: 429")
    assert one.closed_at
    paused_at = None if minutes is None else one.closed_at + timedelta(minutes=minutes)
    seen = product_sights.loop(one, paused_at=paused_at, **PAUSED)
    plan = sync_fewer(now((looks.last_sync, product_sights.STALE), (looks.schedules, seen)))
    assert says in plan.why
    assert "429" in seen.reason, "a pause hides no failure"


BILL = bills.bill(elevenlabs=9).model_copy(update={"observed_at": bills.AT})


@pytest.mark.parametrize(
    ("starts", "stuck", "retries", "says"),
    [
        (
            bills.often(),
            bills.NONE_STUCK,
            bills.NO_RETRIES,
            "it is the starts that are too many, and no open",
        ),
        (bills.often(), bills.NONE_STUCK, bills.MANY_RETRIES, "what is started retries its calls as well"),
        (
            bills.CALM_STARTS,
            bills.stuck(),
            bills.MANY_RETRIES,
            "it is the retries that are too many, and nothing",
        ),
        (bills.often(), bills.stuck(), bills.NO_RETRIES, "both the starts and the retries are too many"),
        (bills.CALM_STARTS, bills.NONE_STUCK, bills.MANY_RETRIES, "only its log tells of retries"),
        (bills.CALM_STARTS, bills.NONE_STUCK, bills.NO_RETRIES, ""),
    ],
)
def test_whether_starts_or_retries_make_the_bill(
    starts: StartsSeen, stuck: OpenExecutionsSeen, retries: RetriesSeen, says: str
) -> None:
    seen = now(
        (looks.costs, BILL),
        (looks.starts, starts),
        (looks.open_executions, stuck),
        (looks.retries, retries),
    )
    driver = cost_signs.driven_by(seen)
    assert driver.startswith(says) or says in driver
    assert bool(driver) is bool(says)
    assert driver in cost_signs.in_words_of(seen)


def test_a_sum_over_the_budget_is_no_contradiction_to_a_pace_within_it() -> None:
    spent = cost_signs.pace_is_proved(now((looks.costs, bills.bill(elevenlabs=2))))
    assert spent.startswith("the pace is within the budget: now $2.00 an hour, at most $4.17; ")
    assert "what was spent stays spent, and leaves the last 24 h by itself: $140" in spent
    within = cost_signs.pace_is_proved(now((looks.costs, bills.WITHIN)))
    assert within == "the pace is within the budget: now $1.00 an hour, at most $4.17; $40 in the last 24 h"
