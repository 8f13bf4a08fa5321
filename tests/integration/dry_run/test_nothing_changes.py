"""A dry run on the demo's stack: what it would act on is compared before and after, a cause for each kind
of action."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from demo.parts.docker_engine import engine
from demo.systems.compose import ComposedServices
from demo.systems.services import BACKEND, POSTGRES, Services
from demo.systems.supervisor import SupervisedServices
from demo.webhook import Firing
from models.incident.dry_run import Answer
from models.incident.incident import Decided, IncidentState, Outcome, Spoken, Through, Verdict
from models.incident.review import Review
from tests.parts.product.pipeline import Pipeline
from tests.parts.product.signing import by, signed, signer_of, tell
from tests.parts.scenarios.play import broken
from tests.parts.scenarios.scenario import Scenario
from tests.parts.scenarios.stage import Stage
from tests.scenarios.tables import SCENARIOS

CAUSES = {
    "supervisord": (
        ("ServiceDown", "port conflict"),
        ("DatabaseConnectionFailure", "connection limit"),
        ("DatabaseConnectionFailure", "pool exhausted"),
        ("DatabaseConnectionFailure", "hung"),
    ),
    "docker": (("ServiceDown", "out of memory, by the kernel's word"),),
}
KEPT = (".yaml", ".yml", ".env", ".json", ".conf", ".ini", ".sh")
CHANGES = {"start", "restart", "stop", "kill", "update", "pause", "unpause", "create", "destroy", "rename"}
OWN = ("reviews", "temporal", "state")
MOMENT = 1.5
"""Seconds in which what was asked for would be seen."""


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as parts:
        yield Stage(tmp_path_factory.mktemp("d"), parts)


@pytest.mark.parametrize("stack", CAUSES)
async def test_nothing_is_changed_and_the_review_says_what_would_be(stage: Stage, stack: str) -> None:
    pipeline = None
    for runbook, name in CAUSES[stack]:
        scenario = _dry(
            next(one for one in SCENARIOS if (one.stack, one.runbook, one.name) == (stack, runbook, name))
        )
        pipeline = await stage.set_for(scenario)
        async with broken(scenario, pipeline):
            review, before, after = await _played(scenario, pipeline)
        assert before == after, name
        assert review.outcome is Outcome.DRY_RUN
        assert review.dry_run
        kinds = [step.kind for one in review.performed for step in one.plan.steps]
        assert kinds[: len(scenario.action)] == list(scenario.action), review.summary
        answer = Answer.APPROVED if scenario.approved_by else Answer.POLICY
        assert review.dry_run.planned[0].answer is answer
        assert not any(one.done for one in review.performed)
    assert pipeline
    await _is_reported(pipeline, [runbook for runbook, _ in CAUSES[stack]])


def _dry(scenario: Scenario) -> Scenario:
    def configure(content: dict[str, Any]) -> None:
        scenario.configure(content)
        content["dry_run"] = True

    return replace(scenario, configure=configure)


async def _played(scenario: Scenario, pipeline: Pipeline) -> tuple[Review, Any, Any]:
    """The review, and what the action would have changed, before and after it was recorded."""
    services, began = pipeline.stack.services, datetime.now(UTC)
    before = await _everything(pipeline, services, began)
    run = await pipeline.fire(Firing(began, scenario.runbook, scenario.service, scenario.labels))
    for person in scenario.approved_by:
        state = await pipeline.until_state(run, "a question", lambda one: one.awaiting is not None)
        assert state.awaiting
        decision = await signed(
            run, by(person, state.awaiting.digest), Verdict.APPROVE, signer_of(pipeline.stack)
        )
        decided: Decided = await run.execute_update("decide", decision, result_type=Decided)
        assert decided.accepted, decided.reason
    state = await pipeline.until_state(run, "a recorded plan", _has_recorded)
    await asyncio.sleep(MOMENT)
    after = await _everything(pipeline, services, began)
    assert "dry run" in state.timeline[1].text
    seen = Spoken(by="anna", through=Through.INTAKE, text="seen")
    await tell(run, "done", seen, signer_of(pipeline.stack))
    return await pipeline.review(run), before, after


def _has_recorded(state: IncidentState) -> bool:
    return any(one.dry_run for one in state.performed)


async def _everything(pipeline: Pipeline, services: Services, since: datetime) -> Any:
    files = await asyncio.to_thread(_files, pipeline.stack.directory)
    return files, await _processes(services), await _database(services), _events(services, since)


def _files(directory: Path) -> dict[str, str]:
    """What is not the product's own, by its content."""
    found = (
        path
        for path in directory.rglob("*")
        if path.suffix in KEPT or path.name == ".env"
        if not set(path.relative_to(directory).parts) & set(OWN)
    )
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in found if path.is_file()}


async def _processes(services: Services) -> Any:
    if isinstance(services, SupervisedServices):
        told = await services.supervisord.ask("getAllProcessInfo")
        return [(one["name"], one["statename"], one["pid"], one["start"]) for one in told]
    assert isinstance(services, ComposedServices)
    return await asyncio.to_thread(_containers, services)


def _containers(services: ComposedServices) -> list[Any]:
    with engine() as client:
        seen = [client.api.inspect_container(services.container_of(name)) for name in (BACKEND, POSTGRES)]
    return [(one["Id"], one["State"]["StartedAt"], one["HostConfig"]["Memory"]) for one in seen]


def _events(services: Services, since: datetime) -> list[str]:
    """What the engine was asked to do with the two containers, from then on."""
    if not isinstance(services, ComposedServices):
        return []
    names = {services.container_of(BACKEND), services.container_of(POSTGRES)}
    with engine() as client:
        told = client.events(since=since, until=datetime.now(UTC), decode=True, filters={"type": "container"})
        every = [json.loads(json.dumps(one)) for one in told]
    later = (one for one in every if one["timeNano"] >= since.timestamp() * 1e9)  # the engine counts seconds
    ours = (one for one in later if one["Actor"]["Attributes"].get("name") in names)
    return [one["Action"] for one in ours if one["Action"] in CHANGES]


async def _database(services: Services) -> Any:
    """Its start, its settings, and the sessions of others; None where it does not answer."""
    try:
        async with asyncio.timeout(3), services.cluster.superuser() as session:
            started = await session.fetchval("SELECT pg_postmaster_start_time()")
            limit = await session.fetchval("SHOW max_connections")
            idle = await session.fetch(
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'reports' ORDER BY pid"
            )
    except (OSError, TimeoutError):
        return None
    return started, limit, [one["pid"] for one in idle]


async def _is_reported(pipeline: Pipeline, runbooks: list[str]) -> None:
    """`starter.py dry-runs` finds them all, by Temporal's own list."""
    reported: dict[str, Any] = {}
    for _ in range(40):  # its list follows a moment later
        done = await asyncio.to_thread(pipeline.stack.command, "dry-runs", "--since", "1h", "--json")
        assert done.returncode == 0, done.stderr
        reported = json.loads(done.stdout)
        if len(reported["ended"]) >= len(runbooks):
            break
        await asyncio.sleep(0.5)
    assert sorted(one["runbook"] for one in reported["ended"]) == sorted(runbooks)
    assert reported["open"] == []
    text = await asyncio.to_thread(pipeline.stack.command, "dry-runs", "--since", "1h")
    assert f"{len(runbooks)} dry run" in text.stdout
