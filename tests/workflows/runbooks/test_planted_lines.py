"""A text that somebody made the service log, on its own, changes nothing of how the service is set up."""

from __future__ import annotations

import pytest

from activities.service.logs import LogMatch
from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.harness import Harness
from tests.workflows.scenes import failing


async def test_a_planted_line_about_memory_gets_it_started_and_no_more(harness: Harness) -> None:
    limit = {"memory_limit": 256 * sights.MIB}
    harness.world.process = sights.crashed(sights.LONG_AGO).model_copy(update=limit)
    harness.world.logs = sights.log_with("out-of-memory")
    review = await harness.end(await harness.fire(await harness.alert()))
    assert review.outcome is Outcome.RESOLVED
    assert review.cause == "out of memory, by its log alone"
    assert harness.world.done == ["start backend"]
    assert "only a line of its log says that it ran out of memory" in review.performed[0].plan.why
    assert "neither the kernel nor its end speaks for that" in review.why_cause


@pytest.mark.parametrize("said", ["log", "health check"])
async def test_a_planted_word_about_a_provider_asks_before_the_service_is_degraded(
    harness: Harness, said: str
) -> None:
    await failing()(harness)
    if said == "log":
        line = "circuit openai: OPEN"
        match = {"circuit-open": LogMatch(count=1, sample=line)}
        harness.world.logs = sights.log_with("circuit-open").model_copy(
            update={"tail": (line,), "matches": match}
        )
    else:
        harness.world.health = sights.NAMES_PROVIDER
    handle = await harness.fire(await harness.alert("HighErrorRate"))
    state = await harness.until(handle, "awaiting approval")
    assert harness.world.done == []
    assert state.awaiting is not None
    assert "nothing that is measured agrees" in str(state.awaiting)
    await handle.signal("approve")
    review = await harness.end(handle)
    assert (review.cause, review.outcome) == ("external API down", Outcome.RESOLVED)
