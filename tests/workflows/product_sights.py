"""What the scripted world shows of the application's products, and of the schedule that syncs them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from activities.app.api import Refused
from activities.app.products import CountSeen, SyncSeen
from activities.schedules.seen import ScheduledRun, ScheduleSeen, SchedulesSeen
from activities.service.logs import LogsSeen
from models.evidence.evidence import Finding
from tests.workflows.sights import LONG_AGO

NOW = LONG_AGO + timedelta(hours=3)
LOOP = "daily-control-loop"

SYNCED = SyncSeen(
    finding=Finding.OK,
    reason="the products were last synced 1 min ago",
    at=NOW + timedelta(minutes=5),
    age=timedelta(minutes=1),
    observed_at=NOW + timedelta(minutes=6),
)
STALE = SyncSeen(
    finding=Finding.BAD,
    reason="the products were last synced 3 h ago, more than 1 h",
    at=LONG_AGO,
    age=timedelta(hours=3),
    observed_at=NOW,
)
NEVER = SyncSeen(finding=Finding.BAD, reason="the products were never synced", never=True, observed_at=NOW)
UNSEEN = SyncSeen(
    reason="http://localhost:3000/api/products/last-sync answered 401; renew the token",
    refused=Refused.NOT_ALLOWED,
    observed_at=NOW,
)
AWAY = SyncSeen(reason="connection refused", refused=Refused.NO_ANSWER, observed_at=NOW)
GROWING = CountSeen(finding=Finding.OK, reason="there are 12 products, 3 more", count=12, grew=3)

RUN = ScheduledRun(
    workflow_id="loop-1",
    run_id="1",
    started_at=NOW - timedelta(hours=1),
    closed_at=NOW - timedelta(minutes=50),
    status="failed",
)


def run(**changes: Any) -> ScheduledRun:
    return RUN.model_copy(update=changes)


def loop(*runs: ScheduledRun, **changes: Any) -> SchedulesSeen:
    """The schedule, which runs each hour unless a test says otherwise."""
    one = ScheduleSeen(
        name=LOOP,
        created_at=LONG_AGO,
        last_at=runs[0].started_at if runs else None,
        next_at=NOW + timedelta(minutes=1),
        started=len(runs),
        runs=runs,
        **changes,
    )
    bad = one.paused or one.ended or one.stuck or any(each.failed for each in runs[:1])
    finding = Finding.BAD if bad else Finding.OK
    return SchedulesSeen(finding=finding, reason=one.says, schedules=(one,), observed_at=NOW)


def failed(error: str, **changes: Any) -> SchedulesSeen:
    """Its newest run failed with this error."""
    return loop(run(error=error), **changes)


def logged(*lines: str) -> LogsSeen:
    return LogsSeen(finding=Finding.OK, reason="none of `logs.patterns` matches", tail=lines)


UNNAMED = SchedulesSeen(finding=Finding.OK, reason="nothing wrong")
FORGOTTEN = loop(
    run(status="completed", started_at=LONG_AGO - timedelta(hours=1)),
    paused=True,
    note="Paused via Python SDK",
    paused_by="8895@web",
    paused_at=LONG_AGO,
)
MEANT = loop(
    run(status="completed", started_at=LONG_AGO - timedelta(hours=1)),
    paused=True,
    note="the marketplace moves, ask lena",
    paused_by="lena@web",
    paused_at=LONG_AGO,
    on_purpose="its note gives a reason",
)
LIMITED = failed("activity fetch_products: TooManyRequests: 429, retry after 5400 s")
REFUSED = failed("activity fetch_products: UnrecognizedClient: Amazon answered 401")
EXPIRED = failed("activity fetch_products: RequestExpired: the signature has expired")
BROKEN = failed("activity fetch_products: Amazon answered 500: internal server error")
CRASHED = failed("TypeError: cannot read the price of undefined")
STUCK = loop(run(status="running", closed_at=None, started_at=LONG_AGO), stuck=True)
AT_WORK = loop(run(status="running", closed_at=None, started_at=NOW - timedelta(minutes=1)))
OVER = loop(run(status="completed", started_at=LONG_AGO - timedelta(hours=1)), ended=True)
NOT_YET = loop()
WENT_WELL = loop(run(status="completed", started_at=LONG_AGO - timedelta(minutes=1)))
LIMIT_OVER = failed("activity fetch_products: TooManyRequests: 429, retry after 60 s")
QUIET = loop(run(status="completed", closed_at=NOW - timedelta(minutes=59)))
