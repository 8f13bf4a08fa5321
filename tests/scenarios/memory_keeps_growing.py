"""MemoryKeepsGrowing: every row of its causes table, and two causes at once."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from activities.memory.emitters import Emitter, EmittersSeen
from activities.monitoring.heap_shape import Shape, Trend
from activities.monitoring.memory import CachesSeen
from activities.monitoring.memory_growth import GrowthSeen
from models.evidence.evidence import Finding
from models.incident.incident import Outcome
from models.incident.stewardship import Remembered, StewardState
from models.names import STEWARD, TASK_QUEUE, steward_id
from tests.parts.scenarios.scenario import Scenario
from tests.workflows import sights
from tests.workflows.harness import Harness
from tests.workflows.rows import Row
from tests.workflows.scenes import Scene, deployed, scene

SCENARIOS: tuple[Scenario, ...] = ()

QUICK: dict[str, Any] = {"lasts": "3s", "every": "1s", "after_fix": "5s", "after_fix_every": "1s"}
_row = partial(
    Row,
    configuration={
        "services": {"backend": {"metrics": {"memory": {"watch": QUICK}}}},
        "alerts": {"MemoryKeepsGrowing": {"severity": "warning"}},
    },
)
WARNS = EmittersSeen(
    finding=Finding.BAD,
    reason="11 listeners for data on Socket",
    emitters=(Emitter(name="Socket", event="data", listeners=11),),
)
BLOATED = CachesSeen(finding=Finding.BAD, reason="the caches hold 900 MiB", total=900 * sights.MIB)


def growing(**changes: object) -> Scene:
    """The service runs and is well; its heap grows until something is done."""
    fields = {
        "health": sights.HEALTHY,
        "process": sights.RUNNING,
        "growth": sights.GROWING,
        "after": {"growth": sights.STEADY_GROWTH},
    }
    return scene(**{**fields, **changes})


def turns_out(growth: GrowthSeen) -> Scene:
    """It grew when the alert came; what is seen during the watch is another thing."""
    return growing(coming={"growth": [sights.GROWING]}, growth=growth)


def first_of_its_version(then: Scene) -> Scene:
    """Its process is as old as the newest deployment."""

    async def told(harness: Harness) -> None:
        await deployed(then)(harness)
        started = await harness.now() - timedelta(minutes=5)
        harness.world.process = harness.world.process.model_copy(update={"started_at": started})

    return told


def restarted_before(then: Scene) -> Scene:
    """An incident restarted it, by the memory of its steward, when its process was started."""

    async def told(harness: Harness) -> None:
        await then(harness)
        done = Remembered(
            says="restart backend",
            approved_by="anna",
            done=True,
            found="it is running",
            started_at=sights.LONG_AGO,
            finished_at=sights.LONG_AGO,
        )
        await harness.env.client.start_workflow(
            STEWARD,
            StewardState(service="backend", performed=(done,)),
            id=steward_id("backend"),
            task_queue=TASK_QUEUE,
        )

    return told


_dismissed = partial(_row, outcome=Outcome.SELF_RECOVERED)
_restarts = partial(_row, asks=True, done=("restart backend",))
JUMPED = Trend(shape=Shape.STEP, grown=0.3, over=timedelta(hours=5))
UNCLEAR = sights.LEAK.model_copy(update={"steady": False})

ROWS = (
    _dismissed("restarted meanwhile", turns_out(sights.JUST_STARTED), also_seen=("grows no more",)),
    _dismissed("grows with the traffic", growing(growth=sights.GROWING_WITH_TRAFFIC), also_seen=("leak",)),
    _dismissed("a cache that levels off", turns_out(sights.LEVELLED_OFF), also_seen=("grows no more",)),
    _dismissed(
        "one step",
        turns_out(sights.STEADY_GROWTH.model_copy(update={"trend": JUMPED})),
        also_seen=("grows no more",),
    ),
    _dismissed("grows no more", turns_out(sights.STEADY_GROWTH)),
    _row(
        "grows again after a restart",
        restarted_before(growing(growth=sights.GROWING_AS_BEFORE)),
        needs_a_human=True,
        also_seen=("leak",),
        pages=("On-Call", "Platform Team"),
    ),
    _row(
        "leak since the deployment",
        first_of_its_version(growing(growth=sights.GROWING_SINCE_ITS_START)),
        asks=True,
        done=("roll backend back from backend:2 to backend:1",),
        also_seen=("leak",),
        pages=("On-Call", "Platform Team"),
    ),
    _restarts(
        "leak",
        first_of_its_version(growing(growth=sights.GROWING_AS_BEFORE)),
        variant="the version before leaked as well",
    ),
    _restarts("emitter leak", growing(emitters=WARNS), also_seen=("leak",)),
    _restarts("cache without a bound", growing(caches=BLOATED), also_seen=("leak",)),
    _restarts("leak", growing()),
    _restarts("unknown", growing(growth=sights.GROWING.model_copy(update={"trend": UNCLEAR}))),
    _row(
        "leak since the deployment",
        first_of_its_version(growing(growth=sights.GROWING_SINCE_ITS_START, emitters=WARNS)),
        variant="by an emitter",
        asks=True,
        done=("roll backend back from backend:2 to backend:1",),
        also_seen=("emitter leak", "leak"),
        pages=("On-Call", "Platform Team"),
    ),
    _restarts(
        "emitter leak",
        growing(emitters=WARNS, growth=sights.GROWING_WITH_TRAFFIC),
        variant="while the traffic grows too",
        also_seen=("leak",),
    ),
)
