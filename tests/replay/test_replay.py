"""A change to workflow code must replay every recorded history."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from runtime.systems.runs import RUNNER
from tests.replay import mutated
from tests.replay.record import HISTORIES, record, recorded
from tests.replay.scenarios import SCENARIOS, Scenario, slug
from workflows.record.guarded_messages import GuardedMessages
from workflows.runbooks.classes import WORKFLOWS

CORPUS = sorted(HISTORIES.glob("*.json"))
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}


def history(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text(encoding="utf-8"))


def replayer(workflows: Iterable[type[object]] = WORKFLOWS) -> Replayer:
    return Replayer(
        workflows=list(workflows),
        workflow_runner=RUNNER,
        interceptors=[GuardedMessages()],
        data_converter=pydantic_data_converter,
    )


def some(*names: str) -> list[Scenario]:
    return [BY_NAME[name] for name in names]


async def failures(paths: Iterable[Path]) -> list[str]:
    """Which histories do not replay, and why."""

    async def histories() -> AsyncIterator[WorkflowHistory]:
        for path in paths:
            yield history(path)

    async with replayer().workflow_replay_iterator(histories()) as results:
        return [
            f"{result.history.workflow_id}: {result.replay_failure}"
            async for result in results
            if result.replay_failure
        ]


async def test_todays_code_replays_what_was_recorded() -> None:
    assert await failures(CORPUS) == []


async def test_what_is_recorded_now_replays(tmp_path: Path) -> None:
    written = await record(some("taken-over", "suspended", "fires-again-while-closing"), tmp_path)
    kinds = {path.name.split(".")[1].rstrip("2") for path in written}
    assert {"Steward", "ControlRoom"} < kinds, "the runbooks and what they act through"
    assert await failures(written) == []


@pytest.mark.parametrize("time", range(3))
async def test_a_query_that_comes_with_a_task_loses_no_timer(time: int, tmp_path: Path) -> None:
    """It may end the task just when a look has ended: the harness asks while the looks go on."""
    written = await record(some("noproductssynced-invalid-credentials"), tmp_path)
    assert await failures(written) == [], f"played the {time + 1}. time"


async def test_a_new_first_step_does_not_replay(tmp_path: Path) -> None:
    (path,) = await record(some("servicedown-crash"), tmp_path)
    await replayer().replay_workflow(history(path))
    with pytest.raises(NondeterminismError, match="TMPRL1100"):
        await replayer([mutated.ServiceDown]).replay_workflow(history(path))


async def test_what_is_recorded_is_never_written_again(tmp_path: Path) -> None:
    (path,) = await record(some("self-recovered"), tmp_path)
    before = path.read_bytes()
    assert await record(some("self-recovered"), tmp_path) == []
    assert path.read_bytes() == before
    assert "stackTrace" not in json.dumps(json.loads(before))


def test_every_scenario_of_a_released_workflow_is_in_the_corpus() -> None:
    """A release records what is new: before it, no run of a new runbook is open anywhere."""
    kinds = {path.name.split(".")[1].rstrip("0123456789") for path in CORPUS}
    new = {slug(one.__name__) for one in WORKFLOWS if one.__name__ not in kinds}
    missing = [one.name for one in SCENARIOS if not recorded(one, HISTORIES)]
    assert [name for name in missing if name.partition("-")[0] not in new] == []
    assert kinds >= {"Steward", "ControlRoom", "AnyAlert"}
