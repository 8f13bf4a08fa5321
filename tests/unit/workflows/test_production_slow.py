"""ProductionSlow: what speaks for each cause, and what against it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from activities.incidents.policy import policy_for
from activities.managers.process_seen import ProcessSeen
from activities.monitoring.latency import CollectingSeen
from activities.monitoring.memory import MemorySeen
from activities.monitoring.metrics import LabelledValue
from activities.monitoring.provider_latency import ProviderTimesSeen
from activities.postgres.slowness_seen import SlownessSeen
from models.actions.plan import Choice, Plan
from models.configuration.configuration import Configuration
from models.evidence.evidence import Evidence, Finding
from models.evidence.seen import Seen
from models.incident.alert import Alert
from models.incident.policy import Policy
from tests.unit.workflows.test_high_error_rate import deployment
from tests.workflows import sights
from tests.workflows.configuration import CONFIGURATION, merged
from tests.workflows.runbooks import slow_sights as slow
from tests.workflows.scenes import SCALABLE
from workflows.diagnosis import looks, plans
from workflows.diagnosis.causes import Walked, walk
from workflows.diagnosis.look import Look
from workflows.diagnosis.situation import Situation
from workflows.runbooks.production_slow import CAUSES, analyze, roll_back_or_scale

Found = tuple[Look[Evidence], Evidence]
STALE = slow.statements(stale=(slow.STALE,))


def policy(**latency: object) -> Policy:
    backend = {"metrics": {"latency": latency}, **SCALABLE["services"]["backend"]}
    content = merged(CONFIGURATION, {"services": {"backend": backend}})
    alert = Alert(name="ProductionSlow", service="backend", starts_at=sights.LONG_AGO)
    return policy_for(alert, Configuration.model_validate(content))


def situation(*found: Found, **latency: object) -> Situation:
    its = policy(**latency)
    assert its.service is not None
    usual = [(looks.latency, slow.SLOW), (looks.process, sights.RUNNING)]
    return Situation(Seen().having(usual).having(found), its, its.service)


def walked(*found: Found, **latency: object) -> Walked:
    return walk(CAUSES, situation(*found, **latency))


def of_the_role(user: str, seen: Evidence) -> Situation:
    """The application has this role in its database."""
    now = situation((looks.sessions, seen))
    (postgres,) = now.policy.dependencies
    assert postgres.database
    of = postgres.model_copy(update={"database": postgres.database.model_copy(update={"role": user})})
    return replace(now, policy=now.policy.model_copy(update={"dependencies": (of,)}))


def stale(**facts: object) -> SlownessSeen:
    return slow.statements(stale=(slow.STALE.model_copy(update=facts),))


@pytest.mark.parametrize(
    "seen",
    [
        stale(analyzed_at=slow.BEGAN + timedelta(minutes=1)),
        slow.statements(stale=(slow.STALE,), analyzing=("public.orders",)),
        slow.statements(stale=(slow.STALE,), standby=True),
        STALE.model_copy(update={"statements": (slow.STATEMENT.model_copy(update={"executions": 1}),)}),
        SlownessSeen(reason="the role sees only its own sessions"),
    ],
    ids=["analyzed since it is slow", "being analyzed", "a standby", "one long report", "cannot be asked"],
)
def test_statistics_are_not_renewed_without_need(seen: SlownessSeen) -> None:
    assert walked((looks.slowness, seen)).cause.name != "old statistics"
    assert "old statistics" not in walked((looks.slowness, seen)).also_seen


def test_statistics_that_were_renewed_before_it_became_slow_are_old_again() -> None:
    assert walked((looks.slowness, STALE)).cause.name == "old statistics"
    assert walked((looks.slowness, stale(analyzed_at=None))).cause.name == "old statistics"


def test_only_the_tables_that_nobody_analyzes_are_in_the_plan() -> None:
    other = slow.STALE.model_copy(update={"name": "carts"})
    seen = slow.statements(stale=(slow.STALE, other), analyzing=("public.orders",))
    plan = analyze(situation((looks.slowness, seen)))
    assert plan is not None
    assert plan.says == "ANALYZE public.carts of postgres"


@pytest.mark.parametrize(
    ("needs", "cause"),
    [
        ({}, "old statistics"),
        ({"/orders": ("database",)}, "old statistics"),
        ({"/orders": ("openai",), "/carts": ("database", "openai")}, "old statistics"),
        ({"/orders": ("openai",), "/carts": ("pika",)}, "unknown"),
    ],
    ids=["nothing is known", "one is not listed", "one needs it", "none needs it"],
)
def test_what_no_slow_route_needs_is_not_blamed(needs: dict[str, tuple[str, ...]], cause: str) -> None:
    assert walked((looks.slowness, STALE), needs=needs).cause.name == cause


def test_a_provider_that_no_slow_route_needs_is_not_blamed() -> None:
    found = (looks.provider_times, slow.SLOW_PROVIDER)
    assert walked(found).cause.name == "slow provider"
    needs = {"/orders": ("database",), "/carts": ("pika",)}
    assert walked(found, needs=needs).cause.name == "unknown"
    assert walked(found, needs={**needs, "/carts": ("OpenAI",)}).cause.name == "slow provider"


@pytest.mark.parametrize(
    ("beside", "cause"),
    [
        ((looks.cpu, sights.FULL_CPU), "busy CPU"),
        ((looks.collecting, slow.COLLECTS), "short of memory"),
        ((looks.cpu, sights.IDLE_CPU), "slow provider"),
    ],
    ids=["busy", "collects garbage", "idle"],
)
def test_calls_that_wait_for_the_service_itself_are_no_slow_provider(beside: Found, cause: str) -> None:
    """A probe is answered in time, and the service has no time for what its calls bring."""
    seen = slow.SLOW_PROVIDER.model_copy(update={"probed_fast": ("openai",)})
    assert walked((looks.provider_times, seen), beside).cause.name == cause
    assert walked((looks.provider_times, slow.SLOW_PROVIDER), beside).cause.name == "slow provider"


def test_where_most_routes_are_slow_and_the_probe_is_fast_no_provider_is_blamed() -> None:
    routes = tuple(LabelledValue(label=f"/{n}", value=3) for n in range(4))
    every = slow.SLOW.model_copy(update={"routes": routes})
    seen = slow.SLOW_PROVIDER.model_copy(update={"probed_fast": ("openai",)})
    assert walked((looks.latency, every), (looks.provider_times, seen)).cause.name == "unknown"


@pytest.mark.parametrize(
    "found",
    [
        (looks.memory, MemorySeen(finding=Finding.BAD, reason="95%", floor=0.95, full=0.9)),
        (looks.collecting, slow.COLLECTS),
        (looks.process, sights.at_its_limit()),
    ],
    ids=["heap", "collecting", "limit"],
)
def test_too_little_memory_is_recognised_by_each_of_its_signs(found: Found) -> None:
    assert walked(found).cause.name == "short of memory"
    one_route = (looks.latency, slow.ONE_ROUTE)
    assert walked(found, one_route).cause.name == "unknown"


def test_a_full_heap_that_collects_hardly_anything_slows_nothing() -> None:
    full = (looks.memory, MemorySeen(finding=Finding.BAD, reason="95%", floor=0.95, full=0.9))
    assert walked(full, (looks.collecting, slow.COLLECTS_LITTLE)).cause.name == "unknown"
    unknown = (looks.collecting, CollectingSeen(reason="no data"))
    assert walked(full, unknown).cause.name == "short of memory"


def test_what_has_just_started_warms_up() -> None:
    young: ProcessSeen = sights.YOUNG
    assert walked((looks.collecting, slow.COLLECTS), (looks.process, young)).cause.name == "unknown"


@pytest.mark.parametrize(
    ("usual", "cpu", "cause"),
    [
        (20, sights.FULL_CPU, "more traffic"),
        (20, sights.IDLE_CPU, "unknown"),
        (59, sights.FULL_CPU, "busy CPU"),
        (None, sights.FULL_CPU, "busy CPU"),
        (0, sights.FULL_CPU, "busy CPU"),
    ],
    ids=["three times as much", "and an idle CPU", "as usual", "nothing is usual", "nobody before"],
)
def test_more_traffic_is_more_than_usual(usual: float | None, cpu: Evidence, cause: str) -> None:
    busy = slow.BUSY.model_copy(update={"usual_traffic": usual})
    assert walked((looks.latency, busy), (looks.cpu, cpu)).cause.name == cause


def test_a_slow_version_that_is_short_of_cpu_offers_both() -> None:
    history = (looks.history, deployment(slow.BEGAN - timedelta(minutes=1)))
    offer = roll_back_or_scale(situation(history, (looks.cpu, sights.FULL_CPU)))
    assert isinstance(offer, Choice)
    assert offer.recommended.says.startswith("roll backend back")
    assert [one.says for one in offer.others] == ["scale backend from 1 to 2 replicas"]
    assert isinstance(roll_back_or_scale(situation(history)), Plan)
    assert walked(history).cause.name == "bad deployment"


@pytest.mark.parametrize(
    ("deployed", "good_until"),
    [(timedelta(hours=1), timedelta()), (timedelta(minutes=-5), timedelta()), (timedelta(minutes=1), None)],
    ids=["long before", "after it was slow", "nobody saw it begin"],
)
def test_a_deployment_is_not_blamed_for_what_began_otherwise(
    deployed: timedelta, good_until: timedelta | None
) -> None:
    seen = slow.SLOW.model_copy(
        update={"good_until": None if good_until is None else slow.BEGAN - timedelta(seconds=15)}
    )
    history = (looks.history, deployment(slow.BEGAN - deployed))
    assert walked(history, (looks.latency, seen)).cause.name == "unknown"


def test_unknown_evidence_is_no_cause() -> None:
    """Nothing could be asked: no row matches."""
    blind = (
        (looks.slowness, SlownessSeen(reason="no route")),
        (looks.provider_times, ProviderTimesSeen(reason="no provider could be asked")),
        (looks.collecting, CollectingSeen(reason="no data")),
    )
    assert walked(*blind).cause.name == "unknown"


def test_who_else_waits_for_a_lock_makes_the_application_no_slower() -> None:
    """A nightly import waits for the lock of another; no session of the application does."""
    seen = slow.locked("idle in transaction")
    theirs = seen.model_copy(update={"blocked": (seen.blocked[0].model_copy(update={"user": "importer"}),)})
    for user, cause in (("shop", "unknown"), ("importer", "locks")):
        assert walk(CAUSES, of_the_role(user, theirs)).cause.name == cause


def test_a_session_that_works_is_not_ended() -> None:
    for state, ended in (("idle in transaction", True), ("active", False)):
        plan = plans.end_blockers(situation((looks.sessions, slow.locked(state))))
        assert (plan is not None) is ended
