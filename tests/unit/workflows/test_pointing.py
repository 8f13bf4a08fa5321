"""Which evidence points to a cause: what its row would not match without."""

from __future__ import annotations

import pytest

from models.evidence.evidence import Evidence, Finding
from models.evidence.seen import Seen
from tests.unit.workflows.test_high_error_rate import POLICY
from workflows.diagnosis.look import Look
from workflows.diagnosis.situation import Matches, Situation, pointing, what_points


def _look(name: str) -> Look[Evidence]:
    return Look(name, Evidence, lambda _, __: Evidence(), lambda _: None)


HEAP, CPU, LOG, HEALTH = map(_look, ("heap", "cpu", "log", "health"))
BAD = (HEAP, CPU, LOG)
assert POLICY.service is not None
NOW = Situation(
    Seen(
        {
            HEALTH.name: Evidence(finding=Finding.OK, reason="answers"),
            **{one.name: Evidence(finding=Finding.BAD, reason=f"{one.name} is full") for one in BAD},
        }
    ),
    POLICY,
    POLICY.service,
)


@pytest.mark.parametrize(
    ("matches", "points"),
    [
        (lambda now: now[HEAP].bad, ("heap",)),
        (lambda now: now[HEAP].bad and not now[HEALTH].bad, ("heap",)),
        (lambda now: now[HEAP].bad and now[HEALTH].ok, ("health", "heap")),
        (lambda now: now[HEAP].bad or now[CPU].bad, ("heap", "cpu")),
        (lambda now: now[LOG].bad and (now[HEAP].bad or now[CPU].bad), ("heap", "cpu", "log")),
        (lambda now: sum(now[one].bad for one in BAD) >= 2, ("heap", "cpu", "log")),
        (lambda _: True, ()),
    ],
)
def test_what_a_row_would_not_match_without_points_to_it(matches: Matches, points: tuple[str, ...]) -> None:
    assert what_points(matches, NOW) == points


def test_it_is_told_as_it_was_seen() -> None:
    either = what_points(lambda now: now[HEAP].bad or now[CPU].bad, NOW)
    assert pointing(either, NOW) == "heap: heap is full; cpu: cpu is full"
