"""How a check ends: its report is written, and one message says where, whatever fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from models.checks.check import CheckReport, StoredReport
from models.checks.item import Item, ItemResult, ItemState
from models.incident.announcement import Announcement, Delivered, Link, Receipt
from models.names import Severity
from tests.parts.product.check_reports import check_report
from tests.workflows.checks.ending import UI, Ending
from tests.workflows.harness import SERVER

QUEUE = "reports"
STORED = StoredReport(markdown="/r/x.md", page="/r/x.html", changes=("cost was ok and is bad",))


@dataclass
class Outside:
    """The disk and the channels."""

    stored: StoredReport = STORED
    full: bool = False
    deaf: bool = False
    told: list[Announcement] = field(default_factory=list)

    @activity.defn
    async def write_check_report(self, report: CheckReport) -> StoredReport:
        if self.full:
            raise OSError(28, "No space left on device")
        return self.stored

    @activity.defn
    async def announce(self, announcement: Announcement) -> Delivered:
        if self.deaf:
            raise ApplicationError("no way out", non_retryable=True)
        self.told.append(announcement)
        return Delivered(receipts=(Receipt(channel="log", delivered=False, why="away"),), reached=True)


@asynccontextmanager
async def ending(outside: Outside) -> AsyncIterator[Callable[[CheckReport], Any]]:
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=SERVER, data_converter=pydantic_data_converter
    ) as env:
        client: Client = env.client
        activities: list[Any] = [outside.write_check_report, outside.announce]
        async with Worker(client, task_queue=QUEUE, workflows=[Ending], activities=activities):
            yield lambda report: client.execute_workflow(
                Ending.run, report, id="check/daily", task_queue=QUEUE
            )


async def test_one_message_says_what_is_wrong_what_changed_and_where_to_read() -> None:
    outside = Outside()
    async with ending(outside) as end:
        report = await end(check_report())
    assert report.stored == outside.stored
    (told,) = outside.told
    assert told.title == "daily check: 1 bad, 1 unknown, 1 attention, 1 ok"
    assert told.text.splitlines() == [
        "✗ targets: 1 of 4 targets is down",
        "? backups: no location is configured: configure checks.weekly",
        "! cost: 66 USD on Tuesday, and the budget is 60",
        "Since the last report:",
        "- cost was ok and is bad",
        "Report: /r/x.html",
    ]
    assert (told.severity, told.also_to, told.incident) == (Severity.WARNING, ("slack", "log"), "check/daily")


async def test_what_is_served_is_told_by_its_link() -> None:
    link = "https://runbooks.example.com/checks/daily/x.html"
    outside = Outside(stored=StoredReport(markdown="x.md", page="x.html", link=link))
    async with ending(outside) as end:
        await end(check_report(Item(name="a", found=ItemResult(state=ItemState.OK, reason="fine"))))
    (told,) = outside.told
    assert (told.title, told.text) == ("daily check: 1 ok", f"Report: {link}")
    assert told.links[0] == Link(says="Open the report", address=link)
    run = told.links[1]
    assert run.says == "Open the check in Temporal"
    assert run.address.startswith(f"{UI}/namespaces/default/workflows/check%2Fdaily/")
    assert told.severity is Severity.INFO


async def test_a_report_that_cannot_be_written_is_still_told() -> None:
    outside = Outside(full=True)
    async with ending(outside) as end:
        report = await end(check_report())
    assert report.stored is None
    assert len(report.items) == 4
    (told,) = outside.told
    assert told.text.splitlines()[0] == "✗ targets: 1 of 4 targets is down"
    assert "could not be written: OSError: [Errno 28] No space left on device" in told.text


async def test_a_report_that_nobody_hears_of_is_still_written() -> None:
    async with ending(Outside(deaf=True)) as end:
        assert (await end(check_report())).stored


async def test_no_channel_is_no_message() -> None:
    outside = Outside()
    async with ending(outside) as end:
        assert (await end(check_report(by="nobody"))).stored
    assert outside.told == []


async def test_a_message_names_a_few_and_counts_the_others() -> None:
    many = [Item(name=f"item {n}", found=ItemResult(state=ItemState.BAD, reason="x" * 900)) for n in range(9)]
    outside = Outside()
    async with ending(outside) as end:
        await end(check_report(*many))
    lines = outside.told[0].text.splitlines()
    assert [len(line) for line in lines[:5]] == [200] * 5
    assert lines[5] == "and 4 more"
