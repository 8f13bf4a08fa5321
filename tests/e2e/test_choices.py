"""A person chooses one of several plans: in the Temporal UI, on the command line, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from demo.parts.waiting import until
from demo.systems.product import Intake, command
from demo.systems.temporal import Temporal
from models.configuration.configuration import Configuration
from models.incident.alert import Alert
from models.incident.incident import IncidentState, Outcome, PendingApproval
from models.incident.review import Review
from models.incident.stewardship import StewardState
from models.names import TASK_QUEUE, steward_id
from runtime.search_attributes import register_search_attributes
from tests.e2e.pages import IncidentPage
from tests.parts.product.intake import ANNA, environment
from tests.parts.product.intake import CONFIGURATION as INTAKE
from tests.parts.product.pipeline import Run
from tests.workflows.choosing import Choosing
from tests.workflows.configuration import CONFIGURATION
from tests.workflows.harness import hosted
from tests.workflows.world import World
from workflows.runbooks.classes import WORKFLOWS
from workflows.runbooks.registry import NAMES

pytest_plugins = ["tests.parts.servers.browser"]

START, RESTART, DEGRADE = (
    "start backend",
    "restart backend",
    "degrade backend gracefully while openai is down",
)


@dataclass
class Asking:
    """An incident of a real Temporal that lets a person choose, in a scripted world."""

    temporal: Temporal
    world: World
    client: Client
    run: Run
    awaiting: PendingApproval

    async def review(self) -> Review:
        return await asyncio.wait_for(self.run.result(), timeout=30)

    def option(self, says: str) -> str:
        return next(one.digest for one in self.awaiting.options if one.plan.says == says)


@pytest.fixture(scope="module")
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Temporal]:
    async with Temporal(tmp_path_factory.mktemp("temporal")) as server:
        yield server


@pytest.fixture
async def asking(temporal: Temporal) -> AsyncIterator[Asking]:
    client = await Client.connect(temporal.address, data_converter=pydantic_data_converter)
    await register_search_attributes(client)
    world, configuration = World(), Configuration.of(CONFIGURATION, NAMES)
    async with hosted(client, world, lambda: configuration, workflows=(*WORKFLOWS, Choosing)):
        run: Run = await client.start_workflow(
            Choosing.__name__,
            Alert(name="ServiceDown", service="backend", starts_at=datetime.now(UTC)),
            id="ServiceDown/backend",
            task_queue=TASK_QUEUE,
            result_type=Review,
        )
        asked: list[PendingApproval] = []

        async def not_yet() -> str:
            state: IncidentState = await run.query("state", result_type=IncidentState)
            asked.extend([state.awaiting] if state.awaiting else [])
            return "" if asked else state.phase

        await until("a question", not_yet, within=30)
        handle = client.get_workflow_handle(run.id, run_id=run.first_execution_run_id, result_type=Review)
        yield Asking(temporal, world, client, handle, asked[-1])
        with suppress(RPCError):  # it is over, if the test went well
            await handle.terminate("next test")
        await client.get_workflow_handle(steward_id("backend")).signal("unblock")  # a denial stands otherwise


async def test_the_recommended_one_is_taken_with_the_mouse(asking: Asking, page: Page) -> None:
    incident = IncidentPage(page, asking.temporal.ui, asking.run)
    await incident.open("user-metadata")
    shown = await incident.shows(asking.awaiting.digest)
    await incident.keep("choice-asks")
    for option in asking.awaiting.options:
        (step,) = option.plan.steps
        for words in (option.digest, step.says, step.changes, step.undo):
            assert words in shown
    assert f"{asking.awaiting.digest} (safe), recommended" in shown
    await incident.choose_signal("approve")
    await incident.submit()
    review = await asking.review()
    assert asking.world.done == [START]
    assert review.performed[0].approved_by == "somebody in the Temporal UI (raw)"


async def test_another_one_is_taken_by_its_digest(asking: Asking, page: Page) -> None:
    incident = IncidentPage(page, asking.temporal.ui, asking.run)
    await incident.open("timeline")
    await incident.choose_signal("approve")
    await incident.enter(f'"{asking.option(RESTART)}"')
    await incident.keep("choice-approve")
    await incident.submit()
    review = await asking.review()
    assert asking.world.done == [RESTART]
    assert review.performed[0].instead_of[0] == f"{START} (plan {asking.awaiting.digest})"


async def test_all_are_refused_with_the_mouse(asking: Asking, page: Page) -> None:
    incident = IncidentPage(page, asking.temporal.ui, asking.run)
    await incident.open("timeline")
    await incident.choose_signal("deny")
    await incident.submit()
    await incident.open("user-metadata")
    await incident.shows(f"denied: {START}; or {RESTART}; or {DEGRADE}")
    assert asking.world.done == []
    await asking.run.signal("done")
    await asking.review()


async def test_a_cancellation_with_the_mouse_withdraws_the_question(asking: Asking, page: Page) -> None:
    incident = IncidentPage(page, asking.temporal.ui, asking.run)
    await incident.open("timeline")
    await incident.cancel()
    review = await asking.review()
    assert (review.outcome, asking.world.done) == (Outcome.CANCELLED, [])
    steward = asking.client.get_workflow_handle(steward_id("backend"))
    assert (await steward.query("state", result_type=StewardState)).holder is None
    assert asking.world.reviews[-1].outcome is Outcome.CANCELLED


async def test_the_command_line_shows_all_and_takes_the_one_that_is_named(
    asking: Asking, tmp_path: Path
) -> None:
    config = tmp_path / "runbooks.yaml"
    config.write_text(INTAKE)

    async def types(*words: str) -> str:
        variables = environment(asking.temporal.address)
        done = await asyncio.to_thread(command, *words, config=config, environment=variables)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    for words in (("show", asking.run.id), ("show", asking.run.id, "--json")):
        shown = await types(*words)
        for option in asking.awaiting.options:
            assert option.digest in shown
            assert option.plan.steps[0].changes in shown
    watching = asyncio.create_task(types("watch", asking.run.id))
    await asyncio.sleep(0)  # it begins to watch before the answer
    said = await types("approve", asking.run.id, "--plan", asking.option(RESTART), "--by", "anna", "--yes")
    assert f"Approved plan {asking.option(RESTART)}" in said
    await asking.review()
    assert asking.world.done == [RESTART]
    assert "not the recommended one" in await watching


async def test_over_http_a_person_takes_the_one_that_is_named(asking: Asking, tmp_path: Path) -> None:
    config = tmp_path / "runbooks.yaml"
    config.write_text(INTAKE)
    variables = {**environment(asking.temporal.address), "RUNBOOKS_INTAKE_TOKEN": "sender-0123456789"}
    async with (
        Intake(tmp_path, config=config, environment=variables) as intake,
        httpx.AsyncClient(base_url=intake.url, headers={"Authorization": f"Bearer {ANNA}"}) as http,
    ):
        state: dict[str, Any] = (await http.get(f"/incidents/{asking.run.id}")).json()
        options = [state["awaiting"], *state["awaiting"]["others"]]
        assert [(one["plan"]["steps"][0]["kind"], one["risk"], one["recommended"]) for one in options] == [
            ("start-service", "safe", True),
            ("restart-service", "guarded", False),
            ("degrade", "guarded", False),
        ]
        assert [step["undo"] for one in options for step in one["steps"]] == [
            "stop backend",
            "",
            "automatic, when openai is healthy again",
        ]
        taken = {"verdict": "approve", "plan": options[1]["digest"]}
        decided = await http.post(f"/incidents/{asking.run.id}/decide", json=taken)
        assert decided.json()["accepted"], decided.text
    await asking.review()
    assert asking.world.done == [RESTART]
