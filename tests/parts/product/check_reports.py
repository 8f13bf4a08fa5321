"""A report of a check with something of everything, for what is written and what is shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from models.checks.check import CheckName, CheckReport
from models.checks.item import Figure, Item, ItemResult, ItemState, Table
from models.incident.report import Chart, Series

BEGAN = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
COSTS = Chart(
    name="costs",
    title="Cost by day",
    says="between 41 and 66 USD a day; the budget is 60",
    labels=("Mon", "Tue", "Wed", "Thu"),
    series=(Series(name="spent", values=(41.0, 66.0, None, 52.5)),),
    unit=" USD",
    line=60,
)
COST = ItemResult(
    state=ItemState.ATTENTION,
    reason="66 USD on Tuesday, and the budget is 60",
    threshold="at most 60 USD a day",
    link="https://grafana.example.com/d/costs?orgId=1&from=now-7d",
    observed_at=BEGAN,
    details=("Tuesday had 12 more videos than usual",),
    figures=(Figure(name="cost of the day", value=52.5, unit=" USD"), Figure(name="share", value=None)),
    charts=(COSTS,),
)
TARGETS = Table(
    title="Targets", columns=("job", "instance", "error"), rows=(("backend", "web-1:80", "refused"),)
)
ITEMS = (
    Item(name="health of backend", found=ItemResult(state=ItemState.OK, reason="answers in 12 ms")),
    Item(
        name="targets",
        found=ItemResult(state=ItemState.BAD, reason="1 of 4 targets is down", tables=(TARGETS,)),
        started=("ServiceDown/backend",),
    ),
    Item(name="cost", found=COST),
    Item(name="backups", found=ItemResult(reason="no location is configured: configure checks.weekly")),
)


def check_report(*items: Item, **more: object) -> CheckReport:
    """By default with an item of each state."""
    fields: dict[str, object] = {
        "name": CheckName.DAILY,
        "run_id": "019ac1b2-0000-7000-8000-00001a2b3c4d",
        "began_at": BEGAN,
        "ended_at": BEGAN + timedelta(seconds=42),
        "time_zone": "Europe/Berlin",
        "items": items or ITEMS,
    }
    return CheckReport.model_validate(fields | more)


def next_day(report: CheckReport, days: int = 1) -> CheckReport:
    """The same a day later, as another run."""
    later = timedelta(days=days)
    return report.model_copy(
        update={
            "run_id": f"019ac1b2-0000-7000-8000-0000{days:08x}",
            "began_at": report.began_at + later,
            "ended_at": report.ended_at + later,
        }
    )
