"""A person approves a rollback in the Temporal UI, with a mouse and without a word of JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import Page

from demo.faults import FAULTS
from demo.webhook import Firing
from models.incident.incident import Outcome, Through
from tests.e2e.pages import IncidentPage
from tests.parts.product.pipeline import Pipeline, said

pytest_plugins = ["tests.parts.servers.browser"]


def the_first_crash_is_a_loop(content: dict[str, Any]) -> None:
    content["alerts"]["ServiceDown"]["thresholds"]["crash_limit"] = 1


@pytest.mark.scenario
async def test_a_rollback_is_approved_with_the_mouse(pipeline: Pipeline, page: Page) -> None:
    pipeline.configure(the_first_crash_is_a_loop)
    async with FAULTS["crash-loop"].inject(pipeline.stack.services):
        run = await pipeline.fire(Firing(datetime.now(UTC)))
        asking = await pipeline.until_state(run, "a question", lambda state: state.awaiting is not None)
        assert asking.awaiting is not None
        incident = IncidentPage(page, pipeline.stack.temporal.ui, run)

        await incident.open("user-metadata")
        shown = await incident.shows(asking.awaiting.digest)
        await incident.keep("incident-asks")
        for words in ("awaiting approval", "crash loop", asking.awaiting.plan.steps[0].says, "no input"):
            assert words in shown

        await incident.turn_to("Timeline")
        await incident.shows("ask the steward of backend")
        await incident.keep("incident-timeline-open")
        assert "No input is needed" in await incident.choose_signal("approve")
        await incident.keep("incident-approve")
        await incident.submit()
        review = await pipeline.review(run)
        assert not await pipeline.stack.services.backend.is_healthy()

    (approved,) = said(review.timeline, f"approve of plan {asking.awaiting.digest}")
    assert approved.through is Through.TEMPORAL_UI
    assert (review.cause, review.outcome) == ("crash loop", Outcome.RESOLVED)
    assert [step.kind for one in review.performed for step in one.plan.steps] == ["roll-back"]

    await incident.open("timeline")  # the page that was open stops asking before it has the last events
    await incident.shows("COMPLETED")
    assert "backend stays healthy for 5 s" in await incident.shows("post-incident review")
    await incident.keep("incident-timeline-completed")
