"""What external APIs cost, out of a real Prometheus: counters, gauges, and each way in which they mislead."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from temporalio.testing import ActivityEnvironment

from activities.doctor.systems import check_costs
from activities.monitoring.costs import CostActivities, CostsSeen, LookAtCosts
from activities.monitoring.prometheus import Prometheus
from models.checks.item import ItemState
from models.evidence.evidence import Finding
from models.service.costs import Costs, PaidApi
from models.service.service import DockerManager, Service
from runtime import settings
from tests.parts.servers.prometheus_server import prometheus_with
from workflows.checks.daily_findings import spending

STEP = 60
TWO_DAYS = 48 * 3600
AHEAD = 900
DAY = 24 * 3600
HOUR = 3600
SINCE_MIDNIGHT = int(datetime.now(UTC).timestamp()) % DAY
"""Seconds of this day that had passed in UTC when the samples were made."""

Shape = Callable[[int], float | None]
"""Dollars so many seconds ago; None where there is no sample."""


def steadily(a_day: float) -> Shape:
    return lambda ago: (TWO_DAYS + AHEAD - ago) * a_day / DAY


def since(seconds: int, a_day: float, before: float = 0) -> Shape:
    """So much a day since then, and `before` a day until then."""
    return lambda ago: (max(0, TWO_DAYS - max(ago, seconds)) * before + max(0, seconds - ago) * a_day) / DAY


def restarted(every: int, shape: Shape) -> Shape:
    """A counter in memory: it begins with nothing at each start of the process."""
    return lambda ago: (shape(ago) or 0) - (shape(-(-ago // every) * every) or 0)


def once(seconds: int, dollars: float) -> Callable[[int], float]:
    """Spent within a quarter of an hour."""
    return lambda ago: dollars * min(1.0, max(0.0, (seconds - ago) / 900))


def each_day(shape: Shape) -> Shape:
    """The gauge of a day: it begins anew at midnight, UTC."""

    def value(ago: int) -> float:
        midnight = SINCE_MIDNIGHT + (-(-(ago - SINCE_MIDNIGHT) // DAY) if ago > SINCE_MIDNIGHT else 0) * DAY
        return (shape(ago) or 0) - (shape(midnight) or 0)

    return value


def wavers(around: float) -> Shape:
    """The spend of the last 24 h at each moment: it falls as often as it rises."""
    return lambda ago: around + (ago // STEP % 7) / 10


def of_one_worker_or_another(*shapes: Shape) -> Shape:
    """Each scrape meets another process behind the same address."""
    return lambda ago: shapes[ago // STEP % len(shapes)](ago)


def appears(seconds: int, shape: Shape) -> Shape:
    """Its series is there since then, with all that was spent before from the first."""
    return lambda ago: shape(ago) if ago <= seconds else None


def until(seconds: int, shape: Shape) -> Shape:
    return lambda ago: shape(ago) if ago > seconds else None


SERIES: dict[str, dict[str, Shape]] = {
    "steady": {'service="openai"': steadily(60), 'service="pika"': steadily(24)},
    "over": {'service="openai"': steadily(600), 'service="pika"': since(5 * HOUR, 480, before=12)},
    "restarted": {'service="openai"': restarted(3 * HOUR, steadily(120))},
    "daily": {'service="openai"': each_day(steadily(120))},
    "rolling": {'service="openai"': wavers(120)},
    "step": {'service="openai"': once(6 * HOUR, 140), 'service="pika"': steadily(12)},
    "exported": {'service="backend",exported_service="openai"': steadily(120)},
    "replicas": {
        'service="openai",instance="a"': steadily(60),
        'service="openai",instance="b"': restarted(HOUR, steadily(60)),
    },
    "renamed": {'provider="gpt-4o"': steadily(50), 'provider="OpenAI"': steadily(70)},
    "nameless": {'instance="a"': steadily(120)},
    "stopped": {'service="openai"': until(HOUR, steadily(120))},
    "begins": {'service="openai"': since(HOUR, 480)},
    "rising": {'service="openai"': since(2 * HOUR, 480)},
    "backend": {'service="openai"': steadily(50), 'service="Pika Labs"': since(HOUR, 1680)},
    "workers": {'service="openai"': of_one_worker_or_another(steadily(20), steadily(30))},
    "appeared": {'service="openai"': appears(6 * HOUR, steadily(96))},
    "batch": {
        'service="openai"': once(6 * HOUR, 140),
        'service="pika"': lambda ago: once(1800, 15)(ago) + once(DAY + 1800, 15)(ago),
    },
    "many": {f'service="model-{number}"': steadily(2) for number in range(60)},
    "broken": {'service="openai"': lambda _: math.nan, 'service="pika"': steadily(20)},
    "corrected": {
        'service="openai"': lambda ago: 480 + (steadily(20)(ago) or 0) - (10 if ago < 5 * HOUR else 0)
    },
    "restored": {'service="openai"': lambda ago: 0 if ago == HOUR else 480 + (steadily(20)(ago) or 0)},
    "half-down": {
        'service="openai",instance="a"': steadily(20),
        'service="pika",instance="b"': until(HOUR, steadily(90)),
    },
    "free": {'service="openai"': lambda _: 0},
}


def openmetrics(now: int) -> str:
    lines = ["# TYPE affiliate_api_cost_dollars unknown"]
    for job, series in SERIES.items():
        for labels, shape in series.items():
            at = [(now - ago, shape(ago)) for ago in range(TWO_DAYS, -AHEAD, -STEP)]
            name = f'affiliate_api_cost_dollars{{job="{job}",{labels}}}'
            lines += [f"{name} {value} {when}" for when, value in at if value is not None]
    lines += ["# TYPE up gauge"]
    for instance, value in (("a", 1), ("b", 0)):
        lines += [
            f'up{{job="half-down",instance="{instance}"}} {value} {now - ago}'
            for ago in range(HOUR, -AHEAD, -STEP)
        ]
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus_with(openmetrics(int(time.time())), tmp_path_factory.mktemp("prometheus")) as url:
        yield url


@pytest.fixture
async def activities() -> AsyncIterator[CostActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield CostActivities(Prometheus(client))


def costs_of(url: str, job: str, **more: Any) -> Costs:
    """The shipped expression, for one of the series."""
    one = f'affiliate_api_cost_dollars{{job="{job}"}}'
    spent = Costs.model_fields["spent"].default.replace("affiliate_api_cost_dollars", one)
    return Costs.model_validate({"prometheus": url, "spent": spent, "samples": one, **more})


async def look(activities: CostActivities, costs: Costs | None, time_zone: str = "UTC") -> CostsSeen:
    service = Service(name="backend", manager=DockerManager(container="backend"), costs=costs)
    request = LookAtCosts(service=service, time_zone=time_zone)
    seen: CostsSeen = await ActivityEnvironment().run(activities.look_at_costs, request)
    assert seen.observed_at is not None
    return seen


def about(dollars: float) -> Any:
    return pytest.approx(dollars, rel=0.03, abs=0.3)


async def test_the_spend_of_a_day_is_known_by_provider(activities: CostActivities, prometheus: str) -> None:
    seen = await look(activities, costs_of(prometheus, "steady"))
    assert (seen.finding, seen.total, seen.pace) == (Finding.OK, about(84), about(3.5))
    assert {one.api: one.total for one in seen.apis} == {"openai": about(60), "pika": about(24)}
    assert seen.projected == about(84), "what is spent of the day, and the pace for what is left of it"
    assert "in the last 24 h, against a budget of $100 (" in seen.reason
    assert seen.step is None


async def test_a_target_that_is_down_leaves_its_pace_unknown_though_another_answers(
    activities: CostActivities, prometheus: str
) -> None:
    costs = costs_of(prometheus, "half-down", pace_over="50m")
    seen = await look(activities, costs)
    assert (seen.finding, seen.pace) == (Finding.BAD, about(20 / 24))
    assert "b cannot be scraped, and may spend more" in seen.reason
    assert not seen.slow_enough(costs), "it cannot be known that it is over"
    seen = await look(activities, costs.model_copy(update={"budget": 1000}))
    assert seen.unknown
    assert not (await look(activities, costs_of(prometheus, "steady"))).unseen


async def test_the_shipped_configuration_knows_the_spend(activities: CostActivities, prometheus: str) -> None:
    shipped = settings.load(Path(__file__).parents[3] / "runbooks.yaml", {}).services["backend"].costs
    assert shipped is not None
    seen = await look(activities, shipped.model_copy(update={"prometheus": prometheus}))
    assert (seen.finding, seen.total) == (Finding.BAD, about(120))
    assert [(one.api, one.total) for one in seen.apis] == [("pika", about(70)), ("openai", about(50))]


async def test_over_the_budget_names_first_what_grew_and_not_what_is_always_dear(
    activities: CostActivities, prometheus: str
) -> None:
    seen = await look(activities, costs_of(prometheus, "over"))
    assert (seen.finding, seen.total, seen.pace) == (Finding.BAD, about(600 + 100 + 9.5), about(45))
    assert [one.api for one in seen.apis] == ["pika", "openai"]
    pika, openai = seen.apis
    assert (pika.pace, pika.usual_pace) == (about(20), about(0.5))
    assert (openai.pace, openai.usual_pace) == (about(25), about(25))


@pytest.mark.parametrize(
    ("job", "state"),
    [("over", ItemState.BAD), ("steady", ItemState.OK), ("nothing-by-this-name", ItemState.UNKNOWN)],
)
async def test_the_daily_check_says_what_was_spent(
    activities: CostActivities, prometheus: str, job: str, state: ItemState
) -> None:
    costs = costs_of(prometheus, job)
    service = Service(name="backend", manager=DockerManager(container="backend"), costs=costs)
    item = spending(service, await look(activities, costs))
    assert (item.state, item.threshold) == (state, "at most 100"), item.reason


@pytest.mark.parametrize("job", ["restarted", "daily", "replicas", "exported", "nameless"])
async def test_restarts_midnights_replicas_and_renamed_labels_change_no_sum(
    activities: CostActivities, prometheus: str, job: str
) -> None:
    seen = await look(activities, costs_of(prometheus, job))
    assert (seen.finding, seen.total, seen.pace) == (Finding.BAD, about(120), about(5))
    assert [one.api for one in seen.apis] == ["all providers" if job == "nameless" else "openai"]


async def test_a_gauge_that_falls_again_and_again_is_no_total(
    activities: CostActivities, prometheus: str
) -> None:
    seen = await look(activities, costs_of(prometheus, "rolling"))
    assert (seen.finding, seen.total) == (Finding.UNKNOWN, None)
    assert "it is no total that grows; write `costs.total`" in seen.reason
    one = 'affiliate_api_cost_dollars{job="rolling"}'
    spent = f"sum by (service) (clamp_min(delta({one}[$window]), 0))"
    fits = costs_of(prometheus, "rolling", total=f"sum by (service) ({one})", spent=spent, label="service")
    assert (await look(activities, fits)).total == about(120.3)


async def test_workers_behind_one_address_that_count_each_for_itself_give_no_spend(
    activities: CostActivities, prometheus: str
) -> None:
    seen = await look(activities, costs_of(prometheus, "workers"))
    assert (seen.finding, seen.total) == (Finding.UNKNOWN, None)
    assert "have the workers behind one address share their counters" in seen.reason


@pytest.mark.parametrize("job", ["corrected", "restored"])
async def test_a_total_that_is_corrected_or_read_again_was_not_spent_anew(
    activities: CostActivities, prometheus: str, job: str
) -> None:
    seen = await look(activities, costs_of(prometheus, job))
    assert (seen.finding, seen.total) == (Finding.UNKNOWN, None)
    assert "as after a correction, and not as after a restart" in seen.reason


async def test_the_bills_of_many_are_all_counted(activities: CostActivities, prometheus: str) -> None:
    seen = await look(activities, costs_of(prometheus, "many"))
    assert (seen.finding, seen.total, seen.pace) == (Finding.BAD, about(120), about(5))


async def test_a_bill_that_is_no_number_is_not_zero(activities: CostActivities, prometheus: str) -> None:
    seen = await look(activities, costs_of(prometheus, "broken"))
    assert (seen.finding, seen.total) == (Finding.UNKNOWN, None)


async def test_what_a_new_series_begins_with_is_lost_here_as_to_the_alert(
    activities: CostActivities, prometheus: str
) -> None:
    seen = await look(activities, costs_of(prometheus, "appeared"))
    assert seen.total == about(24)


async def test_a_step_that_is_over_is_told_with_its_time(activities: CostActivities, prometheus: str) -> None:
    costs = costs_of(prometheus, "step")
    seen = await look(activities, costs)
    assert (seen.finding, seen.total, seen.pace) == (Finding.BAD, about(152), about(0.5))
    assert seen.slow_enough(costs)
    assert seen.step is not None and seen.step.spent == pytest.approx(140, rel=0.1)
    assert seen.observed_at is not None
    assert timedelta(hours=4) < seen.observed_at - seen.step.until < timedelta(hours=7)


async def test_what_is_spent_at_this_time_of_each_day_did_not_grow(
    activities: CostActivities, prometheus: str
) -> None:
    costs = costs_of(prometheus, "batch")
    seen = await look(activities, costs)
    assert (seen.finding, seen.total, seen.pace) == (Finding.BAD, about(155), about(15))
    pika = next(one for one in seen.apis if one.api == "pika")
    assert (pika.pace, pika.usual_pace) == (about(15), about(15))
    assert seen.step is not None and not seen.slow_enough(costs)


async def test_what_still_goes_on_is_no_step(activities: CostActivities, prometheus: str) -> None:
    for job in ("begins", "rising"):
        seen = await look(activities, costs_of(prometheus, job, budget=10))
        assert (seen.finding, seen.pace, seen.step) == (Finding.BAD, about(20), None)


async def test_a_day_that_will_be_too_dear_is_bad_before_it_is(
    activities: CostActivities, prometheus: str
) -> None:
    seen = await look(activities, costs_of(prometheus, "rising", budget=41), _far_from_midnight())
    assert (seen.finding, seen.total) == (Finding.BAD, about(40))
    assert seen.projected is not None and seen.projected > 100


async def test_a_budget_may_be_for_another_time_than_a_day(
    activities: CostActivities, prometheus: str
) -> None:
    seen = await look(activities, costs_of(prometheus, "rising", per="6h", budget=100))
    assert (seen.finding, seen.total, seen.projected) == (Finding.BAD, about(40), about(120))
    assert "in the last 6 h, against a budget of $100 (" in seen.reason
    assert (await look(activities, costs_of(prometheus, "steady", per="6h", budget=22))).ok


async def test_the_day_of_the_budget_begins_at_its_own_midnight(
    activities: CostActivities, prometheus: str
) -> None:
    for zone, hours in (("UTC", 0), ("Asia/Kolkata", 5.5), ("America/Phoenix", -7)):
        seen = await look(activities, costs_of(prometheus, "steady"), zone)
        assert seen.day_ends is not None and seen.observed_at is not None
        local = seen.day_ends + timedelta(hours=hours)
        assert (local.hour, local.minute) == (0, 0)
        past = 24 - (seen.day_ends - seen.observed_at) / timedelta(hours=1)
        assert seen.today == about(3.5 * past)


async def test_a_raised_budget_is_believed(activities: CostActivities, prometheus: str) -> None:
    assert (await look(activities, costs_of(prometheus, "over", budget=1200))).ok


async def test_several_names_of_one_provider_are_one(activities: CostActivities, prometheus: str) -> None:
    apis = {"openai": PaidApi(names=("gpt-4o",))}
    seen = await look(activities, costs_of(prometheus, "renamed", apis=apis))
    assert [(one.api, one.total) for one in seen.apis] == [("openai", about(120))]


async def test_nothing_spent_is_fine_and_no_samples_are_unknown(
    activities: CostActivities, prometheus: str
) -> None:
    free = await look(activities, costs_of(prometheus, "free"))
    assert (free.finding, free.total, free.dearest) == (Finding.OK, 0, None)
    stopped = await look(activities, costs_of(prometheus, "stopped"))
    assert (stopped.finding, stopped.total) == (Finding.UNKNOWN, None)
    assert "no sample within the last 5 min" in stopped.reason
    assert (await look(activities, costs_of(prometheus, "no-such-job"))).unknown
    assert (await look(activities, None)).reason == "no costs are configured for backend"


async def test_an_expression_that_is_none_is_unknown_with_what_prometheus_says(
    activities: CostActivities, prometheus: str
) -> None:
    seen = await look(activities, costs_of(prometheus, "over", spent="sum by (api) (increase(x[$window])"))
    assert seen.unknown
    assert "Prometheus refuses the query" in seen.reason


async def test_nobody_at_the_address_is_unknown(activities: CostActivities) -> None:
    assert (await look(activities, Costs(prometheus="http://127.0.0.1:1"))).unknown


async def test_doctor_says_whether_the_spend_is_known_and_can_be_lowered(prometheus: str) -> None:
    manager = DockerManager(container="backend")
    known, stopped = costs_of(prometheus, "over"), costs_of(prometheus, "stopped")
    async with httpx.AsyncClient(trust_env=False) as client:
        checks = [
            await check_costs(
                Service(name="backend", manager=manager, costs=costs, env_file=file), "UTC", client
            )
            for costs, file in ((known, ".env"), (known, None), (stopped, ".env"))
        ]
    assert [(one.ok, one.optional) for one in checks] == [(True, False), (False, True), (False, True)]
    assert checks[1].cure == "set services.backend.env_file"
    assert "no sample within the last 5 min" in checks[2].problem


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"spent": "sum(increase(cost[24h]))"}, "write [$window] where the time goes"),
        ({"retry_lines": "("}, "this is not a regular expression"),
        ({"budget": 0}, "greater than 0"),
        ({"settings": {"MAX_VIDEOS": {}}}, "write at_most for what saves when it is lower, or at_least"),
    ],
)
def test_a_mistake_in_the_configuration_says_what_to_write(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as mistake:
        Costs.model_validate({"prometheus": "http://localhost:9090", **change})
    assert says in str(mistake.value)


def _far_from_midnight() -> str:
    """A zone in which it is about noon."""
    hours = round((12 * HOUR - SINCE_MIDNIGHT) / HOUR)
    return f"Etc/GMT{-hours:+d}" if hours else "UTC"
