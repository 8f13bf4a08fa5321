"""How a dry run is judged by what people then did, and what a week of them comes to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from models.incident.dry_run import Answer, DryRun, Judged, Planned
from models.incident.incident import Outcome
from models.past.dry_runs import DryRuns, Ended, rows_of

AT = datetime(2026, 11, 27, tzinfo=UTC)


def planned(answer: Answer) -> Planned:
    return Planned(says="restart backend", service="backend", digest="0a1b2c3d4e5f", answer=answer, at=AT)


def dry_run(answer: Answer, ended: Outcome, *, same: str = "", by_person: bool = False) -> DryRun:
    return DryRun(
        why="dry_run: true", planned=(planned(answer),), ended=ended, same=same, by_person=by_person
    )


@pytest.mark.parametrize(
    ("run", "judged"),
    [
        (dry_run(Answer.DENIED, Outcome.CLOSED_BY_HUMAN, same="started", by_person=True), Judged.DENIED),
        (dry_run(Answer.POLICY, Outcome.RESOLVED, same="started", by_person=True), Judged.SAME),
        (dry_run(Answer.APPROVED, Outcome.RESOLVED, by_person=True), Judged.APPROVED),
        (dry_run(Answer.POLICY, Outcome.RESOLVED), Judged.NOT_NEEDED),
        (dry_run(Answer.POLICY, Outcome.RESOLVED_ELSEWHERE), Judged.NOT_NEEDED),
        (dry_run(Answer.POLICY, Outcome.RESOLVED_ELSEWHERE, by_person=True), Judged.UNKNOWN),
        (dry_run(Answer.POLICY, Outcome.CLOSED_BY_HUMAN, by_person=True), Judged.UNKNOWN),
        (dry_run(Answer.EXPIRED, Outcome.CLOSED_BY_HUMAN, by_person=True), Judged.UNKNOWN),
        (DryRun(why="dry_run: true", ended=Outcome.SELF_RECOVERED), Judged.UNKNOWN),
    ],
)
def test_what_people_did_says_whether_it_would_have_been_right(run: DryRun, judged: Judged) -> None:
    assert run.judged is judged


def test_a_week_by_runbook_and_cause() -> None:
    def ended(cause: str, judged: Judged, *would: str) -> Ended:
        return Ended(
            incident="ServiceDown/backend",
            run_id="1",
            runbook="ServiceDown",
            cause=cause,
            closed_at=AT,
            would=would,
            happened="",
            judged=judged,
        )

    week = (
        ended("hung", Judged.SAME, "restart backend"),
        ended("hung", Judged.APPROVED, "restart backend"),
        ended("hung", Judged.NOT_NEEDED, "restart backend"),
        ended("hung", Judged.UNKNOWN, "restart backend"),
        ended("unknown", Judged.UNKNOWN),
    )
    hung, unknown = rows_of(week)
    assert (hung.cause, hung.incidents, hung.would) == ("hung", 4, {"restart backend": 4})
    assert (hung.right, hung.wrong, hung.judged[Judged.UNKNOWN]) == (2, 1, 1)
    assert (unknown.called_a_person, unknown.judged) == (1, {})
    assert DryRuns(since=AT, rows=(hung, unknown), ended=week).rate == 2 / 3
    assert DryRuns(since=AT, rows=(unknown,), ended=week[4:]).rate is None
