"""Sentry, spoken to as its API is documented."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment
from werkzeug import Request, Response

from activities.monitoring.sentry import SentryActivities, SentrySeen, TopIssues
from models.evidence.evidence import Finding
from models.service.secret import SecretRef
from models.service.service import DockerManager, Service
from models.service.surroundings import Sentry
from tests.parts.servers.sockets import closed_port, listening, silence

TOKEN = "sntrys_0123456789abcdef"
PATH = "/api/0/projects/acme/backend/issues/"


def issue(number: int, count: int, **more: Any) -> dict[str, Any]:
    """One issue in the documented shape, with fields that nobody here reads."""
    return {
        "id": str(number),
        "shortId": f"BACKEND-{number}",
        "title": f"TimeoutError: provider {number}",
        "culprit": "app.checkout in pay",
        "level": "error",
        "status": "unresolved",
        "count": str(count),
        "userCount": 7,
        "firstSeen": "2026-01-02T03:04:05.678Z",
        "lastSeen": "2026-01-03T03:04:05Z",
        "permalink": f"https://sentry.example/organizations/acme/issues/{number}/",
        "metadata": {"type": "TimeoutError"},
        "project": {"id": "1", "slug": "backend"},
        "stats": {"24h": [[1541455200, 473]]},
        **more,
    }


@pytest.fixture
async def sentry() -> AsyncIterator[SentryActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield SentryActivities(client)


@pytest.fixture
def token(tmp_path: Path) -> SecretRef:
    (tmp_path / "token").write_text(TOKEN + "\n")
    return SecretRef(file=str(tmp_path / "token"))


def request(url: str, token: SecretRef, **more: Any) -> TopIssues:
    project = Sentry(url=url, organization="acme", project="backend", token=token)
    service = Service(name="backend", manager=DockerManager(container="backend"), sentry=project)
    return TopIssues(service=service, **more)


async def look(sentry: SentryActivities, asked: TopIssues) -> SentrySeen:
    seen = await ActivityEnvironment().run(sentry.top_issues, asked)
    assert seen.observed_at is not None
    assert TOKEN not in seen.model_dump_json()
    return seen


async def test_the_most_frequent_and_the_new_ones(
    sentry: SentryActivities, httpserver: HTTPServer, token: SecretRef
) -> None:
    common = {"sort": "freq", "statsPeriod": "24h", "limit": "25"}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    httpserver.expect_request(
        PATH, headers=headers, query_string={"query": "is:unresolved", **common}
    ).respond_with_json([issue(1, 900), issue(2, 50), issue(3, 9), issue(4, 1)])
    since = datetime(2026, 1, 2, 5, 0, tzinfo=timezone(timedelta(hours=2)))
    httpserver.expect_request(
        PATH,
        headers=headers,
        query_string={"query": "is:unresolved firstSeen:>=2026-01-02T03:00:00", **common},
    ).respond_with_json([issue(2, 50)])

    seen = await look(sentry, request(httpserver.url_for("/"), token, since=since))
    assert [(one.short_id, one.count) for one in seen.top] == [
        ("BACKEND-1", 900),
        ("BACKEND-2", 50),
        ("BACKEND-3", 9),
    ]
    assert [one.short_id for one in seen.new] == ["BACKEND-2"]
    assert seen.finding is Finding.BAD
    assert seen.reason.startswith("most frequent: TimeoutError: provider 1 (900), ")
    assert seen.reason.endswith("; new since the deployment: BACKEND-2")
    assert seen.top[0].link == "https://sentry.example/organizations/acme/issues/1/"
    assert seen.top[0].first_seen == datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


async def test_only_open_issues_of_this_project_count(
    sentry: SentryActivities, httpserver: HTTPServer, token: SecretRef
) -> None:
    """Some servers answer with more than the search asks for."""
    httpserver.expect_request(PATH).respond_with_json(
        [
            issue(1, 900, status="resolved"),
            issue(2, 800, status="ignored", substatus="archived_until_escalating"),
            issue(3, 700, project={"id": "2", "slug": "frontend"}),
            issue(4, 5),
            issue(5, 60),
        ]
    )
    seen = await look(sentry, request(httpserver.url_for("/"), token))
    assert [one.short_id for one in seen.top] == ["BACKEND-5", "BACKEND-4"]


async def test_an_old_server_leaves_fields_out(
    sentry: SentryActivities, httpserver: HTTPServer, token: SecretRef
) -> None:
    old = {
        "id": "17",
        "shortId": None,
        "title": "boom",
        "level": None,
        "count": "9",
        "userCount": None,
        "firstSeen": "2026-01-02T03:04:05",
        "lastSeen": "2026-01-03T03:04:05",
    }
    httpserver.expect_request(PATH).respond_with_json([old, {"title": "nothing else"}])
    seen = await look(sentry, request(httpserver.url_for("/"), token))
    assert [(one.short_id, one.count) for one in seen.top] == [("17", 9)]
    assert seen.top[0].first_seen == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


async def test_a_count_that_nothing_could_reach_is_cut(
    sentry: SentryActivities, httpserver: HTTPServer, token: SecretRef
) -> None:
    odd = [issue(1, int("9" * 4000), userCount=10**400), issue(2, -5, userCount=-1)]
    httpserver.expect_request(PATH).respond_with_json(odd)
    seen = await look(sentry, request(httpserver.url_for("/"), token))
    assert [(one.count, one.users) for one in seen.top] == [(10**9, 10**9), (0, 0)]
    assert len(seen.reason) < 100


async def test_a_server_that_cannot_search_by_time_has_shown_what_is_new(
    sentry: SentryActivities, httpserver: HTTPServer, token: SecretRef
) -> None:
    def answer(asked: Request) -> Response:
        if "firstSeen" in asked.args["query"]:
            return Response('{"detail": "Invalid search"}', 400)
        return Response(json.dumps([issue(1, 9), issue(2, 5, firstSeen="2026-01-05T00:00:00Z")]))

    httpserver.expect_request(PATH).respond_with_handler(answer)
    since = datetime(2026, 1, 4, tzinfo=UTC)
    seen = await look(sentry, request(httpserver.url_for("/"), token, since=since))
    assert [one.short_id for one in seen.new] == ["BACKEND-2"]


async def test_a_short_limit_is_waited_for_and_a_long_one_is_told(
    sentry: SentryActivities, httpserver: HTTPServer, token: SecretRef
) -> None:
    httpserver.expect_ordered_request(PATH).respond_with_data("{}", 429, {"Retry-After": "1"})
    httpserver.expect_ordered_request(PATH).respond_with_json([issue(1, 9)])
    assert (await look(sentry, request(httpserver.url_for("/"), token))).bad
    httpserver.clear()
    httpserver.expect_request(PATH).respond_with_data("{}", 429, {"Retry-After": "90"})
    limited = await look(sentry, request(httpserver.url_for("/"), token))
    assert (limited.unknown, limited.reason) == (True, "Sentry limits our requests for 1 min 30 s")
    assert len(httpserver.log) == 1


async def test_no_issues_is_ok(sentry: SentryActivities, httpserver: HTTPServer, token: SecretRef) -> None:
    httpserver.expect_request(PATH).respond_with_json([])
    seen = await look(sentry, request(httpserver.url_for("/"), token))
    assert (seen.finding, seen.reason) == (Finding.OK, "Sentry has no such issues")
    assert len(httpserver.log) == 1, "without a deployment nobody asks for what is new since"


async def test_what_an_error_says_is_data(
    sentry: SentryActivities, httpserver: HTTPServer, token: SecretRef
) -> None:
    hostile = issue(
        1, 5, title="\x1b[31mlogin failed password=hunter2hunter2\n", permalink="javascript:alert(1)"
    )
    httpserver.expect_request(PATH).respond_with_json([hostile | {"culprit": None}])
    seen = await look(sentry, request(httpserver.url_for("/"), token))
    assert "hunter2" not in seen.model_dump_json()
    assert "\x1b" not in seen.top[0].title
    assert (seen.top[0].link, seen.top[0].culprit) == ("", "")


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (401, '{"detail": "Invalid token"}', "Sentry refuses the token in file"),
        (403, "{}", "Sentry refuses the token in file"),
        (404, "{}", "Sentry knows no project acme/backend"),
        (429, "{}", "Sentry limits our requests"),
        (302, "", "answered 302"),
        (500, "", "answered 500"),
        (200, "<html>", "is not that of Sentry"),
        (200, '[{"title": "only"}]', "is not that of Sentry"),
        (200, "[" * 100_000, "is not that of Sentry"),
        (200, "[" + " " * 3_000_000, "is incomplete (size)"),
    ],
)
async def test_what_keeps_sentry_from_being_read_is_unknown(
    sentry: SentryActivities, httpserver: HTTPServer, token: SecretRef, status: int, body: str, why: str
) -> None:
    httpserver.expect_request(PATH).respond_with_data(body, status)
    seen = await look(sentry, request(httpserver.url_for("/"), token))
    assert seen.unknown
    assert why in seen.reason


async def test_away_hung_or_without_a_token_is_unknown(sentry: SentryActivities, token: SecretRef) -> None:
    away = await look(sentry, request(f"http://127.0.0.1:{closed_port()}", token))
    assert (away.finding, "connection refused" in away.reason) == (Finding.UNKNOWN, True)
    async with listening(silence) as port:
        briefly = request(f"http://127.0.0.1:{port}", token, within=timedelta(milliseconds=300))
        hung = await look(sentry, briefly)
    assert (hung.finding, "no answer within 0.3 s" in hung.reason) == (Finding.UNKNOWN, True)
    missing = SecretRef(env="RUNBOOKS_TEST_NO_SUCH_VARIABLE")
    tokenless = await look(sentry, request("http://127.0.0.1:1", missing))
    assert tokenless.unknown
    assert "variable RUNBOOKS_TEST_NO_SUCH_VARIABLE is not set" in tokenless.reason


ROUTES = ("/api/videos/:id", "/api/videos/1")


def listing(issues: list[dict[str, Any]]) -> Response:
    return Response(json.dumps(issues), content_type="application/json")


async def test_the_issues_of_one_route(
    sentry: SentryActivities, httpserver: HTTPServer, token: SecretRef
) -> None:
    """By the transaction that Sentry knows, and by the culprit; those of longer routes are not its own."""
    asked_for: list[str] = []

    def answers(asked: Request) -> Response:
        query = asked.args["query"]
        asked_for.append(query)
        listed = [
            issue(1, 900, culprit="GET /api/videos"),
            issue(2, 50, culprit="GET /api/videos/:id"),
            issue(3, 9, culprit="POST /api/videos/:id/publish"),
        ]
        rare = [issue(4, 2, culprit="videos.service.ts in findOne"), issue(5, 1, culprit="GET /api/other")]
        return Response(
            json.dumps(rare if "transaction:" in query else listed), content_type="application/json"
        )

    httpserver.expect_request(PATH).respond_with_handler(answers)
    seen = await look(sentry, request(httpserver.url_for("/"), token, routes=ROUTES))
    assert [one.short_id for one in seen.top] == ["BACKEND-2", "BACKEND-4"]
    assert 'transaction:["/api/videos/:id", "GET /api/videos/:id"' in asked_for[1]


async def test_a_server_that_does_not_know_transactions_still_tells_by_the_culprit(
    sentry: SentryActivities, httpserver: HTTPServer, token: SecretRef
) -> None:
    def answers(asked: Request) -> Response:
        if "transaction:" in asked.args["query"]:
            return Response(status=400)
        return Response(
            json.dumps([issue(2, 50, culprit="GET /api/videos/:id")]), content_type="application/json"
        )

    httpserver.expect_request(PATH).respond_with_handler(answers)
    since = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
    seen = await look(sentry, request(httpserver.url_for("/"), token, routes=ROUTES, since=since))
    assert [one.short_id for one in seen.top] == ["BACKEND-2"]
    assert [one.short_id for one in seen.new] == ["BACKEND-2"]
