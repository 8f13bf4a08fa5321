"""HighMemoryUsage: each row of its table of causes, two at once, and the ways in which it must not act."""

from __future__ import annotations

from datetime import timedelta

from tests.parts.scenarios.scenario import Scenario
from tests.workflows import heaps, sights
from tests.workflows.heaps import CLEARS, DIAGNOSTIC, WARNING, filling
from tests.workflows.rows import Row

SCENARIOS: tuple[Scenario, ...] = ()

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
            caches=heaps.FULL_CACHES.model_copy(update={"finding": "ok"}),
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
    Row("unknown", filling(heaps.UNCLEAR), configuration=WARNING, asks=True, done=(RESTARTED,)),
)
