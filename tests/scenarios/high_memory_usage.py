"""HighMemoryUsage: each row of its table of causes, two at once, and the ways in which it must not act."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from demo.faults.fault import OBSERVED
from demo.faults.memory import SETTLED, UPTIME
from demo.observed import FULL, HEAP
from demo.systems.services import Services
from models.incident.incident import Outcome, Phase
from tests.parts.product.pipeline import Pipeline, Run
from tests.parts.scenarios.observing import around
from tests.parts.scenarios.play import Played
from tests.parts.scenarios.scenario import Scenario
from tests.workflows import heaps, sights
from tests.workflows.heaps import CLEARS, DIAGNOSTIC, WARNING, filling
from tests.workflows.rows import Row

_row = partial(Scenario, runbook="HighMemoryUsage", stack=OBSERVED)


@asynccontextmanager
async def few_listeners(services: Services) -> AsyncIterator[None]:
    """An emitter has one listener too many, which hold nothing."""
    await services.backend.inject("few-listeners")
    yield


def warning(content: dict[str, Any]) -> None:
    """As the alert is raised in production: what is guarded needs approval."""
    content["alerts"]["HighMemoryUsage"]["severity"] = "warning"


def urgent(content: dict[str, Any]) -> None:
    """And what is full within ten minutes is urgent."""
    warning(content)
    content["services"]["backend"]["metrics"]["memory"]["urgent_within"] = "10m"


def cannot_be_written_down(content: dict[str, Any]) -> None:
    urgent(content)
    content["services"]["backend"]["diagnostic"]["directory"] = "/nowhere"


def judged_soon(content: dict[str, Any]) -> None:
    """Nobody waits long for a fix that does not help."""
    warning(content)
    content["services"]["backend"]["metrics"]["settle"] = "4s"


def cleared_in_vain(content: dict[str, Any]) -> None:
    """The call for the caches is another one, which changes nothing."""
    judged_soon(content)
    backend = content["services"]["backend"]
    backend["clear_cache"] = backend["degradation"]["off"]


async def the_worker_is_killed(pipeline: Pipeline, run: Run) -> None:
    """While it proves that the restart helped; the next one goes on with the proof."""
    await pipeline.until_state(run, "verifies", lambda state: state.phase is Phase.VERIFYING)
    await pipeline.stack.worker.kill()
    await pipeline.stack.worker.start()


async def memory_is_given_back(pipeline: Pipeline, _: Played) -> None:
    used = await around(pipeline).prometheus.value(HEAP)
    assert used is not None
    assert used < FULL


async def written_down_before(pipeline: Pipeline, played: Played) -> None:
    """What was in the memory of the process that is gone, as a file beside the review."""
    await memory_is_given_back(pipeline, played)
    (done,) = played.review.performed
    (kept,) = done.kept
    content = json.loads((pipeline.stack.directory / "reviews" / kept).read_text())
    assert content["snapshot"]["rss"] > FULL * pipeline.stack.services.backend.memory_limit
    pages = (pipeline.stack.directory / "reviews").glob("HighMemoryUsage-*.md")
    assert sum(f"Kept beside this review: {kept}" in page.read_text() for page in pages) == 1


async def not_restarted(pipeline: Pipeline, _: Played) -> None:
    age = await around(pipeline).prometheus.value(UPTIME)
    assert age is not None
    assert age > SETTLED


SCENARIOS = (
    _row(
        name="memory leak",
        cause="memory leak",
        faults=("heap-leaks",),
        configure=warning,
        action=("take-diagnostic", "restart-service"),
        approved_by=("anna",),
        evidence={"memory": "growing by"},
        afterwards=written_down_before,
    ),
    _row(
        name="memory leak, full soon, and the worker is killed",
        cause="memory leak",
        faults=("heap-leaks",),
        configure=urgent,
        action=("take-diagnostic", "restart-service"),
        timeline=("urgent, so nobody is asked: the heap of backend is full in",),
        meanwhile=the_worker_is_killed,
        afterwards=written_down_before,
    ),
    _row(
        name="memory leak, and its diagnostic fails",
        cause="memory leak",
        faults=("heap-leaks",),
        configure=cannot_be_written_down,
        action=("take-diagnostic", "restart-service"),
        says=("no diagnostic: cannot look into /nowhere",),
        afterwards=memory_is_given_back,
    ),
    _row(
        name="memory spike",
        cause="memory spike",
        faults=("heap-jumps",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("read what ran then",),
        evidence={"memory": "which jumped by", "lines_then": "loading a working set"},
        afterwards=not_restarted,
    ),
    _row(
        name="cache bloat",
        cause="cache bloat",
        faults=("cache-bloats",),
        configure=warning,
        action=("clear-cache",),
        approved_by=("anna",),
        also_seen=("memory leak",),
        evidence={"caches": "products"},
        afterwards=memory_is_given_back,
    ),
    _row(
        name="caches cleared in vain",
        cause="cache bloat",
        faults=("cache-bloats",),
        configure=cleared_in_vain,
        action=("clear-cache",),
        approved_by=("anna",),
        also_seen=("memory leak",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("backend still fails",),
        afterwards=not_restarted,
    ),
    _row(
        name="emitter leak",
        cause="emitter leak",
        faults=("emitter-leaks",),
        configure=warning,
        action=("take-diagnostic", "restart-service"),
        says=("11 listeners for message on PriceFeed",),
        approved_by=("anna",),
        also_seen=("memory leak",),
        afterwards=written_down_before,
    ),
    _row(
        name="a cache bloats while an emitter warns",
        cause="cache bloat",
        faults=(few_listeners, "cache-bloats"),
        configure=warning,
        action=("clear-cache",),
        approved_by=("anna",),
        also_seen=("memory leak",),
        evidence={"emitters": "11 listeners for message on PriceFeed"},
        afterwards=memory_is_given_back,
    ),
    _row(name="over before anybody looked", cause="", outcome=Outcome.SELF_RECOVERED),
    _row(
        name="Prometheus is down",
        cause="",
        faults=("prometheus-down",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("could not verify the alert", "no action taken"),
    ),
    _row(
        name="resolved before the approval",
        cause="memory leak",
        faults=("heap-leaks",),
        configure=warning,
        resolved_when=Phase.AWAITING_APPROVAL,
        outcome=Outcome.RESOLVED_ELSEWHERE,
        afterwards=not_restarted,
    ),
    _row(
        name="unknown: what it needs hardly fits",
        cause="unknown",
        faults=("heap-too-small",),
        configure=judged_soon,
        action=("take-diagnostic", "restart-service"),
        approved_by=("anna",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("backend still fails",),
        evidence={"memory": "steady"},
    ),
)

WRITTEN_DOWN = "take a diagnostic of the memory of backend by SIGUSR2"
RESTARTED = "restart backend"
CLEARED = "clear the caches of backend, which hold 900 MiB"
LARGER = "set NODE_OPTIONS=--max-old-space-size=4096 in the environment of backend and recreate it"

ROWS = (
    Row(
        "memory leak",
        filling(heaps.GROWING, heap_limit=heaps.LARGER),
        configuration=DIAGNOSTIC,
        asks=True,
        done=(WRITTEN_DOWN, RESTARTED),
    ),
    Row(
        "memory leak",
        filling(heaps.SOON, heap_limit=heaps.LARGER),
        configuration=DIAGNOSTIC,
        variant="full within a quarter of an hour",
        done=(WRITTEN_DOWN, RESTARTED),
    ),
    Row(
        "memory leak",
        filling(heaps.PERHAPS_SOON),
        configuration=DIAGNOSTIC,
        variant="perhaps full soon",
        asks=True,
        done=(WRITTEN_DOWN, RESTARTED),
    ),
    Row(
        "memory leak",
        filling(heaps.SOON),
        configuration={**DIAGNOSTIC, "risks": {"restart-service": "dangerous"}},
        variant="full soon, and a restart is dangerous here",
        asks=True,
        done=(WRITTEN_DOWN, RESTARTED),
    ),
    Row(
        "memory leak",
        filling(heaps.GROWING, process=heaps.tight(used=900, limit=1024)),
        configuration=DIAGNOSTIC,
        variant="no room for a diagnostic",
        asks=True,
        done=(RESTARTED,),
    ),
    Row(
        "memory leak",
        filling(heaps.SOON.model_copy(update={"full_in": timedelta(minutes=3)})),
        configuration=DIAGNOSTIC,
        variant="no time for a diagnostic",
        done=(RESTARTED,),
    ),
    Row(
        "memory leak",
        filling(heaps.GROWING, heap_limit=heaps.LARGER),
        variant="at the highest severity nobody is asked",
        done=(RESTARTED,),
    ),
    Row(
        "unknown",
        filling(heaps.SOON, process=sights.YOUNG),
        configuration=WARNING,
        variant="full soon, and just started",
        asks=True,
        done=(RESTARTED,),
    ),
    Row(
        "unknown",
        filling(heaps.WITH_TRAFFIC),
        configuration=WARNING,
        variant="it grows with the traffic",
        asks=True,
        done=(RESTARTED,),
    ),
    Row(
        "cache bloat",
        filling(heaps.GROWING, caches=heaps.BLOATED, emitters=heaps.LISTENERS),
        configuration=CLEARS,
        variant="and an emitter warns",
        asks=True,
        done=(CLEARED,),
        also_seen=("memory leak",),
    ),
    Row(
        "cache bloat",
        filling(heaps.SOON, caches=heaps.BLOATED),
        configuration=CLEARS,
        variant="full soon",
        done=(CLEARED,),
        also_seen=("memory leak",),
    ),
    Row(
        "cache bloat",
        filling(heaps.JUMPED, caches=heaps.BLOATED),
        configuration=WARNING,
        variant="no call clears them",
        asks=True,
        done=(RESTARTED,),
        also_seen=("memory spike",),
    ),
    Row(
        "emitter leak",
        filling(heaps.GROWING, caches=heaps.SMALL, emitters=heaps.LISTENERS),
        configuration=WARNING,
        asks=True,
        done=(RESTARTED,),
        also_seen=("memory leak",),
    ),
    Row(
        "emitter leak",
        filling(
            heaps.GROWING,
            caches=heaps.FULL_CACHES,
            emitters=heaps.LISTENERS,
        ),
        configuration=CLEARS,
        variant="beside caches that are full",
        asks=True,
        done=(RESTARTED,),
        also_seen=("memory leak",),
    ),
    Row(
        "memory spike",
        filling(heaps.JUMPED, emitters=heaps.LISTENERS, heap_limit=heaps.LARGER),
        configuration=WARNING,
        variant="and an emitter warns",
        asks=True,
        done=(LARGER,),
    ),
    Row("memory spike", filling(heaps.JUMPED), variant="no larger heap is allowed", needs_a_human=True),
    Row(
        "unknown",
        filling(heaps.AT_ITS_START, heap_limit=heaps.LARGER),
        variant="what it loaded when it started",
        asks=True,
        done=(RESTARTED,),
    ),
    Row("unknown", filling(heaps.STEADY), variant="full all the time", asks=True, done=(RESTARTED,)),
    Row(
        "unknown",
        filling(heaps.WELL, process=heaps.tight(used=1020, limit=1024)),
        configuration=WARNING,
        variant="its container is full, and its heap is not",
        asks=True,
        done=(RESTARTED,),
    ),
    Row("unknown", filling(heaps.UNCLEAR), configuration=WARNING, asks=True, done=(RESTARTED,)),
)
