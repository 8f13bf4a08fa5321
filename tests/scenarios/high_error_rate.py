"""HighErrorRate: every row of its causes table, two causes at once, and the ways in which it must not act."""

from __future__ import annotations

from functools import partial
from typing import Any

from activities.postgres.database_seen import DatabaseKind
from demo.faults.fault import OBSERVED
from demo.observed import HEAP
from demo.systems.compose import ComposedServices
from demo.systems.services import BACKEND, FIRST_VERSION
from models.evidence.evidence import Finding
from models.incident.incident import Outcome, Phase
from tests.parts.product.pipeline import Pipeline, Run
from tests.parts.scenarios.observing import around
from tests.parts.scenarios.play import Played
from tests.parts.scenarios.scenario import Scenario
from tests.workflows import sights
from tests.workflows.rows import Row
from tests.workflows.scenes import SCALABLE, deployed, failing

_row = partial(Scenario, runbook="HighErrorRate", stack=OBSERVED)

HEALED_ELSEWHERE = "DatabaseConnectionFailure/postgres, and waits for its end"
REVERTED = "the temporary change is reverted"

FAR_FROM_FULL = sights.FILLING_HEAP.model_copy(
    update={"finding": Finding.OK, "floor": 0.55, "reason": "55% of the heap in use, growing by 30% in 5 h"}
)


def soon_given_up(content: dict[str, Any]) -> None:
    content["services"]["backend"]["metrics"]["settle"] = "8s"


def cut_off(content: dict[str, Any]) -> None:
    """We do not reach the provider, and the backend does."""
    content["services"]["backend"]["providers"]["openai"]["url"] = "http://127.0.0.1:9/v1/models"


def cpu_to_spare(content: dict[str, Any]) -> None:
    """On a busy machine the backend needs more of it for each error; this is about something else."""
    content["services"]["backend"]["metrics"]["cpu_full"] = 1


async def provider_comes_back(pipeline: Pipeline, run: Run) -> None:
    """Only once the errors were few for the whole window, in the degraded mode, the provider returns."""
    await pipeline.until_state(run, "few errors", lambda state: state.phase is Phase.RESOLVED)
    assert await pipeline.stack.services.backend.is_degraded()
    await around(pipeline).provider.start()


async def not_degraded(pipeline: Pipeline, _: Played) -> None:
    assert not await pipeline.stack.services.backend.is_degraded()


async def memory_is_given_back(pipeline: Pipeline, _: Played) -> None:
    used = await around(pipeline).prometheus.value(HEAP)
    assert used is not None
    assert used < 0.4


async def runs_the_first_version(pipeline: Pipeline, played: Played) -> None:
    """By the engine's word: the image of before, in a new container."""
    services = pipeline.stack.services
    assert isinstance(services, ComposedServices)
    (back,) = played.review.performed
    assert f"{services.project}:{FIRST_VERSION}" in back.found
    assert await services.image_of(BACKEND) == f"{services.project}:{FIRST_VERSION}"


async def still_locked(pipeline: Pipeline, _: Played) -> None:
    """Nothing was restarted: the session that blocks the others is there."""
    async with pipeline.stack.services.cluster.superuser() as superuser:
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cost-import'"
        assert await superuser.fetchval(query) == 1


SCENARIOS = (
    _row(
        name="database lost",
        cause="database lost",
        faults=("errors-database-stopped",),
        also_seen=("pool exhausted",),
        timeline=(HEALED_ELSEWHERE, "page to dba", "DatabaseConnectionFailure on postgres: resolved"),
    ),
    _row(
        name="database deadlock",
        cause="database deadlock",
        faults=("errors-deadlock",),
        action=("restart-database",),
        says=("of cost-import blocks others", "LOCK TABLE costs"),
        approved_by=("anna",),
        timeline=("page to dba",),
    ),
    _row(
        name="pool exhausted",
        cause="pool exhausted",
        faults=("errors-pool-empty",),
        configure=cpu_to_spare,
        timeline=(HEALED_ELSEWHERE, "set PRISMA_DATABASE_URL_POOL_SIZE=20"),
    ),
    _row(
        name="external API down, and back",
        cause="external API down",
        faults=("provider-down",),
        action=("degrade", "restore-service"),
        says=("openai",),
        timeline=(REVERTED,),
        evidence={"providers": "openai: connection refused", "issues": "OpenAI API error"},
        meanwhile=provider_comes_back,
        afterwards=not_degraded,
    ),
    _row(
        name="bad image",
        cause="bad deployment",
        stack="observed-docker",
        faults=("bad-deployment",),
        action=("roll-back",),
        approved_by=("anna",),
        timeline=("page to platform-team",),
        evidence={"errors": "worst: /api/analytics/products", "issues": "new since the deployment"},
        afterwards=runs_the_first_version,
    ),
    _row(
        name="memory leak",
        cause="memory leak",
        faults=("memory-leak",),
        action=("restart-service",),
        evidence={"memory": "growing by"},
        afterwards=memory_is_given_back,
    ),
    _row(
        name="workflow failures",
        cause="workflow failures",
        faults=("workflows-fail",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("read the failed workflows",),
        evidence={"executions": "/namespaces/affiliate/workflows/sync-products-", "issues": "SyncProducts"},
    ),
    _row(
        name="out of capacity",
        cause="out of capacity",
        faults=("overloaded",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("scale out",),
        evidence={"cpu": "as many as it may"},
    ),
    _row(
        name="unknown",
        cause="unknown",
        faults=("bad-cache",),
        action=("restart-service",),
        approved_by=("anna",),
    ),
    _row(
        name="a restart does not help",
        cause="unknown",
        faults=("bad-cache-for-good",),
        configure=soon_given_up,
        action=("restart-service",),
        approved_by=("anna",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("backend still fails",),
    ),
    _row(
        name="a bad deployment that leaks",
        cause="bad deployment",
        faults=("bad-deployment", "memory-leak"),
        also_seen=("memory leak",),
        action=("roll-back",),
        says=("recent deployments: version 2", "the rollback script succeeded"),
        approved_by=("anna",),
        evidence={"issues": "new since the deployment"},
        afterwards=memory_is_given_back,
    ),
    _row(
        name="database lost and circuit open",
        cause="database lost",
        faults=("provider-down", "errors-database-stopped"),
        also_seen=("pool exhausted", "external API down"),
        action=("degrade", "restore-service"),
        timeline=(HEALED_ELSEWHERE, REVERTED),
        evidence={"logs": "circuit"},
        meanwhile=provider_comes_back,
        afterwards=not_degraded,
    ),
    _row(
        name="only we do not reach its provider",
        cause="provider not reached",
        faults=("bad-cache",),
        configure=cut_off,
        evidence={"providers": "openai: connection refused"},
        resolved_when=Phase.AWAITING_APPROVAL,
        outcome=Outcome.RESOLVED_ELSEWHERE,
        afterwards=not_degraded,
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
        name="no traffic",
        cause="",
        faults=("no-users",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("there is no traffic, so nobody knows",),
    ),
    _row(
        name="resolved before the approval",
        cause="database deadlock",
        faults=("errors-deadlock",),
        configure=cpu_to_spare,
        resolved_when=Phase.AWAITING_APPROVAL,
        outcome=Outcome.RESOLVED_ELSEWHERE,
        afterwards=still_locked,
    ),
)

ROWS = (
    Row(
        "database lost",
        failing(
            database=sights.database(DatabaseKind.REFUSED),
            database_process=sights.crashed(sights.LONG_AGO),
        ),
        done=("start postgres",),
        pages=("On-Call", "DBA"),
    ),
    Row(
        "database deadlock",
        failing(sessions=sights.deadlocked()),
        asks=True,
        done=("restart the database postgres",),
        pages=("On-Call", "DBA"),
    ),
    Row(
        "database deadlock",
        failing(sessions=sights.no_room(idle=False)),
        variant="no connection is left",
        asks=True,
        done=("restart the database postgres",),
        pages=("On-Call", "DBA"),
    ),
    Row(
        "pool exhausted",
        failing(health=sights.REFUSED, logs=sights.log_with("pool-exhausted")),
        done=("set POOL=50 in the environment of backend and recreate it",),
    ),
    Row(
        "pool exhausted",
        failing(health=sights.NAMES_DATABASE),
        variant="only its health check says that it is the database",
    ),
    Row(
        "external API down",
        failing(providers=sights.PROVIDER_DOWN),
        done=("degrade backend gracefully while openai is down", "end the degraded mode of backend"),
    ),
    Row(
        "external API down",
        failing(providers=sights.PROVIDER_DOWN),
        variant="no degraded mode",
        configuration={"services": {"backend": {"degradation": None}}},
        needs_a_human=True,
    ),
    Row(
        "provider not reached",
        failing(providers=sights.PROVIDER_NOT_REACHED),
        asks=True,
        done=("degrade backend gracefully while openai is down", "end the degraded mode of backend"),
    ),
    Row(
        "bad deployment",
        deployed(failing(providers=sights.PROVIDER_NOT_REACHED)),
        variant="and a provider that only we do not reach",
        asks=True,
        done=("roll backend back from backend:2 to backend:1",),
        pages=("On-Call", "Platform Team"),
        also_seen=("provider not reached",),
    ),
    Row(
        "bad deployment",
        deployed(failing()),
        asks=True,
        done=("roll backend back from backend:2 to backend:1",),
        pages=("On-Call", "Platform Team"),
    ),
    Row("memory leak", failing(memory=sights.FILLING_HEAP), done=("restart backend",)),
    Row(
        "unknown",
        failing(memory=FAR_FROM_FULL),
        variant="its heap grows, and is far from full",
        asks=True,
        done=("restart backend",),
    ),
    Row("workflow failures", failing(executions=sights.FAILED_WORKFLOWS), needs_a_human=True),
    Row(
        "out of capacity",
        failing(cpu=sights.FULL_CPU),
        configuration=SCALABLE,
        done=("scale backend from 1 to 2 replicas",),
    ),
    Row(
        "out of capacity", failing(cpu=sights.FULL_CPU), variant="scaling is not allowed", needs_a_human=True
    ),
    Row("unknown", failing(), asks=True, done=("restart backend",)),
    Row(
        "external API down",
        failing(providers=sights.PROVIDER_DOWN, memory=sights.FILLING_HEAP, cpu=sights.FULL_CPU),
        variant="and two more",
        done=("degrade backend gracefully while openai is down", "end the degraded mode of backend"),
        also_seen=("memory leak", "out of capacity"),
    ),
)
