"""What both forms of a report say in the same words."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from activities.checks.store import Kept
from models.base import in_words
from models.checks.check import CheckReport


def title(report: CheckReport) -> str:
    """`Daily check of 2026-11-26`: the day as its time zone has it."""
    return f"{report.name.capitalize()} check of {_local(report.began_at, report.time_zone):%Y-%m-%d}"


def facts(kept: Kept) -> list[str]:
    """When, for how long, by whom, which run, and compared with what."""
    report = kept.report
    began = _local(report.began_at, report.time_zone)
    return [
        f"Began {began:%Y-%m-%d %H:%M:%S} ({report.time_zone}), "
        f"took {in_words(report.ended_at - report.began_at)}",
        f"Started by {report.by or 'its schedule'}",
        f"Run {report.run_id}",
        f"Compared with {kept.compared_with or 'nothing: there is no earlier report'}",
    ]


def _local(moment: datetime, zone: str) -> datetime:
    try:
        return moment.astimezone(ZoneInfo(zone))
    except (KeyError, ValueError, OSError):  # a report from a machine that knows more time zones
        return moment
