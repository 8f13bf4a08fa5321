"""How full heaps look in the scripted world: what grows, what jumped, and what may be done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from activities.files.environment import EnvironmentProposal
from activities.memory.emitters import Emitter, EmittersSeen
from activities.monitoring.heap_shape import Shape, Trend
from activities.monitoring.memory import CachesSeen, MemorySeen
from models.evidence.evidence import Finding
from tests.workflows import sights
from tests.workflows.scenes import Scene, scene

MIB = 2**20
WARNING: dict[str, Any] = {
    "alerts": {"HighMemoryUsage": {"severity": "warning"}},
}
"""As the alert is raised in production: what is guarded needs approval."""
DIAGNOSTIC: dict[str, Any] = {
    **WARNING,
    "services": {"backend": {"diagnostic": {"signal": "SIGUSR2", "directory": "/var/tmp"}}},
}
CLEARS: dict[str, Any] = {
    **WARNING,
    "services": {"backend": {"clear_cache": {"url": "http://localhost:3000/api/cache/clear"}}},
}

SURE = Trend(
    shape=Shape.GROWTH,
    slope=0.05,
    fit=0.97,
    grown=0.3,
    over=timedelta(hours=1),
    now=0.93,
    steady=True,
    since=sights.LONG_AGO + timedelta(hours=2),
)


def full(trend: Trend, **more: Any) -> MemorySeen:
    """Over its threshold, in this way."""
    fields = {"share": 0.94, "floor": 0.93, "full": 0.9, "certain": trend.sure, "full_in": None, **more}
    reason = f"94% of the heap in use, {trend.shape}"
    return MemorySeen(finding=Finding.BAD, reason=reason, trend=trend, **fields)


WELL = MemorySeen(finding=Finding.OK, reason="40% of the heap in use, steady for 2 h", share=0.4, floor=0.4)
BLIND = MemorySeen(reason="Prometheus cannot be asked: connection refused")
GROWING = full(SURE, full_in=timedelta(hours=1, minutes=24))
SOON = full(SURE.model_copy(update={"slope": 0.5}), full_in=timedelta(minutes=8))
PERHAPS_SOON = SOON.model_copy(update={"certain": False})
WITH_TRAFFIC = GROWING.model_copy(update={"traffic_grew": 3.0})
JUMPED = full(SURE.model_copy(update={"shape": Shape.STEP, "slope": None}))
AT_ITS_START = full(JUMPED.trend.model_copy(update={"since": sights.LONG_AGO + timedelta(seconds=20)}))
STEADY = full(Trend(shape=Shape.STEADY, now=0.93))
UNCLEAR = full(SURE.model_copy(update={"shape": Shape.UNCLEAR, "steady": False}))

BLOATED = CachesSeen(
    finding=Finding.BAD,
    reason="the caches hold 900 MiB, 800 MiB more, where the heap has 850 MiB more: products 900 MiB",
    total=900 * MIB,
    grown=800 * MIB,
    heap_grown=850 * MIB,
)
FULL_CACHES = BLOATED.model_copy(update={"trend": Trend(shape=Shape.GROWTH, levels_off=True)})
SMALL = CachesSeen(finding=Finding.OK, reason="the caches hold 5 MiB", total=5 * MIB)
NO_CACHES = CachesSeen(reason="no metric of its caches is configured for backend")

LISTENERS = EmittersSeen(
    finding=Finding.BAD,
    reason="11 listeners for message on PriceFeed",
    emitters=(Emitter(name="PriceFeed", event="message", listeners=11),),
)
LARGER = EnvironmentProposal(
    finding=Finding.OK,
    reason="NODE_OPTIONS would be changed in .env",
    file=".env",
    values={"NODE_OPTIONS": "--max-old-space-size=4096"},
    diff="+NODE_OPTIONS=--max-old-space-size=4096",
)


def filling(memory: MemorySeen, **changes: Any) -> Scene:
    """The service runs and answers; its heap is nearly full."""
    usual = {"health": sights.HEALTHY, "process": sights.RUNNING, "caches": NO_CACHES}
    return scene(**{**usual, "memory": memory, **changes})


def tight(used: int, limit: int) -> Any:
    """A process that runs, with so much of its memory in use."""
    return sights.RUNNING.model_copy(update={"memory_used": used * MIB, "memory_limit": limit * MIB})
