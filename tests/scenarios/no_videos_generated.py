"""NoVideosGenerated: every row of its causes table, two causes at once, and where it must not act."""

from __future__ import annotations

from functools import partial
from typing import Any

from demo.faults.fault import OBSERVED
from demo.faults.videos import is_generated
from demo.parts.video_state import USUAL_BUDGET, VideoState
from models.incident.incident import Outcome, Phase
from tests.parts.product.pipeline import Pipeline, Run
from tests.parts.scenarios.observing import around
from tests.parts.scenarios.play import Played
from tests.parts.scenarios.scenario import Scenario
from tests.workflows.videos.rows import ROWS

__all__ = ["ROWS", "SCENARIOS"]

_row = partial(Scenario, runbook="NoVideosGenerated", stack=OBSERVED)


def no_backup(content: dict[str, Any]) -> None:
    content["services"]["backend"]["videos"] |= {"backup": None}


def cut_off(content: dict[str, Any]) -> None:
    """We do not reach the generator, and the backend does."""
    content["services"]["backend"]["providers"]["pika"]["url"] = "http://127.0.0.1:9/api/v1/health"


async def generator_comes_back(pipeline: Pipeline, run: Run) -> None:
    """Only once videos are made by the backup generator."""
    await pipeline.until_state(run, "a video", lambda state: state.phase is Phase.RESOLVED)
    assert VideoState.read(pipeline.stack.services.backend.state).backup
    await around(pipeline).generator.start()


async def generator_comes_back_late(pipeline: Pipeline, run: Run) -> None:
    """While it is waited for, by a worker that is killed meanwhile."""
    state = await pipeline.until_state(run, "waits", lambda state: bool(state.waits_for))
    assert "pika must come back" in state.waits_for
    await pipeline.stack.worker.kill()
    await pipeline.stack.worker.start()
    after = await pipeline.until_state(run, "still waits", lambda state: bool(state.waits_for))
    assert after.waits_until == state.waits_until
    await around(pipeline).generator.start()


async def as_before(pipeline: Pipeline, _: Played) -> None:
    """The usual generator, the usual budget, and a new video."""
    state = VideoState.read(pipeline.stack.services.backend.state)
    assert (state.backup, state.budget) == (False, USUAL_BUDGET)
    assert await is_generated(pipeline.stack.services)


async def nothing_was_made(pipeline: Pipeline, _: Played) -> None:
    assert not await is_generated(pipeline.stack.services)


SCENARIOS = (
    _row(
        name="the generator is down",
        cause="provider down",
        faults=("videos-generator-down",),
        action=("use-backup-generator", "generate-videos", "use-usual-generator"),
        says=("pika",),
        also_seen=("workflow crashed",),
        evidence={
            "generations": "Pika API error: connection refused",
            "providers": "pika: connection refused",
        },
        meanwhile=generator_comes_back,
        afterwards=as_before,
    ),
    _row(
        name="the generator is down, there is no other, and the worker is killed",
        cause="provider down",
        faults=("videos-generator-down",),
        configure=no_backup,
        action=("generate-videos",),
        also_seen=("workflow crashed",),
        timeline=("pika must come back: there is no backup generator",),
        meanwhile=generator_comes_back_late,
        afterwards=as_before,
    ),
    _row(
        name="the budget is spent",
        cause="budget hit",
        faults=("videos-budget-spent",),
        action=("wait-for-reset", "generate-videos"),
        approved_by=("anna",),
        timeline=("the budget of the next day begins then",),
        afterwards=as_before,
    ),
    _row(
        name="a workflow crashed",
        cause="workflow crashed",
        faults=("videos-workflow-crashed",),
        action=("retry-workflow",),
        says=("TypeError: cannot read the scenes of undefined", "activity render_videos is done again"),
        afterwards=as_before,
    ),
    _row(
        name="a workflow crashes again",
        cause="workflow crashed",
        faults=("videos-workflow-crashes",),
        action=("retry-workflow",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("backend still fails",),
        afterwards=nothing_was_made,
    ),
    _row(
        name="no products",
        cause="no products",
        faults=("videos-no-products",),
        action=("generate-videos",),
        timeline=("NoProductsSynced/backend, and waits for its end", "NoProductsSynced on backend: resolved"),
        afterwards=as_before,
    ),
    _row(
        name="the queue is paused on purpose",
        cause="unknown",
        faults=("videos-generator-down", "videos-paused"),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("the queue of videos is paused by lena",),
        afterwards=nothing_was_made,
    ),
    _row(
        name="nothing tells why",
        cause="unknown",
        faults=("videos-stalled",),
        action=("generate-videos",),
        approved_by=("anna",),
        afterwards=as_before,
    ),
    _row(
        name="only we do not reach the generator",
        cause="provider not reached",
        faults=("videos-stalled",),
        configure=cut_off,
        evidence={"providers": "pika: connection refused"},
        resolved_when=Phase.AWAITING_APPROVAL,
        outcome=Outcome.RESOLVED_ELSEWHERE,
        afterwards=nothing_was_made,
    ),
    _row(name="a video came before anybody looked", cause="", outcome=Outcome.SELF_RECOVERED),
)
