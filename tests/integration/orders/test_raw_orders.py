"""Orders that a stranger sends straight to Temporal: nothing of theirs is run, reached, changed or deleted.

A real Temporal with the product's own worker, a real supervisord, real files.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.answers.answers import LookByScript, WatchByScript
from models.actions.change import Perform
from models.actions.plan import LookBack
from models.actions.service import RestartService
from models.incident.stewardship import Remembered
from models.names import TASK_QUEUE, verification_queue_of
from tests.integration.orders.attacks import ATTACKS, clean_up, program, script, settings, touch
from tests.integration.orders.conftest import Stage

REFUSED = ("was not done to", "was not done, for", "was not run, for")
MINUTE = timedelta(minutes=1)
STRANGERS = "of-a-stranger"


def refused(said: str) -> bool:
    """By the worker's own file, or because no steward asks."""
    return any(words in said for words in REFUSED)


@pytest.fixture
def precious(stage: Stage) -> list[str]:
    """Everything that must be there afterwards as it was before."""
    (stage.directory / "precious").mkdir()
    for place in ("precious", "logs"):
        for name in ("old.log", "new.log"):
            (stage.directory / place / name).write_text("POOL=10\n")
    return as_it_is(stage)


def as_it_is(stage: Stage) -> list[str]:
    files = [stage.directory / "web.env", *(stage.directory / "precious").iterdir()]
    files += (stage.directory / "logs").iterdir()
    programs = [f"{name} {stage.process(name)}" for name in ("web", "second", "other")]
    return [*(f"{one} {one.read_text()}" for one in sorted(files)), *programs, *stage.reached]


async def test_whatever_an_order_brings_along_nothing_of_it_is_done(
    stage: Stage, precious: list[str]
) -> None:
    told: dict[str, Remembered] = {}
    for one in ATTACKS:
        order = one.order(stage)
        told[one.brings] = await stage.order(order)
        assert as_it_is(stage) == precious, one.brings
        assert not stage.strangers.exists(), one.brings
    for one in ATTACKS:
        assert not told[one.brings].done, one.brings
        assert refused(told[one.brings].found), one.brings
        assert one.says in told[one.brings].found, one.brings
    assert not stage.ran.exists()


async def test_what_the_configuration_says_is_done(stage: Stage, precious: list[str]) -> None:
    before = as_it_is(stage)
    assert before == precious
    assert (await stage.order(script(stage))).done
    assert stage.ran.exists()
    assert (await stage.order(RestartService(service=stage.backend))).done
    assert (await stage.order(settings(stage, POOL="50"))).done
    assert (stage.directory / "web.env").read_text() == "POOL=50\n"
    assert (await stage.order(clean_up(stage.backend))).done
    assert [one.name for one in (stage.directory / "logs").iterdir()] == ["new.log"]
    second = RestartService(service=stage.configuration().services["second"])
    assert (await stage.order(second, steward="second")).done
    changed = {one.split()[0] for one in set(before).symmetric_difference(as_it_is(stage))}
    assert "other" not in changed


async def test_an_order_from_before_an_edit_is_refused_where_it_matters(stage: Stage) -> None:
    order = RestartService(service=stage.backend)
    started = stage.process("web"), stage.process("other")
    stage.edits = {"manager": program(stage, "other").model_dump(exclude_none=True)}
    told = await stage.order(order)
    assert not told.done
    assert "`services.backend.manager.program` is another one" in told.found
    assert "if runbooks.yaml was edited since the incident began" in told.found
    assert (stage.process("web"), stage.process("other")) == started
    stage.edits = {"title": "The shop", "memory": {"factor": 3}}
    assert (await stage.order(order)).done
    stage.edits = {"dry_run": True}
    assert "dry_run" in (await stage.order(order)).found


@workflow.defn
class OfAStranger:
    """Asks a worker of the product for an activity, past every steward."""

    @workflow.run
    async def run(self, name: str, queue: str, request: object) -> str:
        try:
            result = await workflow.execute_activity(
                name,
                request,
                task_queue=queue,
                start_to_close_timeout=MINUTE,
                retry_policy=RetryPolicy(maximum_attempts=1),
            )
        except ActivityError as error:
            return str(error.cause)
        return f"done: {result}"


def strangers(stage: Stage) -> Worker:
    """A worker that the product knows nothing of."""
    return Worker(
        stage.client,
        task_queue=STRANGERS,
        workflows=[OfAStranger],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )


async def test_an_activity_that_is_asked_for_without_a_steward_is_not_done(stage: Stage) -> None:
    now, backend, command = datetime.now(UTC), stage.backend, touch(stage)
    common, proofs = TASK_QUEUE, verification_queue_of(None)
    asked: tuple[tuple[str, str, object], ...] = (
        ("restart_service", common, Perform(action=RestartService(service=backend), asked_at=now)),
        ("run_configured_script", common, Perform(action=script(stage, command=command), asked_at=now)),
        ("look_back_at_script", common, LookBack(action=script(stage, verify=command), asked_at=now)),
        ("look_by_script", common, LookByScript(service=backend, command=command)),
        ("watch_by_script", proofs, WatchByScript(service=backend, command=command, stable_for=MINUTE)),
        ("watch_by_script", common, WatchByScript(service=backend, command=command, stable_for=MINUTE)),
    )
    started = stage.process("web")
    async with strangers(stage):
        for name, queue, request in asked:
            said = await stage.client.execute_workflow(
                OfAStranger.run, args=[name, queue, request], id=name, task_queue=STRANGERS
            )
            assert refused(said), (name, said)
            assert not stage.strangers.exists(), name
    assert stage.process("web") == started


async def test_who_calls_itself_a_steward_gets_no_worker_of_another_host(stage: Stage) -> None:
    stage.edits = {"host": "web-1"}
    started = stage.process("web")
    request: Perform[RestartService] = Perform(
        action=RestartService(service=stage.backend), asked_at=datetime.now(UTC)
    )
    async with strangers(stage):
        said = await stage.client.execute_workflow(
            OfAStranger.run, args=["restart_service", TASK_QUEUE, request], id="any", task_queue=STRANGERS
        )
    assert "backend is of host web-1, and this worker is of host none" in said
    assert stage.process("web") == started
