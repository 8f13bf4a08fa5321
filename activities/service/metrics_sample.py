"""The metrics that a service exports, as somebody reads them who asks it directly."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from temporalio import activity

from activities.support.http import Cut, NoAnswer, ask, shown
from activities.support.redaction import clean
from models.checks.item import ItemResult, ItemState, Table
from models.checks.status import SampleMetrics

WITHIN = timedelta(seconds=5)
LIMIT = 2**19
"""Bytes: of a longer page, so much is read."""


class MetricsSampleActivities:
    """Asks with one shared HTTP client."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @activity.defn
    async def sample_metrics(self, request: SampleMetrics) -> ItemResult:
        """The first samples, and how many there are. What is no metrics page is `unknown`."""
        now = datetime.now(UTC)
        try:
            answer = await ask(self._client, request.url, within=WITHIN, limit=LIMIT)
            cut = answer.cut is Cut.SIZE
            body = answer.body.rpartition(b"\n")[0] if cut else answer.whole(request.url)
            samples = await asyncio.to_thread(_samples, body.decode("utf-8"))
        except NoAnswer as no_answer:
            return ItemResult(reason=f"no metrics: {no_answer.reason}", observed_at=now)
        except (ValueError, IndexError, KeyError):  # what the parser raises for other pages
            samples = []
        if not samples:
            cure = f"configure checks.status.metrics.{request.service.name}"
            reason = f"what answers at {shown(request.url)} is no page of metrics: {cure}"
            return ItemResult(reason=reason, observed_at=now)
        names = len({one.name for one in samples})
        rows = tuple((_named(one), f"{one.value:.10g}") for one in samples[: request.most])
        return ItemResult(
            state=ItemState.OK,
            reason=f"{'more than ' if cut else ''}{len(samples)} samples, of {names} metrics",
            link=shown(request.url),
            observed_at=now,
            tables=(Table(title="the first samples", columns=("sample", "value"), rows=rows),),
        )


def _samples(page: str) -> list[Sample]:
    """Without the times at which counters were created: they tell nobody anything."""
    families = text_string_to_metric_families(page)
    return [one for family in families for one in family.samples if not one.name.endswith("_created")]


def _named(sample: Sample) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
    return clean(f"{sample.name}{{{labels}}}" if labels else sample.name, 200)
