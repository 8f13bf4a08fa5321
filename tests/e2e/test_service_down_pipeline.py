"""From the broken container to the review: Prometheus sees it, Alertmanager tells, the runbook heals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import docker
import psutil
import pytest

from demo.faults import FAULTS
from demo.systems.services import BACKEND, POSTGRES
from models.actions.service import KillProcess
from models.incident.incident import Outcome
from models.incident.review import Review
from models.names import DATABASE_CONNECTION_FAILURE, incident_id
from tests.e2e.engine import Events, container_of, memory_limit
from tests.parts.product.pipeline import SERVICE_DOWN, Pipeline, said


@dataclass(frozen=True)
class Row:
    """One cause: the fault that has it, the steps of its fix, and all that the engine saw."""

    fault: str
    done: tuple[str, ...]
    engine: tuple[str, ...]
    memory: float = 1
    """The memory limit afterwards, as a multiple of the one before."""


ROWS = (
    Row("crash", done=("start-service",), engine=("die", "start")),
    Row("hang", done=("restart-service",), engine=("die", "start")),
    Row(
        "out-of-memory",
        done=("raise-memory-limit", "start-service"),
        engine=("oom", "die", "update", "start"),
        memory=1.5,
    ),
    Row("port-taken", done=("kill-process", "start-service"), engine=("die", "start", "die", "start")),
)
DATABASE_LOST = incident_id(DATABASE_CONNECTION_FAILURE, POSTGRES)
TOLD = ("oom", "die", "update", "start")


@pytest.mark.scenario
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.fault)
async def test_from_the_rule_to_the_review(
    monitored: Pipeline, docker_engine: docker.DockerClient, engine_events: Events, row: Row
) -> None:
    services, fault = monitored.stack.services, FAULTS[row.fault]
    container = container_of(monitored.stack, BACKEND)
    limit = memory_limit(docker_engine, container)
    since = datetime.now(UTC)

    async with monitored.broken_by(fault):
        run = await monitored.run_of(SERVICE_DOWN, since)
        if fault.asks:
            await monitored.approve(run, by="anna")
        review = await monitored.review(run)
        assert not await services.backend.is_healthy()
        assert memory_limit(docker_engine, container) == row.memory * limit
        assert not any(psutil.pid_exists(pid) for pid in owners_of_the_port(review))

    assert (review.cause, review.outcome) == (fault.cause, Outcome.RESOLVED)
    assert review.alert.labels["instance"] in services.backend.url, "Prometheus raised it by its own sight"
    assert [one.by for one in said(review.timeline, "the alert is resolved")] == ["alertmanager"]
    assert not review.remarks, "the alert's source agreed"
    assert tuple(step.kind for one in review.performed for step in one.plan.steps) == row.done
    assert [one.approved_by.endswith("(as anna)") for one in review.performed] == [fault.asks]
    happened = engine_events.of(container, since)
    assert tuple(event for event in happened if event in TOLD) == row.engine
    assert f"The cause is **{fault.cause}**" in await monitored.stored_review(run)


@pytest.mark.scenario
async def test_a_lost_database_is_healed_first_in_its_own_incident(
    monitored: Pipeline, engine_events: Events
) -> None:
    services, fault = monitored.stack.services, FAULTS["database-lost"]
    containers = [container_of(monitored.stack, service) for service in (BACKEND, POSTGRES)]
    since = datetime.now(UTC)

    async with monitored.broken_by(fault):
        run = await monitored.run_of(SERVICE_DOWN, since)
        healing = await monitored.run_of(DATABASE_LOST, since)
        healed, review = await monitored.review(healing), await monitored.review(run)
        assert not await services.backend.is_healthy()

    assert (review.cause, review.performed) == (fault.cause, ())
    assert review.outcome in (Outcome.RESOLVED, Outcome.RESOLVED_ELSEWHERE)
    assert said(review.timeline, f"started {DATABASE_LOST}, and waits for its end")
    assert said(review.timeline, "page to dba"), "the DBA is paged at once"
    assert [one.by for one in said(review.timeline, "the alert is resolved")] == ["alertmanager"]
    assert (healed.cause, healed.outcome) == ("down", Outcome.RESOLVED)
    assert healed.alert.fired_by == SERVICE_DOWN
    assert [step.kind for one in healed.performed for step in one.plan.steps] == ["start-service"]
    backend, postgres = (engine_events.of(container, since) for container in containers)
    assert [event for event in postgres if event in TOLD] == ["die", "start"]
    assert not [event for event in backend if event in TOLD], "it came back by itself"


def owners_of_the_port(review: Review) -> list[int]:
    """Whom the runbook killed for the port."""
    steps = [step for one in review.performed for step in one.plan.steps]
    return [step.pid for step in steps if isinstance(step, KillProcess)]
