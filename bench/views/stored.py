"""10,000 closed incidents of the last days, written by the store's own code."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from models.configuration.configuration import Configuration
from models.incident.alert import Alert
from models.incident.incident import Entry, Outcome, Through
from models.incident.review import Review
from models.names import Severity
from runtime.incidents import IncidentLine
from runtime.store.facts import ending, facts_of
from runtime.store.opening import database_of
from runtime.store.store import Growth, IncidentStore

STORED = 10_000
TOGETHER = 500
DAYS = 29
SERVICES = 100
CAUSES = ("crash", "bad deployment", "out of memory", "slow queries", "")
TEXTS = (
    "looked at the service", "the service does not answer", "the cause is known", "asked for an approval",
    "approved", "restarted the service", "every probe answered for a minute", "recovered",
)  # fmt: skip


async def fill(configuration: Configuration) -> None:
    """Bring this configuration's store up to date, and fill it."""
    store = IncidentStore(database_of(configuration))
    await store.prepare()
    now = datetime.now(UTC)
    growths = _growths(now)
    while some := list(islice(growths, TOGETHER)):
        await store.append(some, now)


def _growths(now: datetime) -> Iterator[Growth]:
    for number in range(STORED):
        began = now - timedelta(hours=1) - number * timedelta(days=DAYS) / STORED
        alert = Alert(
            name=f"Alert{number % 7}",
            service=f"service-{number % SERVICES}",
            starts_at=began,
            annotations={"summary": "the service does not answer"},
        )
        review = _review(alert, f"run-{number}", CAUSES[number % len(CAUSES)])
        line = _line(review, began + review.resolved_after)
        facts = [*facts_of(line, None, review), *ending(line, review)]
        yield Growth(review.run_id, line, facts, seen=0)


def _line(review: Review, closed_at: datetime) -> IncidentLine:
    return IncidentLine(
        id=review.incident,
        run_id=review.run_id,
        runbook=review.runbook,
        alert=review.alert.name,
        service=review.alert.service,
        severity=review.severity.value,
        phase="closed",
        cause=review.cause,
        outcome=review.outcome.value,
        open=False,
        ended="completed",
        started_at=review.began_at,
        closed_at=closed_at,
    )


def _review(alert: Alert, run_id: str, cause: str) -> Review:
    began = alert.starts_at
    entries = [
        Entry(at=began + timedelta(seconds=20 * place), text=text, by="runbook", through=Through.PRODUCT)
        for place, text in enumerate(TEXTS)
    ]
    return Review(
        summary=f"{alert.service} was restarted, and answers again",
        outcome=Outcome.RESOLVED,
        cause=cause,
        incident=alert.incident_id,
        run_id=run_id,
        runbook=alert.name,
        alert=alert,
        severity=Severity.CRITICAL,
        timeline=tuple(entries),
        began_at=began,
        detected_after=timedelta(),
        responded_after=None,
        resolved_after=timedelta(minutes=4),
        respond_within=timedelta(minutes=5),
    )
