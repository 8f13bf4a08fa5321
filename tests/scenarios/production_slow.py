"""ProductionSlow: every row of its causes table, two causes at once, and when it must not act."""

from __future__ import annotations

from functools import partial
from typing import Any

import asyncpg

from demo.faults.fault import OBSERVED
from models.incident.incident import Outcome, Phase
from tests.parts.product.pipeline import Pipeline, Run
from tests.parts.scenarios.observing import around
from tests.parts.scenarios.play import Played
from tests.parts.scenarios.scenario import Scenario
from tests.workflows import sights
from tests.workflows.rows import Row
from tests.workflows.runbooks import slow_sights as slow
from tests.workflows.scenes import SCALABLE

REVERTED = "the temporary change is reverted"
INDEX = "CREATE INDEX CONCURRENTLY ON public.visits (visitor)"


def as_warning(content: dict[str, Any]) -> None:
    """As it is shipped: what risks a short outage is asked for. A busy machine has few requests."""
    content["alerts"]["ProductionSlow"]["severity"] = "warning"
    content["services"]["backend"]["metrics"]["min_requests"] = 3


def soon_given_up(content: dict[str, Any]) -> None:
    as_warning(content)
    content["services"]["backend"]["metrics"]["settle"] = "6s"


def needs_known(content: dict[str, Any]) -> None:
    """The route of the report is known to need its provider alone."""
    soon_given_up(content)
    content["services"]["backend"]["metrics"]["latency"]["needs"] = {"/api/reports/visits": ["openai"]}


async def provider_is_fast_again(pipeline: Pipeline, run: Run) -> None:
    """Only once it answers in time in the degraded mode, the provider is fast again."""
    await pipeline.until_state(run, "in time", lambda state: state.phase is Phase.RESOLVED)
    assert await pipeline.stack.services.backend.is_degraded()
    around(pipeline).provider_slow.unlink()


async def not_degraded(pipeline: Pipeline, _: Played) -> None:
    assert not await pipeline.stack.services.backend.is_degraded()


async def no_index_was_made(pipeline: Pipeline, _: Played) -> None:
    session = await asyncpg.connect(pipeline.stack.services.cluster.url)
    try:
        assert not await session.fetchval("SELECT count(*) FROM pg_indexes WHERE tablename = 'visits'")
    finally:
        await session.close()


_row = partial(Scenario, runbook="ProductionSlow", stack=OBSERVED, configure=as_warning)
_left = partial(_row, outcome=Outcome.CLOSED_BY_HUMAN)

SCENARIOS = (
    _row(
        name="statistics out of date",
        cause="old statistics",
        faults=("old-statistics",),
        also_seen=("slow statements",),
        action=("analyze-tables",),
        says=("2980 of 3000 rows of public.jobs changed", "new statistics of"),
        evidence={"slowness": "public.steps", "latency": "slow: /api/reports/steps"},
    ),
    _left(
        name="statistics renewed in vain",
        cause="old statistics",
        faults=("never-analyzed",),
        action=("analyze-tables",),
        also_seen=("missing index", "slow statements"),
        timeline=("backend still fails", INDEX),
        configure=soon_given_up,
        afterwards=no_index_was_made,
    ),
    _left(
        name="missing index",
        cause="missing index",
        faults=("missing-index",),
        also_seen=("slow statements",),
        timeline=(INDEX,),
        evidence={"slowness": "public.visits (600000 rows) was read whole"},
        afterwards=no_index_was_made,
    ),
    _left(
        name="slow statements",
        cause="slow statements",
        faults=("slow-statement",),
        timeline=("SELECT count(DISTINCT page || visitor) FROM visits",),
    ),
    _row(
        name="costs locked",
        cause="locks",
        faults=("costs-locked",),
        also_seen=("slow statements",),
        action=("terminate-sessions",),
        says=("cost-import",),
        approved_by=("anna",),
        timeline=("page to dba",),
    ),
    _row(
        name="slow provider, and fast again",
        cause="slow provider",
        faults=("slow-provider",),
        action=("degrade", "restore-service"),
        says=("openai is slow",),
        approved_by=("anna",),
        timeline=(REVERTED,),
        evidence={"provider_times": "openai takes"},
        meanwhile=provider_is_fast_again,
        afterwards=not_degraded,
    ),
    _row(
        name="slow version",
        cause="bad deployment",
        faults=("slow-deployment",),
        action=("roll-back",),
        approved_by=("anna",),
        timeline=("page to platform-team",),
        evidence={"latency": "slow: /api/cost-tracking/budget-status"},
    ),
    _row(
        name="garbage",
        cause="short of memory",
        faults=("garbage",),
        action=("restart-service",),
        approved_by=("anna",),
        evidence={"collecting": "goes into collecting garbage"},
    ),
    _left(
        name="busy CPU",
        cause="busy CPU",
        faults=("busy-cpu",),
        timeline=("scale out",),
        evidence={"cpu": "as many as it may"},
        alone=True,
    ),
    _left(
        name="more traffic",
        cause="more traffic",
        faults=("more-traffic",),
        timeline=("scale out",),
    ),
    _row(
        name="old statistics, and a slow route that needs no database",
        cause="unknown",
        faults=("never-analyzed",),
        action=("restart-service",),
        approved_by=("anna",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        configure=needs_known,
        timeline=("ruled out: old statistics",),
    ),
    _row(name="fast again before anybody looked", cause="", outcome=Outcome.SELF_RECOVERED),
    _left(
        name="Prometheus is down",
        cause="",
        faults=("prometheus-down",),
        timeline=("could not verify the alert", "no action taken"),
    ),
)

_WARNING: dict[str, Any] = {"alerts": {"ProductionSlow": {"severity": "warning"}}}
_told = partial(Row, configuration=_WARNING)
_asks = partial(_told, asks=True)
_human = partial(_told, needs_a_human=True)
_STALE = {"stale": (slow.STALE,)}

ROWS = (
    _asks(
        "locks",
        slow.slow(sessions=slow.locked("idle in transaction")),
        done=("terminate 1 sessions of postgres that are idle for over 10 min",),
        pages=("On-Call", "DBA"),
    ),
    _human(
        "locks",
        slow.slow(sessions=slow.locked("active")),
        variant="the one who holds it works",
        pages=("On-Call", "DBA"),
    ),
    _asks(
        "slow provider",
        slow.slow(provider_times=slow.SLOW_PROVIDER),
        done=("degrade backend gracefully while openai is slow", "end the degraded mode of backend"),
    ),
    _human(
        "slow provider",
        slow.slow(provider_times=slow.SLOW_PROVIDER),
        variant="no degraded mode",
        configuration={**_WARNING, "services": {"backend": {"degradation": None}}},
    ),
    _told(
        "old statistics",
        slow.slow(slowness=slow.statements(**_STALE)),
        done=("ANALYZE public.orders of postgres",),
        also_seen=("slow statements",),
    ),
    _told(
        "old statistics",
        slow.slow(
            slowness=slow.statements(**_STALE, missing=(slow.INDEX,)), provider_times=slow.SLOW_PROVIDER
        ),
        variant="beside a slow provider that no slow route needs",
        configuration={
            **_WARNING,
            "services": {
                "backend": {
                    "metrics": {"latency": {"needs": {"/orders": ["database"], "/carts": ["database"]}}}
                }
            },
        },
        done=("ANALYZE public.orders of postgres",),
        also_seen=("missing index", "slow statements"),
    ),
    _told(
        "old statistics",
        slow.slow(slowness=slow.statements(**_STALE), sessions=slow.locked("active", "backend")),
        variant="by which an UPDATE of its own is slow, that others wait for",
        configuration={**_WARNING, "services": {"postgres": {"database": {"role": "backend"}}}},
        done=("ANALYZE public.orders of postgres",),
        also_seen=("slow statements",),
    ),
    _asks(
        "bad deployment",
        slow.deployed_slow(),
        done=("roll backend back from backend:2 to backend:1",),
        pages=("On-Call", "Platform Team"),
    ),
    _human(
        "missing index",
        slow.slow(slowness=slow.statements(missing=(slow.INDEX,))),
        also_seen=("slow statements",),
    ),
    _human("slow statements", slow.slow(slowness=slow.statements()), pages=("On-Call", "DBA")),
    _asks("short of memory", slow.slow(collecting=slow.COLLECTS), done=("restart backend",)),
    _asks(
        "more traffic",
        slow.slow(latency=slow.BUSY, cpu=sights.FULL_CPU),
        configuration={**_WARNING, **SCALABLE},
        done=("scale backend from 1 to 2 replicas",),
    ),
    _human("busy CPU", slow.slow(cpu=sights.FULL_CPU)),
    _asks("unknown", slow.slow(), done=("restart backend",)),
)
