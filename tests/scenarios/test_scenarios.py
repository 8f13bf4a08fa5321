"""Every cause of every runbook, from the alert to the review, against real systems."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from models.incident.incident import Outcome
from models.incident.review import Review
from tests.parts.product.pipeline import Pipeline, said
from tests.parts.scenarios.kept_reviews import assert_tells_who_was_not_there, keep_review
from tests.parts.scenarios.lines import Line
from tests.parts.scenarios.play import Played, broken, play, play_what_was_before
from tests.parts.scenarios.scenario import Scenario
from tests.parts.scenarios.stage import Stage, written_by_the_product
from tests.scenarios.tables import SCENARIOS

WITHOUT_A_QUESTION = ("policy", "the approval of what is reverted")


def row(scenario: Scenario) -> pytest.ParameterSet:
    """Named by its stack and runbook: by them `tests.parts.sharing` gives it to a worker."""
    name = f"{scenario.stack}:{scenario.runbook}-{scenario.name}".replace(" ", "-")
    return pytest.param(scenario, id=name, marks=[pytest.mark.alone] if scenario.alone else [])


@pytest.mark.scenario
@pytest.mark.parametrize("scenario", [row(one) for one in SCENARIOS])
async def test_scenario(scenario: Scenario, stage: Stage, line: Line) -> None:
    pipeline = await stage.set_for(scenario)

    await play_what_was_before(scenario, pipeline)
    async with broken(scenario, pipeline):
        played = await play(scenario, pipeline)
        line.tell(played)
        if scenario.afterwards:
            await scenario.afterwards(pipeline, played)

    review = played.review
    assert (review.runbook, review.cause, review.outcome) == (
        scenario.runbook,
        scenario.cause,
        scenario.outcome,
    ), told(review)
    assert scenario.also_seen in (None, review.also_seen)
    assert_done(scenario, played)
    assert_told(scenario, review)
    await assert_written(scenario, pipeline, played)
    await assert_no_secret(pipeline, played)
    line.passed = True


def assert_done(scenario: Scenario, played: Played) -> None:
    """The steps, each once, in order; dangerous ones by the person who approved that very plan."""
    performed = played.review.performed
    steps = tuple(step.kind for one in performed for step in one.plan.steps)
    assert steps == scenario.action, told(played.review)
    asked = [one for one in performed if not one.approved_by.startswith(WITHOUT_A_QUESTION)]
    assert [(one.approved_by.split(" ")[0], one.plan.digest) for one in asked] == list(played.approvals)
    words = " ".join(f"{one.plan.says} {one.plan.why} {one.found}" for one in performed)
    words += " ".join(step.changes for one in performed for step in one.plan.steps)
    for expected in scenario.says:
        assert expected in words, words


def assert_told(scenario: Scenario, review: Review) -> None:
    """The verification, why it was escalated, and what else the timeline and the evidence must say."""
    if review.outcome is Outcome.RESOLVED:
        assert said(review.timeline, "verification: "), "the recovery was verified"
        assert all(one.done or one.throttled is not None for one in review.performed)
        throttled = [one for one in review.performed if one.throttled is not None]
        assert len(review.did_not_help) == len(throttled)
    for expected in scenario.timeline:
        assert said(review.timeline, expected), told(review)
    found = {one.name: one.reason for one in review.evidence}
    for name, words in scenario.evidence.items():
        assert words in found.get(name, ""), found


async def assert_written(scenario: Scenario, pipeline: Pipeline, played: Played) -> None:
    """The review stands in its file, and who was not there understands it."""
    stored = await pipeline.stored_review(played.run)
    keep_review(scenario, Path((await pipeline.state(played.run)).review))
    assert_tells_who_was_not_there(played.review, stored)
    assert played.review.cause in stored
    assert played.review.outcome in stored


async def assert_no_secret(pipeline: Pipeline, played: Played) -> None:
    """No password in the exported history, in a log of the product, or in the review."""
    history = (await played.run.fetch_history()).to_json()
    texts = (
        history,
        await asyncio.to_thread(written_by_the_product, pipeline),
        played.review.model_dump_json(),
    )
    for password in pipeline.stack.services.cluster.passwords:
        assert not any(password in text for text in texts)


def told(review: Review) -> str:
    """The timeline, for the message of a scenario that went another way."""
    lines = "\n".join(f"{entry.at:%H:%M:%S} {entry.by}: {entry.text}" for entry in review.timeline)
    return f"{review.summary}\n{lines}"
