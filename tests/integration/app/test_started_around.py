"""What the application's Temporal started around a moment."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.memory.started_around import StartedAround, StartedAroundActivities, StartedSeen
from models.service.service import Service
from tests.integration.app.videos import Wait, service_with


async def around(service: Service, at: datetime) -> StartedSeen:
    request = StartedAround(service=service, at=at)
    return await ActivityEnvironment().run(StartedAroundActivities().started_around, request)


async def test_what_was_started_then_is_named_and_what_was_not_is_not(application: Client) -> None:
    service, name = service_with(application), f"import-{uuid.uuid4()}"
    handle = await application.start_workflow(Wait.run, id=name, task_queue="nobody")
    now = datetime.now(UTC)
    async with asyncio.timeout(60):
        while name not in (seen := await around(service, now)).reason:  # noqa: ASYNC110 - eventual
            await asyncio.sleep(0.1)
    assert (seen.ok, seen.types[0].type) == (True, "Wait")
    assert "StartTime" in seen.link
    earlier = await around(service, now - timedelta(hours=1))
    assert (earlier.ok, earlier.reason) == (True, "no workflow was started then")
    await handle.terminate()


async def test_without_a_temporal_nobody_knows() -> None:
    service = Service.model_validate({"name": "a", "manager": {"kind": "docker", "container": "a"}})
    assert (await around(service, datetime.now(UTC))).unknown
    away = service.model_copy(update={"temporal": service_away().temporal})
    assert (await around(away, datetime.now(UTC))).unknown


def service_away() -> Service:
    return Service.model_validate(
        {
            "name": "a",
            "manager": {"kind": "docker", "container": "a"},
            "temporal": {"address": "127.0.0.1:1"},
        }
    )
