"""What the scripted world shows of a service that answers too late."""

from __future__ import annotations

from datetime import timedelta

from activities.monitoring.latency import CollectingSeen, LatencySeen
from activities.monitoring.metrics import LabelledValue
from activities.monitoring.provider_latency import ProviderTimesSeen
from activities.postgres.sessions import SessionSeen, SessionsSeen
from activities.postgres.slowness_seen import MissingIndex, SlownessSeen, SlowStatement
from models.actions.database import TableStatistics
from models.evidence.evidence import Finding
from tests.workflows import sights
from tests.workflows.harness import Harness
from tests.workflows.scenes import Scene, deployed, scene

BEGAN = sights.LONG_AGO + timedelta(hours=2)

SLOW = LatencySeen(
    finding=Finding.BAD,
    reason="p95 is 3.2 s, over its 1 s",
    p95=3.2,
    threshold=1,
    traffic=20,
    usual_traffic=20,
    routes=(LabelledValue(label="/orders", value=4), LabelledValue(label="/carts", value=3)),
    routes_seen=5,
    since=BEGAN,
    good_until=BEGAN - timedelta(seconds=15),
)
IN_TIME = LatencySeen(finding=Finding.OK, reason="p95 is 0.1 s, within its 1 s", p95=0.1, traffic=20)
NOBODY_ASKS = LatencySeen(reason="there is no traffic, so nobody knows")
BUSY = SLOW.model_copy(update={"traffic": 60})
ONE_ROUTE = SLOW.model_copy(update={"routes": SLOW.routes[:1]})

STATEMENT = SlowStatement(
    text="SELECT * FROM orders WHERE shop = $1",
    application="backend",
    sessions=2,
    executions=9,
    longest=timedelta(seconds=2),
    tables=("public.orders",),
)
STALE = TableStatistics(
    table_schema="public",
    name="orders",
    rows=90_000,
    changed=80_000,
    analyzed_at=BEGAN - timedelta(days=9),
)
INDEX = MissingIndex(
    create="CREATE INDEX CONCURRENTLY ON public.orders (shop)", table="public.orders", because=STATEMENT.text
)
SLOW_PROVIDER = ProviderTimesSeen(
    finding=Finding.BAD,
    reason="by the service's own calls: openai takes 40 s, usually 6 s",
    slow=(LabelledValue(label="openai", value=40),),
    by_calls=True,
)
COLLECTS = CollectingSeen(finding=Finding.BAD, reason="40% of its time goes into collecting", share=0.4)
COLLECTS_LITTLE = CollectingSeen(finding=Finding.OK, reason="1%", share=0.01)


def statements(**facts: object) -> SlownessSeen:
    """A slow statement, and what else is known of it."""
    seen = SlownessSeen(finding=Finding.BAD, reason="1 slow statement", statements=(STATEMENT,))
    return seen.model_copy(update=facts)


def slow(**changes: object) -> Scene:
    """The service runs, is healthy, and answers too late."""
    usual = {"health": sights.HEALTHY, "process": sights.RUNNING, "latency": SLOW}
    return scene(**{**usual, **changes})


def deployed_slow() -> Scene:
    """It is slow since a minute after a deployment of five minutes ago."""

    async def told(harness: Harness) -> None:
        await deployed(slow())(harness)
        errors = harness.world.errors
        began = {"since": errors.since, "good_until": errors.good_until}
        await slow(latency=SLOW.model_copy(update=began))(harness)

    return told


def locked(state: str, user: str = "") -> SessionsSeen:
    """A session in this state has held a lock for an hour."""
    holder = SessionSeen(
        pid=41,
        backend_start=sights.LONG_AGO,
        application="import",
        user=user,
        state=state,
        lasts=timedelta(hours=1),
        query="UPDATE orders",
    )
    seen = sights.deadlocked()
    return seen.model_copy(update={"blockers": (holder,)})
