"""Stores the report of a check, and finds what changed since the last one."""

from __future__ import annotations

from collections.abc import Callable

from temporalio import activity

from activities.checks.comparison import changes
from activities.checks.markdown_report import markdown
from activities.checks.page import page
from activities.checks.store import Kept, ReportStore, directory_of
from models.checks.check import CheckName, CheckReport, StoredReport
from models.configuration.configuration import Configuration


class CheckReportActivities:
    """The directory of the reports; created with the first one."""

    def __init__(self, configuration: Callable[[], Configuration]) -> None:
        self._configuration = configuration

    @activity.defn
    def write_check_report(self, report: CheckReport) -> StoredReport:
        """Write the report once a run, and remove the oldest. Raises `OSError` while it cannot be written."""
        now = self._configuration()
        store = ReportStore(directory_of(now.directories), report)
        kept = store.written()
        if kept is None:
            kept = _compared(store, report)
            store.write(markdown(kept), page(kept), kept)
        try:
            store.remove_oldest(now.checks.keep)
        except OSError as error:
            activity.logger.warning("an old report of a check cannot be removed: %s", error)
        return StoredReport(
            markdown=str(store.path(".md").absolute()),
            page=str(store.path(".html").absolute()),
            data=str(store.path(".json").absolute()),
            link=_link(now.intake.public_url, report.name, store.path(".html").name),
            changes=tuple(one.says for one in kept.changes),
        )


def _compared(store: ReportStore, report: CheckReport) -> Kept:
    last = store.last()
    if last is None:
        return Kept(report=report)
    name, past = last
    return Kept(report=report, changes=changes(past, report), compared_with=name)


def _link(public_url: str | None, check: CheckName, file: str) -> str:
    """Where the intake serves it, if people can reach the intake."""
    return f"{public_url.rstrip('/')}/checks/{check}/{file}" if public_url else ""
