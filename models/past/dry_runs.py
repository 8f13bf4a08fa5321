"""The dry runs of a while: what each would have done, and how often that would have been right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Self

from models.base import Model
from models.incident.dry_run import DryRun, Judged
from models.incident.review import Review


class Ended(Model):
    """One incident that was a dry run, and is over."""

    incident: str
    run_id: str
    runbook: str
    cause: str
    closed_at: datetime
    would: tuple[str, ...] = ()
    """What would have been done, in order; empty where it would have called a person."""
    happened: str
    judged: Judged

    @classmethod
    def of(cls, review: Review, dry_run: DryRun, closed_at: datetime) -> Self:
        return cls(
            incident=review.incident,
            run_id=review.run_id,
            runbook=review.runbook,
            cause=review.cause or "none",
            closed_at=closed_at,
            would=tuple(one.says for one in dry_run.planned),
            happened=dry_run.happened,
            judged=dry_run.judged,
        )


class Row(Model):
    """All of one runbook and cause."""

    runbook: str
    cause: str
    incidents: int
    would: dict[str, int]
    """What would have been done, and how often."""
    judged: dict[Judged, int]
    """Of those that would have done something."""
    called_a_person: int
    """Those that would have done nothing."""

    @property
    def right(self) -> int:
        return sum(number for judged, number in self.judged.items() if judged.right)

    @property
    def wrong(self) -> int:
        return sum(number for judged, number in self.judged.items() if judged.wrong)


class DryRuns(Model):
    """The report. Judged is by what people then did: see `Judged`."""

    since: datetime
    rows: tuple[Row, ...]
    ended: tuple[Ended, ...]
    open: tuple[str, ...] = ()
    without_review: tuple[str, ...] = ()
    """Terminated, failed, or gone on in another run when the alert fired again: nobody can judge them."""
    not_counted: bool = False
    """There were more than are read."""

    @property
    def rate(self) -> float | None:
        """How often it would have been right, of those where that is known; None where it never is."""
        right, wrong = sum(row.right for row in self.rows), sum(row.wrong for row in self.rows)
        return right / (right + wrong) if right + wrong else None


def rows_of(ended: Iterable[Ended]) -> tuple[Row, ...]:
    """By runbook and cause, the most frequent first."""
    groups: dict[tuple[str, str], list[Ended]] = {}
    for one in ended:
        groups.setdefault((one.runbook, one.cause), []).append(one)
    rows = (
        Row(
            runbook=runbook,
            cause=cause,
            incidents=len(group),
            would=dict(Counter(says for one in group for says in one.would)),
            judged=dict(Counter(one.judged for one in group if one.would)),
            called_a_person=sum(not one.would for one in group),
        )
        for (runbook, cause), group in groups.items()
    )
    return tuple(sorted(rows, key=lambda row: (-row.incidents, row.runbook, row.cause)))
