"""The frame of every check: whatever one item does, the others are seen and the report comes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from temporalio import activity
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError, CancelledError

from models.checks.bounds import REPORT_LIMIT
from models.checks.item import ItemResult, ItemState, StartedRunbook, StartRunbook
from tests.workflows.checks.frame import FrameCheck
from tests.workflows.checks.stage import item, stage
from workflows.checks.check import AT_ONCE
from workflows.checks.starting import MOST_STARTED

WELL = ItemResult(state=ItemState.OK, reason="all is well")


@dataclass
class Scripted:
    """What the items of a check find, and what becomes of what they start."""

    long: bool = False
    running: int = 0
    most: int = 0
    open_already: set[str] = field(default_factory=set)
    started: list[StartRunbook] = field(default_factory=list)
    hanging: asyncio.Event = field(default_factory=asyncio.Event)

    @activity.defn
    async def look(self, name: str) -> ItemResult:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            return await self._found(name)
        finally:
            self.running -= 1

    async def _found(self, name: str) -> ItemResult:
        if name.startswith("fails"):
            raise ApplicationError("the look itself is broken")
        if name.startswith("hangs"):
            self.hanging.set()
            await asyncio.sleep(3)
        if name in ("unknown", "attention"):
            return ItemResult(state=ItemState(name), reason="who knows", services=(name,))
        if name.startswith("bad"):
            return ItemResult(
                state=ItemState.BAD, reason="it is down", services=(name.removesuffix("-again"),)
            )
        await asyncio.sleep(0.01)  # so that looks that are begun together run together
        if self.long:
            return WELL.model_copy(update={"reason": "x" * 5_000, "details": ("y" * 500,) * 60})
        return WELL

    @activity.defn
    async def start_incident(self, request: StartRunbook) -> StartedRunbook:
        self.started.append(request)
        incident = f"{request.alert}/{request.service}"
        if request.service == "bad-refused":
            raise ApplicationError("Temporal refuses it", non_retryable=True)
        open_already = incident in self.open_already
        return StartedRunbook(incident=incident, started=not open_already, open_already=open_already)


@pytest.fixture
def scripted() -> Scripted:
    return Scripted()


async def test_no_item_hides_another(scripted: Scripted) -> None:
    async with stage([FrameCheck], [scripted.look]) as here:
        here.services("well", "fails", "hangs", "has-a-bug", "waits", "elsewhere", "well-too")
        report = await here.check(FrameCheck)
    assert [one.name for one in report.items] == [
        f"health of {name}" for name in here.configuration().services
    ]
    assert [one.found.state for one in report.items] == ["ok", *["unknown"] * 5, "ok"]
    assert "the look itself is broken" in item(report, "health of fails").found.reason
    assert item(report, "health of hangs").found.reason == "no answer within 2 s"
    assert "TypeError: what cannot be added" in item(report, "health of has-a-bug").found.reason
    assert item(report, "health of waits").found.reason == "no answer within 2 s"
    assert "no worker of its host took it" in item(report, "health of elsewhere").found.reason
    assert report.state is ItemState.UNKNOWN


async def test_a_check_that_is_cancelled_ends(scripted: Scripted) -> None:
    async with stage([FrameCheck], [scripted.look]) as here:
        here.services("hangs", "well")
        handle = await here.start(FrameCheck)
        await asyncio.wait_for(scripted.hanging.wait(), 20)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
    assert isinstance(failed.value.cause, CancelledError)
    assert not here.written


async def test_a_policy_that_cannot_be_taken_is_reported(scripted: Scripted) -> None:
    async with stage([FrameCheck], [scripted.look]) as here:
        here.content = {"services": {"backend": {"manager": "none"}}}
        report = await here.check(FrameCheck)
    (only,) = report.items
    assert (only.name, only.found.state) == ("configuration", ItemState.UNKNOWN)
    assert "could not be read" in only.found.reason


async def test_items_that_cannot_be_told_are_reported(scripted: Scripted) -> None:
    async with stage([FrameCheck], [scripted.look]) as here:
        here.services("no-items")
        report = await here.check(FrameCheck)
    assert "LookupError: the items cannot be told" in item(report, "configuration").found.reason


async def test_hundreds_of_services_neither_flood_the_worker_nor_the_report(scripted: Scripted) -> None:
    scripted.long = True
    async with stage([FrameCheck], [scripted.look]) as here:
        here.services(*(f"service-{place}" for place in range(300)), "bad-one", port=3000)
        report = await here.check(FrameCheck)
    assert 1 < scripted.most <= AT_ONCE
    assert len(report.model_dump_json()) <= REPORT_LIMIT + 1_000
    assert len(report.items) == 301
    assert report.state is ItemState.BAD
    assert item(report, "health of bad-one").found.reason == "it is down"


async def test_a_bad_item_starts_its_runbook_and_nothing_else_does(scripted: Scripted) -> None:
    scripted.open_already = {"ServiceDown/bad-two"}
    async with stage([FrameCheck], [scripted.look, scripted.start_incident]) as here:
        here.services("bad-one", "fails", "unknown", "attention", "well", "bad-two", "bad-refused")
        here.content |= {"alerts": {"ServiceDown": {}}, "checks": {"start": {"health": "ServiceDown"}}}
        report = await here.check(FrameCheck)
    assert [one.service for one in scripted.started] == ["bad-one", "bad-two", "bad-refused"]
    assert [one.because for one in scripted.started][:1] == ["health of bad-one: it is down"]
    assert len({one.key for one in scripted.started}) == 3
    assert item(report, "health of bad-one").started == ("ServiceDown/bad-one",)
    second = item(report, "health of bad-two")
    assert (second.started, second.open_already) == ((), ("ServiceDown/bad-two",))
    assert second.found.details == ("ServiceDown/bad-two is open already",)
    assert "was not started: Temporal refuses it" in item(report, "health of bad-refused").found.details[0]


async def test_an_incident_that_was_open_is_named_by_every_item_that_would_begin_it(
    scripted: Scripted,
) -> None:
    scripted.open_already = {"ServiceDown/bad"}
    async with stage([FrameCheck], [scripted.look, scripted.start_incident]) as here:
        here.services("bad", "bad-again")
        here.content |= {"alerts": {"ServiceDown": {}}, "checks": {"start": {"health": "ServiceDown"}}}
        report = await here.check(FrameCheck)
    assert len(scripted.started) == 1
    assert [one.open_already for one in report.items] == [("ServiceDown/bad",)] * 2


async def test_a_fault_of_everything_does_not_start_everything(scripted: Scripted) -> None:
    async with stage([FrameCheck], [scripted.look, scripted.start_incident]) as here:
        here.services(*(f"bad-{place}" for place in range(MOST_STARTED + 5)))
        here.content |= {"alerts": {"ServiceDown": {}}, "checks": {"start": {"health": "ServiceDown"}}}
        report = await here.check(FrameCheck)
    assert len(scripted.started) == MOST_STARTED
    last = report.items[-1]
    assert "was not started: this check has started 20 already" in last.found.details[0]


async def test_nothing_is_started_without_a_word_in_the_configuration(scripted: Scripted) -> None:
    async with stage([FrameCheck], [scripted.look, scripted.start_incident]) as here:
        here.services("bad-one")
        report = await here.check(FrameCheck)
    assert not scripted.started
    assert report.state is ItemState.BAD


async def test_the_temporal_ui_shows_what_was_found(scripted: Scripted) -> None:
    async with stage([FrameCheck], [scripted.look]) as here:
        here.services("bad-one", "well")
        handle = await here.start(FrameCheck)
        await handle.result()
        metadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    assert metadata.current_details.startswith("**2 of 2 items** looked at")
    assert "**bad** health of bad-one: it is down" in metadata.current_details
