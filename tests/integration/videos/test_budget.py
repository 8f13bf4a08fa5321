"""The daily budget, asked and changed over real HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from pytest_httpserver import HTTPServer
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from werkzeug import Request, Response

from activities.app.api import AppApi
from activities.app.switches import Switches
from activities.videos.budget import BudgetActivities, BudgetSeen, SummarySeen
from activities.videos.generators import GeneratorActivities
from models.actions.change import Perform
from models.actions.videos import RaiseBudget, RestoreBudget, UseBackupGenerator, UseUsualGenerator
from models.evidence.evidence import Finding
from models.service.application import ApplicationApi
from models.service.secret import SecretRef
from models.service.service import Service
from models.service.surroundings import SwitchCall
from models.service.videos import BackupGenerator, BudgetSwitch, Videos
from tests.parts.servers.docker_engine import docker_service

STATUS, SUMMARY = "/api/cost-tracking/budget-status", "/api/cost-tracking/daily-summary"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@pytest.fixture
def budgets(client: httpx.AsyncClient) -> BudgetActivities:
    return BudgetActivities(AppApi(client), Switches(client))


def service(server: HTTPServer, **more: Any) -> Service:
    return docker_service("web", api=ApplicationApi(url=server.url_for("")), **more)


def today_of(server: HTTPServer) -> Service:
    """Its days are those of the application's own zone."""
    return docker_service("web", api=ApplicationApi(url=server.url_for(""), time_zone="Asia/Tokyo"))


def there() -> datetime:
    return datetime.now(UTC) + timedelta(hours=9)


def today() -> str:
    return f"{there():%Y-%m-%d}"


def yesterday() -> str:
    return f"{there() - timedelta(days=1):%Y-%m-%d}"


@pytest.mark.parametrize(
    ("content", "finding", "says"),
    [
        (
            lambda: {"budgetDollars": 100, "spentDollars": 100, "reached": True},
            Finding.BAD,
            "$100.00 of $100.00",
        ),
        (lambda: {"budgetDollars": 100, "spentDollars": 99.9, "reached": False}, Finding.OK, "not reached"),
        (lambda: {"dailyLimit": "1,000", "used": "1,200.50"}, Finding.BAD, "$1200.50 of $1000.00"),
        (lambda: {"budgetCents": 10000, "spentCents": 4200}, Finding.OK, "$42.00 of $100.00"),
        (lambda: {"exceeded": True}, Finding.BAD, "today's budget is reached"),
        (lambda: {"budget": 0, "spent": 0}, Finding.OK, "not reached"),
        (lambda: {"budget": 100, "spent": 120, "reached": False}, Finding.UNKNOWN, "but $120.00 of $100.00"),
        (
            lambda: {"budget": 100, "spent": 120, "date": yesterday()},
            Finding.UNKNOWN,
            "says nothing of today",
        ),
        (lambda: {"budget": 100, "spent": 120, "date": today()}, Finding.BAD, "reached"),
        (lambda: {"budget": 100, "spent": 120, "date": "the day before"}, Finding.UNKNOWN, "is not a time"),
        (
            lambda: {"budget": 100, "spent": 120, "updatedAt": (there().timestamp() - 9 * 3600) * 1000},
            Finding.BAD,
            "reached",
        ),
        (lambda: {"budget": 100}, Finding.UNKNOWN, "has neither `reached`"),
        (lambda: {"budget": 100, "spent": True}, Finding.UNKNOWN, "is not a number"),
    ],
)
async def test_whether_the_budget_of_today_is_reached(
    budgets: BudgetActivities,
    httpserver: HTTPServer,
    content: Callable[[], object],
    finding: Finding,
    says: str,
) -> None:
    httpserver.expect_request(STATUS).respond_with_json(content())
    seen = await ActivityEnvironment().run(budgets.look_at_budget, today_of(httpserver))
    assert isinstance(seen, BudgetSeen)
    assert (seen.finding, says in seen.reason) == (finding, True), seen.reason


async def test_a_reset_weeks_ahead_is_not_that_of_today(
    budgets: BudgetActivities, httpserver: HTTPServer
) -> None:
    later = datetime.now(UTC) + timedelta(days=20)
    httpserver.expect_request(STATUS).respond_with_json({"reached": True, "resetsAt": later.isoformat()})
    seen = await ActivityEnvironment().run(budgets.look_at_budget, today_of(httpserver))
    assert isinstance(seen, BudgetSeen)
    assert (seen.finding, seen.resets_at) == (Finding.UNKNOWN, None), seen.reason
    assert "no budget of a day" in seen.reason


async def test_the_moment_of_the_reset_is_kept_while_it_is_to_come(
    budgets: BudgetActivities, httpserver: HTTPServer
) -> None:
    soon = datetime.now(UTC) + timedelta(hours=2)
    httpserver.expect_oneshot_request(STATUS).respond_with_json(
        {"reached": True, "resetsAt": soon.isoformat()}
    )
    seen = await ActivityEnvironment().run(budgets.look_at_budget, today_of(httpserver))
    assert isinstance(seen, BudgetSeen)
    assert seen.resets_at == soon
    past = datetime.now(UTC) - timedelta(hours=2)
    httpserver.expect_request(STATUS).respond_with_json({"reached": True, "resetsAt": past.isoformat()})
    seen = await ActivityEnvironment().run(budgets.look_at_budget, today_of(httpserver))
    assert isinstance(seen, BudgetSeen)
    assert seen.resets_at is None


@pytest.mark.parametrize(
    ("content", "finding", "says"),
    [
        (
            lambda: {"totalDollars": 12, "byProvider": {"pika": 9, "openai": 3}},
            Finding.OK,
            "$12.00 were spent",
        ),
        (lambda: {"total": 3, "costs": [{"provider": "pika", "cost": 3}]}, Finding.OK, "pika $3.00"),
        (lambda: {"total": 3, "date": yesterday()}, Finding.UNKNOWN, "says nothing of today"),
        (lambda: {"updatedAt": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "total": 3}, Finding.OK, "$3.00"),
        (lambda: [], Finding.UNKNOWN, "answers a list"),
    ],
)
async def test_what_was_spent_today(
    budgets: BudgetActivities,
    httpserver: HTTPServer,
    content: Callable[[], object],
    finding: Finding,
    says: str,
) -> None:
    httpserver.expect_request(SUMMARY).respond_with_json(content())
    seen = await ActivityEnvironment().run(budgets.look_at_daily_summary, today_of(httpserver))
    assert isinstance(seen, SummarySeen)
    assert (seen.finding, says in seen.reason) == (finding, True), seen.reason


class App:
    """An application with a budget that can be set."""

    def __init__(self, server: HTTPServer) -> None:
        self.budget, self.takes, self.asked = 100.0, True, 0
        server.expect_request(STATUS).respond_with_handler(self.status)
        server.expect_request("/budget", method="POST").respond_with_handler(self.set)

    def status(self, _: Request) -> Response:
        return Response(json.dumps({"budget": self.budget, "spent": 100}), mimetype="application/json")

    def set(self, request: Request) -> Response:
        self.asked += 1
        if request.headers.get("Authorization") != "Bearer a-token":
            return Response(status=401)
        if self.takes:
            self.budget = request.get_json()["budgetDollars"]
        return Response("{}", mimetype="application/json")


def with_a_switch(server: HTTPServer, token: Path) -> Service:
    token.write_text("a-token")
    switch = BudgetSwitch(
        url=server.url_for("/budget"), usual=100, raised=150, token=SecretRef(file=str(token))
    )
    return service(server, videos=Videos(budget=switch))


async def test_it_is_raised_and_set_back_once_each(
    budgets: BudgetActivities, httpserver: HTTPServer, tmp_path: Path
) -> None:
    app, backend, at = App(httpserver), with_a_switch(httpserver, tmp_path / "token"), datetime.now(UTC)
    more = RaiseBudget(service=backend, from_dollars=100, to_dollars=150, until=at)
    less = RestoreBudget(service=backend, from_dollars=150, to_dollars=100)
    run = ActivityEnvironment().run
    first = await run(budgets.raise_budget, Perform(action=more, asked_at=at))
    assert (first.done, first.before, first.after, app.budget) == (True, "$100", "$150", 150)
    again = await run(budgets.raise_budget, Perform(action=more, asked_at=at))
    assert (again.done, app.asked) == (True, 1)
    back = await run(budgets.restore_budget, Perform(action=less, asked_at=at))
    assert (back.done, app.budget) == (True, 100)
    await run(budgets.restore_budget, Perform(action=less, asked_at=at))
    assert app.asked == 2


async def test_a_budget_that_somebody_else_set_is_left_alone(
    budgets: BudgetActivities, httpserver: HTTPServer, tmp_path: Path
) -> None:
    app, backend, at = App(httpserver), with_a_switch(httpserver, tmp_path / "token"), datetime.now(UTC)
    app.budget = 120
    more = RaiseBudget(service=backend, from_dollars=100, to_dollars=150, until=at)
    less = RestoreBudget(service=backend, from_dollars=150, to_dollars=100)
    run = ActivityEnvironment().run
    raised = await run(budgets.raise_budget, Perform(action=more, asked_at=at))
    assert (raised.done, "somebody else set it" in raised.found) == (False, True)
    back = await run(budgets.restore_budget, Perform(action=less, asked_at=at))
    assert (back.done, "left as it is" in back.found, app.asked) == (True, True, 0)


async def test_a_switch_that_changes_nothing_has_not_helped(
    budgets: BudgetActivities, httpserver: HTTPServer, tmp_path: Path
) -> None:
    app, backend, at = App(httpserver), with_a_switch(httpserver, tmp_path / "token"), datetime.now(UTC)
    app.takes = False
    more = RaiseBudget(service=backend, from_dollars=100, to_dollars=150, until=at)
    result = await ActivityEnvironment().run(budgets.raise_budget, Perform(action=more, asked_at=at))
    assert (result.done, "all the same" in result.found) == (False, True)
    (tmp_path / "token").write_text("another")
    result = await ActivityEnvironment().run(budgets.raise_budget, Perform(action=more, asked_at=at))
    assert (result.done, "answered 401" in result.found, "another" in result.found) == (False, True, False)


async def test_a_budget_that_cannot_be_seen_is_not_changed(
    budgets: BudgetActivities, httpserver: HTTPServer, tmp_path: Path
) -> None:
    httpserver.expect_request(STATUS).respond_with_json({"reached": True})
    backend, at = with_a_switch(httpserver, tmp_path / "token"), datetime.now(UTC)
    more = RaiseBudget(service=backend, from_dollars=100, to_dollars=150, until=at)
    with pytest.raises(ApplicationError, match="the budget cannot be seen"):
        await ActivityEnvironment().run(budgets.raise_budget, Perform(action=more, asked_at=at))
    bare = more.model_copy(update={"service": service(httpserver)})
    with pytest.raises(ApplicationError, match=r"no `videos\.budget` is configured"):
        await ActivityEnvironment().run(budgets.raise_budget, Perform(action=bare, asked_at=at))


def test_a_raised_budget_is_more_than_the_usual_one() -> None:
    with pytest.raises(ValidationError, match="must be more than `usual`"):
        BudgetSwitch(url="http://localhost:3000/budget", usual=100, raised=100)


async def test_the_backup_generator_is_switched_on_and_off(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    generators, at, run = GeneratorActivities(Switches(client)), datetime.now(UTC), ActivityEnvironment().run
    on = SwitchCall(url=httpserver.url_for("/generator"), body={"use": "runway"})
    off = SwitchCall(url=httpserver.url_for("/generator"), body={"use": "pika"})
    backend = service(httpserver, videos=Videos(backup=BackupGenerator(name="runway", on=on, off=off)))
    httpserver.expect_oneshot_request("/generator", json={"use": "runway"}).respond_with_json({})
    use = UseBackupGenerator(
        service=backend, generator="runway", because_of="pika", at_most=timedelta(hours=4)
    )
    assert (await run(generators.use_backup_generator, Perform(action=use, asked_at=at))).done
    httpserver.expect_oneshot_request("/generator", json={"use": "pika"}).respond_with_json({})
    usual = UseUsualGenerator(service=backend, generator="runway")
    assert (await run(generators.use_usual_generator, Perform(action=usual, asked_at=at))).done
    nothing = use.model_copy(update={"service": service(httpserver)})
    with pytest.raises(ApplicationError, match=r"no `videos\.backup` is configured"):
        await run(generators.use_backup_generator, Perform(action=nothing, asked_at=at))
