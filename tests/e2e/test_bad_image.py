"""A bad image in a real engine: the rule fires, a person approves with the mouse, it is rolled back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docker
import pytest
from playwright.async_api import Page

from demo.faults import FAULTS
from demo.observed import RATIO, THRESHOLD
from demo.parts.loopback import is_installed
from demo.stack import Stack
from demo.systems.compose import ComposedServices
from demo.systems.services import BACKEND
from models.incident.incident import Outcome, Through
from models.names import incident_id
from tests.e2e.engine import container_of
from tests.e2e.pages import IncidentPage
from tests.parts.product.pipeline import Pipeline, said
from tests.parts.requirements import missing

pytest_plugins = ["tests.parts.servers.browser"]

HIGH_ERROR_RATE = incident_id("HighErrorRate", BACKEND)


@pytest.fixture
async def observed(containers: None, tmp_path: Path) -> AsyncIterator[Pipeline]:
    """A container among users, with a real Prometheus, its rules, and a real Alertmanager."""
    for program, package in (("prometheus", "prometheus"), ("prometheus-alertmanager", "Alertmanager")):
        if not is_installed(program):
            missing(f"{package} is not installed: apt-get install {program}")
    services = ComposedServices(tmp_path)
    async with Stack(tmp_path, services, stable_for="5s", monitored=True, observed=True) as stack:
        yield await Pipeline.of(stack)


def patient(content: dict[str, Any]) -> None:
    """A busy machine may take its time to agree that it is over."""
    content["alerts"]["HighErrorRate"]["thresholds"]["source_agrees_within"] = "90s"


async def test_a_bad_image_is_rolled_back_as_approved_with_the_mouse(
    observed: Pipeline, docker_engine: docker.DockerClient, page: Page
) -> None:
    stack, services = observed.stack, observed.stack.services
    assert services.surroundings is not None
    observed.configure(patient)
    container = container_of(stack, BACKEND)
    good = docker_engine.containers.get(container).attrs["Config"]["Image"]
    since = datetime.now(UTC)

    async with FAULTS["bad-deployment"].inject(services):
        bad = docker_engine.containers.get(container).attrs["Config"]["Image"]
        run = await observed.run_of(HIGH_ERROR_RATE, since, within=90)
        asking = await observed.until_state(run, "a question", lambda state: state.awaiting is not None)
        assert asking.awaiting is not None
        assert asking.awaiting.plan.says == f"roll backend back from {bad} to {good}"

        incident = IncidentPage(page, stack.temporal.ui, run)
        await incident.open("timeline")
        await incident.shows("asks again for a decision on plan")
        await incident.choose_signal("approve")
        await incident.submit()
        review = await observed.review(run, within=150)

    assert (review.cause, review.outcome) == ("bad deployment", Outcome.RESOLVED), review.summary
    (performed,) = review.performed
    assert [step.kind for step in performed.plan.steps] == ["roll-back"]
    assert docker_engine.containers.get(container).attrs["Config"]["Image"] == good
    ratio = await services.surroundings.prometheus.value(RATIO)
    assert ratio is not None
    assert ratio < THRESHOLD
    (approved,) = said(review.timeline, f"approve of plan {asking.awaiting.digest}")
    assert approved.through is Through.TEMPORAL_UI
    (resolved,) = said(review.timeline, "the alert is resolved")
    assert resolved.by == "alertmanager"
    assert resolved.at > performed.finished_at
    assert "new since the deployment" in {one.name: one.reason for one in review.evidence}["issues"]
    await incident.open("timeline")
    await incident.shows("post-incident review")
    await incident.keep("bad-image-timeline")
