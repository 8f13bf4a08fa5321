"""A schedule of somebody else under our ID, whose memo nobody here can read."""

from __future__ import annotations

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Schedule, ScheduleActionStartWorkflow, ScheduleSpec

from console.checks.scheduled import Schedules
from models.configuration.configuration import Configuration
from runtime.schedules import Change, apply
from tests.parts.product.intake import TemporalServer


@pytest.mark.parametrize("key", ["runbooks", "theirs"])
async def test_it_is_left_alone_and_holds_up_no_other(temporal: TemporalServer, key: str) -> None:
    client = await temporal.client()
    unread = Payload(metadata={"encoding": b"binary/theirs"}, data=b"\xff")
    action = ScheduleActionStartWorkflow("Theirs", id="theirs", task_queue="theirs")
    theirs = await client.create_schedule("check/daily", Schedule(action, ScheduleSpec()), memo={key: unread})
    try:
        done = {one.id: one.change for one in await apply(client, Configuration())}
        assert done["check/daily"] is Change.REFUSED
        assert Change.REFUSED not in (done["check/weekly"], done["check/monthly"])
        assert [one.ours for one in await Schedules(client).list()] == [False, True, True]
    finally:
        await theirs.delete()
