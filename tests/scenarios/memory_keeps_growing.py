"""MemoryKeepsGrowing: every row of its causes table, and two causes at once."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from activities.memory.emitters import Emitter, EmittersSeen
from activities.monitoring.heap_shape import Shape, Trend
from activities.monitoring.memory import CachesSeen
from activities.monitoring.memory_growth import GrowthSeen
from demo.faults.fault import OBSERVED
from demo.observed import HEAP
from models.evidence.evidence import Finding
from models.incident.incident import Outcome, Phase
from models.incident.stewardship import Remembered, StewardState
from models.names import STEWARD, TASK_QUEUE, steward_id
from tests.parts.product.pipeline import Pipeline, Run
from tests.parts.scenarios.observing import around
from tests.parts.scenarios.play import Played
from tests.parts.scenarios.scenario import Scenario
from tests.workflows import sights
from tests.workflows.harness import Harness
from tests.workflows.rows import Row
from tests.workflows.scenes import Scene, deployed, scene


def a_warning(content: dict[str, Any]) -> None:
    """As production has it."""
    content["alerts"]["MemoryKeepsGrowing"]["severity"] = "warning"
    content["services"]["backend"]["metrics"]["memory"]["full"] = 0.9


def as_shipped(content: dict[str, Any]) -> None:
    """The same, with users who are as many all the time: on a busy machine fewer requests get through."""
    a_warning(content)
    content["services"]["backend"]["metrics"]["traffic"] = "vector(12)"


def watched_for_longer(content: dict[str, Any]) -> None:
    """Until what fills up is full. On a busy machine that is looked at late: little of its rise is left."""
    as_shipped(content)
    content["services"]["backend"]["metrics"]["memory"]["watch"] |= {"lasts": "8s", "growth": 0.05}


def compared_for_longer(content: dict[str, Any]) -> None:
    """Longer than a worker takes to start."""
    as_shipped(content)
    content["services"]["backend"]["metrics"]["memory"]["watch"]["after_fix"] = "20s"


def hurried(content: dict[str, Any]) -> None:
    """There is no time for the whole watch."""
    as_shipped(content)
    memory = content["services"]["backend"]["metrics"]["memory"]
    memory["urgent_within"] = "5m"
    memory["watch"]["lasts"] = "30s"


def answered_at_once(content: dict[str, Any]) -> None:
    """At this severity a restart needs no approval."""
    as_shipped(content)
    content["alerts"]["MemoryKeepsGrowing"]["severity"] = "critical"


_scenario = partial(Scenario, runbook="MemoryKeepsGrowing", stack=OBSERVED, configure=as_shipped)
_restarted = partial(
    _scenario,
    action=("take-diagnostic", "restart-service"),
    approved_by=("anna",),
    timeline=("compares how its memory grows",),
)
_no_leak = partial(_scenario, outcome=Outcome.SELF_RECOVERED, timeline=("watches whether",))

COMPARED = "% of its limit in an hour before"


async def somebody_restarts_it(pipeline: Pipeline, run: Run) -> None:
    await watches(pipeline, run, "watches whether")
    await pipeline.stack.services.recreate_backend()


async def the_worker_is_killed(pipeline: Pipeline, run: Run) -> None:
    """By the kernel, in the middle of the wait: the next one waits for what is left of it."""
    await watches(pipeline, run, "compares")
    until = (await pipeline.state(run)).waits_until
    await pipeline.stack.worker.kill()
    await pipeline.stack.worker.start()
    state = await pipeline.state(run)
    assert (state.waits_until, state.phase) == (until, Phase.VERIFYING)


async def watches(pipeline: Pipeline, run: Run, why: str) -> None:
    await pipeline.until_state(run, why, lambda state: why in state.waits_for)


async def the_review_compares(_: Pipeline, played: Played) -> None:
    (said,) = [one for one in played.review.remarks if one.startswith("Memory: ")]
    assert COMPARED in said, said


async def memory_is_given_back(pipeline: Pipeline, played: Played) -> None:
    await the_review_compares(pipeline, played)
    used = await around(pipeline).prometheus.value(HEAP)
    assert used is not None
    assert used < 0.45


SCENARIOS = (
    _restarted(
        name="leak",
        cause="leak",
        faults=("memory-grows",),
        evidence={"growth": "of the heap in use"},
        afterwards=memory_is_given_back,
    ),
    _restarted(
        name="emitter leak",
        cause="emitter leak",
        faults=("listeners-grow",),
        also_seen=("leak",),
        evidence={"emitters": "11 listeners for message on PriceFeed"},
        afterwards=memory_is_given_back,
    ),
    _restarted(
        name="cache without a bound",
        cause="cache without a bound",
        faults=("cache-grows",),
        also_seen=("leak",),
        evidence={"caches": "products"},
        afterwards=memory_is_given_back,
    ),
    _restarted(
        name="the worker is killed while it compares",
        cause="leak",
        faults=("memory-grows",),
        configure=compared_for_longer,
        meanwhile=the_worker_is_killed,
        afterwards=memory_is_given_back,
    ),
    _restarted(
        name="just started, and full soon",
        cause="unknown",
        faults=("memory-warms-up",),
        configure=hurried,
        afterwards=memory_is_given_back,
    ),
    _scenario(
        name="a deployment that leaks",
        cause="leak since the deployment",
        faults=("leaky-deployment",),
        also_seen=("leak",),
        action=("roll-back",),
        approved_by=("anna",),
        afterwards=memory_is_given_back,
    ),
    _restarted(
        name="it grows as before",
        cause="leak",
        faults=("memory-grows-for-good",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("so the restart only bought time",),
    ),
    _scenario(
        name="grows again after a restart",
        cause="grows again after a restart",
        healed_before=("memory-grows",),
        faults=("memory-grows",),
        configure=answered_at_once,
        also_seen=("leak",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("another restart only buys time", "page to platform-team"),
    ),
    _no_leak(
        name="restarted meanwhile",
        cause="restarted meanwhile",
        faults=("memory-grows",),
        also_seen=None,
        meanwhile=somebody_restarts_it,
    ),
    _no_leak(
        name="more traffic",
        cause="grows with the traffic",
        faults=("busier",),
        also_seen=None,
        configure=a_warning,
        alone=True,
    ),
    _no_leak(
        name="a cache fills up",
        cause="a cache that levels off",
        faults=("cache-fills",),
        configure=watched_for_longer,
        also_seen=("grows no more",),
    ),
    _no_leak(
        name="one step",
        cause="one step",
        faults=("heap-steps",),
        also_seen=("grows no more",),
    ),
    _no_leak(name="collected", cause="grows no more", faults=("memory-returns",)),
    _scenario(name="over before anybody looked", cause="", outcome=Outcome.SELF_RECOVERED),
    _scenario(
        name="Prometheus is down",
        cause="",
        faults=("prometheus-down",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("could not verify the alert", "no action taken"),
    ),
)

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
WARMING_UP = sights.GROWING.model_copy(update={"over": timedelta(seconds=2)})
FULL = sights.LEVELLED_OFF.model_copy(update={"share": 0.98, "floor": 0.97, "full": 0.9})
UNCLEAR = sights.LEAK.model_copy(update={"steady": False})

ROWS = (
    _dismissed("restarted meanwhile", turns_out(sights.JUST_STARTED)),
    _dismissed(
        "restarted meanwhile",
        growing(growth=WARMING_UP, process=sights.YOUNG, caches=BLOATED),
        variant="and its caches fill again",
        also_seen=("cache without a bound",),
    ),
    _dismissed("grows with the traffic", growing(growth=sights.GROWING_WITH_TRAFFIC), also_seen=("leak",)),
    _dismissed("a cache that levels off", turns_out(sights.LEVELLED_OFF), also_seen=("grows no more",)),
    _dismissed(
        "one step",
        turns_out(sights.STEADY_GROWTH.model_copy(update={"trend": JUMPED})),
        also_seen=("grows no more",),
    ),
    _dismissed(
        "one step",
        growing(growth=sights.STEADY_GROWTH.model_copy(update={"trend": JUMPED})),
        variant="seen by the first look",
        also_seen=("grows no more",),
    ),
    _dismissed(
        "a cache that levels off",
        growing(growth=sights.LEVELLED_OFF),
        variant="seen by the first look",
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
    _restarts("unknown", turns_out(FULL), variant="it is full, and so grows no more"),
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
