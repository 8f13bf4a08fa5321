"""`make demo`'s crash within a maintenance window, with real containers, and a worker that dies meanwhile."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from demo.faults import FAULTS
from demo.systems.services import BACKEND
from demo.webhook import Firing
from models.incident.incident import IncidentState, Outcome
from tests.e2e.engine import Events, container_of
from tests.parts.product.pipeline import Pipeline, said


async def typed(pipeline: Pipeline, *words: str) -> str:
    done = await asyncio.to_thread(pipeline.stack.command, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.fault
async def test_a_crash_within_a_window_is_looked_at_and_repaired_at_its_end(
    pipeline: Pipeline, engine_events: Events
) -> None:
    """The first rung would be paged after a second: the worker's death alone takes longer."""

    def page_soon(content: dict[str, Any]) -> None:
        content["page_after"] = "1s"

    pipeline.configure(page_soon)
    stack, since = pipeline.stack, datetime.now(UTC)
    container = container_of(stack, BACKEND)

    async def happened() -> list[str]:
        seen = await asyncio.to_thread(engine_events.of, container, since)
        return [event for event in seen if event in ("die", "start")]

    window = await typed(
        pipeline, "maintenance", "start", "--service", BACKEND, "--for", "1h", "--why", "new disks"
    )
    async with FAULTS["crash"].inject(stack.services):
        run = await pipeline.fire(Firing(since))
        state = await pipeline.until_state(run, "paused", looked_at)
        await stack.worker.kill()
        await stack.worker.start()
        state = await pipeline.until_state(run, "paused still", looked_at)
        assert state.paused.startswith("maintenance of backend until ")
        assert state.paused.endswith(": new disks")
        assert await happened() == ["die"]
        assert (state.rung, said(state.timeline, "page")) == ("", [])

        (name,) = re.findall(r"maintenance end (\S+)", window)
        await typed(pipeline, "maintenance", "end", name)
        review = await pipeline.review(run, within=90)

    assert (review.cause, review.outcome) == ("crash", Outcome.RESOLVED)
    assert await happened() == ["die", "start"]
    assert len(said(review.timeline, "cause: crash")) == 2, "judged in the window, and afresh at its end"


def looked_at(state: IncidentState) -> bool:
    return bool(state.cause and state.paused)
