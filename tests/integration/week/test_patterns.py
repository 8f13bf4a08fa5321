"""New patterns of errors and regressions, by Sentry as its API is documented."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment
from werkzeug import Request, Response

from activities.errors_history.patterns import LookAtPatterns, PatternActivities
from activities.monitoring.sentry import SentryActivities
from models.checks.item import ItemResult, ItemState
from models.service.secret import SecretRef
from models.service.surroundings import Sentry
from tests.integration.monitoring.test_sentry import PATH, TOKEN, issue
from tests.parts.servers.docker_engine import docker_service
from tests.parts.servers.sockets import closed_port

NOW = datetime.now(UTC)


@pytest.fixture
async def patterns() -> AsyncIterator[PatternActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield PatternActivities(SentryActivities(client))


@pytest.fixture
def token(tmp_path: Path) -> SecretRef:
    (tmp_path / "token").write_text(TOKEN)
    return SecretRef(file=str(tmp_path / "token"))


async def look(patterns: PatternActivities, url: str, token: SecretRef) -> ItemResult:
    sentry = Sentry(url=url, organization="acme", project="backend", token=token)
    service = docker_service("b", sentry=sentry).model_copy(update={"name": "backend"})
    found: ItemResult = await ActivityEnvironment().run(
        patterns.look_at_patterns, LookAtPatterns(service=service)
    )
    assert TOKEN not in found.model_dump_json()
    return found


def answers(
    httpserver: HTTPServer, new: list[dict[str, Any]], regressed: list[dict[str, Any]] | None
) -> None:
    """As its search does; an old server refuses `is:regressed`, and every period but two."""

    def answer(request: Request) -> Response:
        query = request.args["query"]
        if request.args["statsPeriod"] not in ("24h", "14d"):
            return Response('{"detail": "Invalid stats_period"}', 400)
        if "is:regressed" in query:
            found = regressed
        else:
            assert "firstSeen:>=" in query
            found = new

        return Response("{}", 400) if found is None else Response(json.dumps(found))

    httpserver.expect_request(PATH).respond_with_handler(answer)


def seen(days: float) -> dict[str, str]:
    return {"firstSeen": (NOW - timedelta(days=days)).isoformat()}


async def test_what_is_new_and_what_came_back(
    patterns: PatternActivities, httpserver: HTTPServer, token: SecretRef
) -> None:
    new = [issue(1, 40, userCount=3, **seen(2)), issue(2, 90, **seen(6)), issue(3, 999, **seen(30))]
    answers(httpserver, new, [issue(4, 5, **seen(90)), issue(2, 90, **seen(6))])
    found = await look(patterns, httpserver.url_for("/"), token)
    assert found.state is ItemState.ATTENTION
    assert found.reason == (
        "2 new patterns of errors, 1 came back; most often BACKEND-2 TimeoutError: provider 2 "
        "(90 events, 7 users)"
    )
    fresh, again = found.tables
    assert [row[0] for row in fresh.rows] == ["BACKEND-2", "BACKEND-1"]
    assert [row[0] for row in again.rows] == ["BACKEND-4"]
    assert found.charts[0].series[1].values == (7, 3)
    figures = {one.name: one.value for one in found.figures}
    assert figures == {"new patterns": 2, "regressions": 1, "events of new patterns": 130}


async def test_nothing_new_is_fine_also_where_regressions_are_not_known(
    patterns: PatternActivities, httpserver: HTTPServer, token: SecretRef
) -> None:
    answers(httpserver, [], None)
    found = await look(patterns, httpserver.url_for("/"), token)
    assert (found.state, found.figures[1].value) == (ItemState.OK, None)
    assert "does not know is:regressed" in found.details[0]


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, "{}", "it needs event:read"),
        (403, "{}", "it needs event:read"),
        (404, "{}", "knows no project acme/backend"),
        (429, "{}", "run the check again later"),
        (200, "<html>log in</html>", "write the address of Sentry itself under sentry.url"),
        (502, "<html>", "answered 502"),
    ],
)
async def test_what_cannot_be_read_is_unknown_with_the_cure(
    patterns: PatternActivities, httpserver: HTTPServer, token: SecretRef, status: int, body: str, says: str
) -> None:
    httpserver.expect_request(PATH).respond_with_data(body, status)
    found = await look(patterns, httpserver.url_for("/"), token)
    assert (found.state, says in found.reason) == (ItemState.UNKNOWN, True), found.reason


async def test_away_without_a_token_or_without_sentry_at_all(
    patterns: PatternActivities, token: SecretRef
) -> None:
    away = await look(patterns, f"http://127.0.0.1:{closed_port()}", token)
    assert (away.state, "refused" in away.reason) == (ItemState.UNKNOWN, True)
    missing = await look(patterns, "http://127.0.0.1:1", SecretRef(env="NO_SUCH_TOKEN_HERE"))
    assert (missing.state, "NO_SUCH_TOKEN_HERE" in missing.reason) == (ItemState.UNKNOWN, True)
    found: ItemResult = await ActivityEnvironment().run(
        patterns.look_at_patterns, LookAtPatterns(service=docker_service("b"))
    )
    assert (found.state, "configure" in found.reason) == (ItemState.UNKNOWN, True)
