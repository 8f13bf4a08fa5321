"""One check from its start to its report: before and after something breaks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from demo.checks import history
from demo.checks.around import CheckSurroundings
from demo.observed import P95
from demo.parts.waiting import until
from demo.screen import Screen
from demo.stack import Stack
from demo.systems.services import BACKEND
from models.checks.check import CheckName, CheckReport, CheckRequest, counted
from models.names import TASK_QUEUE, check_id
from workflows.checks.registry import CHECKS

PAST_DAYS = {CheckName.DAILY: 15, CheckName.WEEKLY: 15, CheckName.MONTHLY: history.DAYS}
"""So much of the past is compared."""


async def tell(name: CheckName, stack: Stack, screen: Screen) -> int:
    """Run it, break something, run it again; 0 when each report is written and the second tells it."""
    assert stack.checked is not None, "the stack has what the checks look at"
    await _until_measured(stack)
    reports = [await _run(name, stack, screen)]
    if name in _BREAKAGES:
        says, break_it = _BREAKAGES[name]
        screen.line(f"FAULT     {says}")
        await break_it(stack, stack.checked)
        reports.append(await _run(name, stack, screen))
    for one in reports:
        screen.plain(f"report            {one.stored.page if one.stored else 'not written'}")
    told = name not in _BREAKAGES or bool(reports[-1].stored and reports[-1].stored.changes)
    return 0 if told and all(one.stored for one in reports) else 1


async def _run(name: CheckName, stack: Stack, screen: Screen) -> CheckReport:
    """Through Temporal, as its schedule and `starter.py check` do."""
    screen.line(f"CHECK     python starter.py check {name} --now")
    client = await Client.connect(stack.temporal.address, data_converter=pydantic_data_converter)
    report: CheckReport = await client.execute_workflow(
        CHECKS[name].__name__,
        CheckRequest(name=name, by="demo"),
        id=check_id(name),
        task_queue=TASK_QUEUE,
        result_type=CheckReport,
    )
    for one in report.items:
        screen.line(f"  {one.found.state.symbol} {one.found.state:<9} {one.name}: {one.found.reason}")
    for change in report.stored.changes if report.stored else ():
        screen.line(f"  changed: {change}")
    screen.line(f"FOUND     {counted(report)}")
    return report


async def _until_measured(stack: Stack) -> None:
    """Prometheus must have something to say."""

    async def not_yet() -> str:
        assert stack.prometheus is not None
        known = await stack.prometheus.value(P95) is not None
        return "" if known else "there is no p95 yet"

    await until("the first figures", not_yet, within=30)


async def _stop_backend(stack: Stack, _: CheckSurroundings) -> None:
    await stack.services.stop_service(BACKEND)
    await stack.services.ended(BACKEND)


async def _truncate(_: Stack, checked: CheckSurroundings) -> None:
    await checked.change_dashboard(panels=2)
    newest = checked.newest_backup()
    content = newest.read_bytes()
    newest.write_bytes(content[: len(content) // 2])


_BREAKAGES: dict[CheckName, tuple[str, Callable[[Stack, CheckSurroundings], Awaitable[None]]]] = {
    CheckName.DAILY: ("the backend is stopped", _stop_backend),
    CheckName.WEEKLY: (
        "the newest backup is cut off in the middle, and somebody changes a dashboard",
        _truncate,
    ),
}
