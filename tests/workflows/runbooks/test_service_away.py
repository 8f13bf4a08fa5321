"""What asks the application, or its metrics, waits for ServiceDown while nobody answers."""

from __future__ import annotations

import inspect

import pytest

from activities.app.api import Refused
from activities.monitoring.heap_shape import Shape, Trend
from models.evidence.evidence import Evidence, Finding
from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.harness import Harness
from tests.workflows.sights import LONG_AGO
from workflows.diagnosis import looks
from workflows.diagnosis.look import Look
from workflows.incident.runbook import Runbook
from workflows.runbooks.any_alert import AnyAlert
from workflows.runbooks.classes import RUNBOOKS

JUDGED_BY: tuple[Look[Evidence], ...] = (
    looks.costs,
    looks.errors,
    looks.growth,
    looks.last_sync,
    looks.last_video,
    looks.latency,
    looks.memory,
    looks.revenue,
)


def asks(runbook: type[Runbook]) -> bool:
    """Whether its page judges by what the application or its metrics say."""
    page = inspect.getsource(inspect.getmodule(runbook) or runbook)
    return any(f"looks.{look.name}" in page for look in JUDGED_BY)


ASKING = [one.__name__ for one in RUNBOOKS if asks(one) and one is not AnyAlert]
"""An alert without a runbook judges nothing."""


@pytest.mark.parametrize("runbook", ASKING)
async def test_nothing_can_be_judged_while_the_service_is_down(harness: Harness, runbook: str) -> None:
    """It is healed in its own incident; then this one looks again, and is over here."""
    world = harness.world
    world.health, world.process = sights.REFUSED, sights.crashed(LONG_AGO)
    for look in JUDGED_BY:
        refused = {"refused": Refused.NO_ANSWER} if "refused" in look.result.model_fields else {}
        silent = look.result(reason="connection refused", observed_at=LONG_AGO, **refused)
        setattr(world, look.name, silent)
        steady = {"trend": Trend(shape=Shape.STEADY)} if "trend" in look.result.model_fields else {}
        well = look.result(finding=Finding.OK, reason="well", observed_at=LONG_AGO, **steady)
        world.after[look.name] = well
    review = await harness.end(await harness.fire(await harness.alert(runbook)))
    assert any("started ServiceDown/backend" in one.text for one in review.timeline)
    assert (review.outcome, world.done) == (Outcome.SELF_RECOVERED, ["start backend"])
