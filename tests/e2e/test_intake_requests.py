"""Alertmanager posts at least once, and strangers post anything: the intake before the real worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from demo.faults import FAULTS
from demo.webhook import Firing
from models.incident.incident import Outcome
from tests.parts.product.pipeline import SERVICE_DOWN, Pipeline, said

WEBHOOK = "/v1/alertmanager"
JSON = {"content-type": "application/json"}


@pytest.fixture
async def sender(pipeline: Pipeline) -> AsyncIterator[httpx.AsyncClient]:
    """A sender that knows the token."""
    headers = {"Authorization": f"Bearer {pipeline.stack.token}"}
    url = pipeline.stack.intake.url
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30, trust_env=False) as one:
        yield one


@pytest.mark.fault
async def test_the_same_webhook_a_hundred_times_is_one_run(
    pipeline: Pipeline, sender: httpx.AsyncClient
) -> None:
    firing = Firing(datetime.now(UTC))
    async with FAULTS["crash"].inject(pipeline.stack.services):
        posts = (sender.post(WEBHOOK, json=firing.body()) for _ in range(100))
        answers = await asyncio.gather(*posts)
        run = await pipeline.run_of(SERVICE_DOWN, firing.starts_at)
        review = await pipeline.review(run)

    assert {answer.status_code for answer in answers} == {200}
    assert review.outcome is Outcome.RESOLVED
    assert len(review.performed) == 1
    assert len(said(review.timeline, "fires")) == 1, "the other ninety-nine are not even told"
    assert await pipeline.runs("AlertName = 'ServiceDown'") == 1


@pytest.mark.fault
async def test_strangers_and_nonsense_are_refused_with_a_reason_and_what_is_too_large_is_cut(
    pipeline: Pipeline, sender: httpx.AsyncClient
) -> None:
    since = datetime.now(UTC)
    good = Firing(since, "QueueStuck").body()
    nested = f'{{"version": "4", "alerts": {"[" * 100_000}'
    no_labels = {"status": "firing"}
    large = Firing(since, "Large").body()
    large["alerts"][0]["labels"]["stack"] = "x" * 3 * 2**20

    stranger = await sender.post(WEBHOOK, json=good, headers={"Authorization": "Bearer wrong"})
    refused = [
        await sender.post(WEBHOOK, content=nested, headers=JSON),
        await sender.post(WEBHOOK, json={**good, "alerts": [no_labels]}),
    ]

    assert (stranger.status_code, [one.status_code for one in refused]) == (401, [422, 422])
    assert all(one.json()["error"] for one in [stranger, *refused])
    assert await pipeline.runs("AlertName IS NOT NULL") == 0

    mixed = {**good, "alerts": [no_labels, *good["alerts"], *large["alerts"]]}
    answered = await sender.post(WEBHOOK, json=mixed)
    assert answered.status_code == 200
    answer = answered.json()
    assert [one["incident"] for one in answer["taken"]] == ["QueueStuck/backend", "Large/backend"]
    assert [one["index"] for one in answer["refused"]] == [0]
    for incident in ("QueueStuck/backend", "Large/backend"):
        run = await pipeline.run_of(incident, since)
        state = await pipeline.until_state(
            run, "escalated", lambda one: bool(said(one.timeline, "escalated"))
        )
        assert state.runbook == "AnyAlert"
        assert len(state.alert.model_dump_json()) < 2**20, "what is too large is cut, and told as an alert"
