"""What people see of a check: how far it is, then its report, and one short message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.checks.reports import CheckReportActivities
    from models.checks.check import CheckReport, StoredReport, counted
    from models.checks.item import WORST_FIRST, Item, ItemState
    from models.incident.announcement import Addresses, Announcement, Link, Occasion
    from models.names import Severity
    from models.text import for_temporal_ui as shown
    from models.text import shorten
    from workflows.escalation.sending import send
    from workflows.record.failures import in_short

MOST_NAMED = 5
"""So many findings, and so many changes, stand in the message; the report has the rest."""
LONGEST_LINE = 200

_WORST_FIRST = (ItemState.BAD, ItemState.UNKNOWN, ItemState.ATTENTION)
_WRITING = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(seconds=20))


MOST_SHOWN = 20
"""Items in the Temporal UI."""


def show_progress(found: Sequence[Item], wanted: int) -> None:
    """How many items are looked at, and what is not well."""
    workflow.set_current_details(details(found, wanted))


def details(found: Sequence[Item], wanted: int) -> str:
    """As Markdown."""
    worst_first = sorted(
        (one for one in found if one.found.state is not ItemState.OK),
        key=lambda one: WORST_FIRST.index(one.found.state),
    )
    lines = [
        f"- **{one.found.state.value}** {shown(one.name)}: {shown(one.found.reason, 200)}"
        for one in worst_first[:MOST_SHOWN]
    ]
    if len(worst_first) > MOST_SHOWN:
        lines.append(f"- and {len(worst_first) - MOST_SHOWN} more")
    return "\n\n".join(
        [f"**{len(found)} of {wanted} items** looked at", *(["\n".join(lines)] if lines else [])]
    )


async def reported(report: CheckReport, channels: tuple[str, ...], temporal_ui: str = "") -> CheckReport:
    """Write it and tell the channels, the path or link with it. One that cannot be written is still told."""
    try:
        stored = await _written(report)
        report = report.model_copy(update={"stored": stored})
        where = f"Report: {stored.link or stored.page}"
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        where = f"The report could not be written: {in_short(error)}"
        workflow.logger.error(where)
    if channels:
        await _tell(message(report, where, channels, temporal_ui))
    return report


async def _written(report: CheckReport) -> StoredReport:
    stored: StoredReport = await workflow.execute_activity_method(
        CheckReportActivities.write_check_report,
        report,
        start_to_close_timeout=timedelta(minutes=1),
        schedule_to_close_timeout=timedelta(minutes=3),
        retry_policy=_WRITING,
        summary=f"write the report: {counted(report)}",
    )
    return stored


async def _tell(announcement: Announcement) -> None:
    try:
        told = await send(announcement)
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        workflow.logger.error("nobody was told of the report: %s", in_short(error))
        return
    for receipt in told.receipts:
        if not receipt.delivered:
            workflow.logger.warning("%s was not told of the report: %s", receipt.channel, receipt.why)


def message(
    report: CheckReport, where: str, channels: tuple[str, ...], temporal_ui: str = ""
) -> Announcement:
    """The state, what is bad, what changed, and where to read it all; a line each."""
    lines = [*_findings(report), *_changes(report.stored.changes if report.stored else ())]
    return Announcement(
        incident=workflow.info().workflow_id,
        run_id=report.run_id,
        occasion=Occasion.NOTICE,
        severity=Severity.INFO if report.state is ItemState.OK else Severity.WARNING,
        role="everybody",
        title=f"{report.name} check: {counted(report)}",
        text="\n".join((*lines, where)),
        links=tuple(_links(report, temporal_ui)),
        also_to=channels,
    )


def _links(report: CheckReport, temporal_ui: str) -> Iterator[Link]:
    if report.stored and report.stored.link:
        yield Link(says="Open the report", address=report.stored.link)
    here = workflow.info()
    yield from Addresses(temporal_ui=temporal_ui).of_run(
        "check", here.workflow_id, here.run_id, here.namespace
    )


def _findings(report: CheckReport) -> Iterator[str]:
    lines = [
        f"{state.symbol} {one.name}: {one.found.reason}"
        for state in _WORST_FIRST
        for one in report.with_state(state)
    ]
    yield from _first(lines)


def _changes(changes: Iterable[str]) -> Iterator[str]:
    lines = list(changes)
    if lines:
        yield "Since the last report:"
        yield from _first([f"- {one}" for one in lines])


def _first(lines: list[str]) -> Iterator[str]:
    yield from (shorten(one, LONGEST_LINE) for one in lines[:MOST_NAMED])
    if (more := len(lines) - MOST_NAMED) > 0:
        yield f"and {more} more"
