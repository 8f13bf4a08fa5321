"""Videos, their queue and their generation, asked over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.app.api import AppApi
from activities.videos.videos import LookAtQueue, QueueSeen, VideoActivities, VideosSeen, WatchGeneration
from models.actions.change import ActionResult, Perform
from models.actions.plan import LookBack
from models.actions.videos import GenerateVideos
from models.evidence.evidence import Finding, VerificationResult
from models.service.application import ApplicationApi
from models.service.service import Service
from models.service.videos import Videos
from tests.parts.servers.docker_engine import docker_service
from tests.parts.servers.sockets import closed_port, hang_up, listening

LAST, QUEUE, GENERATE = (
    "/api/videos/last-generated",
    "/api/videos/queue-status",
    "/api/orchestrator/generate-videos",
)
AN_HOUR_AGO = timedelta(hours=1)


@pytest.fixture
async def videos() -> AsyncIterator[VideoActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield VideoActivities(AppApi(client))


def service(url: str, **more: Any) -> Service:
    return docker_service("web", api=ApplicationApi(url=url, **more), videos=Videos())


def ago(hours: float) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat()


async def last(videos: VideoActivities, server: HTTPServer, content: object) -> VideosSeen:
    server.expect_request(LAST).respond_with_json(content)
    seen = await ActivityEnvironment().run(videos.look_at_last_video, service(server.url_for("")))
    assert isinstance(seen, VideosSeen)
    return seen


async def queue(videos: VideoActivities, server: HTTPServer, *contents: object) -> QueueSeen:
    for content in contents[:-1]:
        server.expect_oneshot_request(QUEUE).respond_with_json(content)
    server.expect_request(QUEUE).respond_with_json(contents[-1])
    asked = LookAtQueue(service=service(server.url_for("")), apart=timedelta(milliseconds=10))
    return await ActivityEnvironment().run(videos.look_at_video_queue, asked)


async def generate(videos: VideoActivities, url: str, last_at: datetime | None = None) -> ActionResult:
    action = GenerateVideos(service=service(url), last_at=last_at)
    request: Perform[GenerateVideos] = Perform(action=action, asked_at=datetime.now(UTC))
    return await ActivityEnvironment().run(videos.generate_videos, request)


@pytest.mark.parametrize(
    ("content", "finding", "says"),
    [
        (lambda: {"lastGenerated": ago(1.9)}, Finding.OK, "the last video was generated 1 h"),
        (lambda: {"lastGenerated": ago(2.1)}, Finding.BAD, "more than 2 h"),
        (lambda: {"lastGenerated": None}, Finding.BAD, "no video was ever generated"),
        (lambda: {"data": {"last_generated_at": ago(3)}}, Finding.BAD, "more than 2 h"),
        (lambda: {"lastGenerated": ago(-2)}, Finding.UNKNOWN, "`services.backend.api.time_zone`"),
        (lambda: {"videos": []}, Finding.UNKNOWN, "has no `lastGenerated`"),
        (lambda: {"success": False, "lastGenerated": None}, Finding.UNKNOWN, "says that it failed"),
        (lambda: {"lastGenerated": None, "error": "db is away"}, Finding.UNKNOWN, "says: db is away"),
        (lambda: {"lastGenerated": None, "error": None, "success": True}, Finding.BAD, "was ever generated"),
        (lambda: {"timestamp": ago(0), "video": None}, Finding.UNKNOWN, "has no `lastGenerated`"),
    ],
)
async def test_the_age_of_the_last_video(
    videos: VideoActivities,
    httpserver: HTTPServer,
    content: Callable[[], object],
    finding: Finding,
    says: str,
) -> None:
    seen = await last(videos, httpserver, content())
    assert (seen.finding, says in seen.reason) == (finding, True), seen.reason


@pytest.mark.parametrize(
    ("contents", "finding", "moving", "says"),
    [
        (({"queued": 0, "generated": 5},), Finding.OK, False, "0 wait in the queue"),
        (({"queued": 4, "generated": 5},), Finding.BAD, False, "4 wait in the queue"),
        (({"queued": 4, "generated": 5}, {"queued": 3, "generated": 6}), Finding.OK, True, "and it moves"),
        (({"waiting": 4, "active": 1, "completed": 9},), Finding.OK, True, "1 are being generated"),
        # BullMQ counts the jobs that wait in a paused queue, and calls that number `paused`.
        (({"waiting": 0, "active": 0, "paused": 3},), Finding.BAD, False, "the queue of videos is paused"),
        (({"waiting": 0, "active": 4, "completed": 685, "paused": 0},), Finding.OK, True, "4 are being"),
        (({"waiting": 0, "active": 0, "paused": 0},), Finding.OK, False, "0 wait in the queue"),
        (
            ({"queued": 2, "isPaused": True, "pausedBy": "eve", "note": "why"},),
            Finding.BAD,
            False,
            "by eve",
        ),
        (
            ({"queued": 3, "running": 0, "status": "paused"},),
            Finding.BAD,
            False,
            "the queue of videos is paused",
        ),
        (
            ({"queued": 3, "active": 0, "state": "PAUSED"},),
            Finding.BAD,
            False,
            "the queue of videos is paused",
        ),
        (({"queued": 0, "paused": False, "state": "paused"},), Finding.BAD, False, "of videos is paused"),
        (({"queued": 0, "running": 0, "enabled": False},), Finding.BAD, False, "of videos is paused"),
        (({"queued": 0, "running": 0, "enabled": True},), Finding.OK, False, "0 wait in the queue"),
        (({"completed": 12, "failed": 3},), Finding.UNKNOWN, False, "has no `queued`"),
    ],
)
async def test_a_queue_that_moves_is_told_from_one_that_stands(
    videos: VideoActivities,
    httpserver: HTTPServer,
    contents: tuple[object, ...],
    finding: Finding,
    moving: bool,
    says: str,
) -> None:
    seen = await queue(videos, httpserver, *contents)
    assert (seen.finding, seen.moving, says in seen.reason) == (finding, moving, True), seen.reason


async def test_generation_is_asked_for_once_and_only_while_nothing_is_made(
    videos: VideoActivities, httpserver: HTTPServer
) -> None:
    url, old = httpserver.url_for(""), datetime.now(UTC) - timedelta(hours=3)
    httpserver.expect_request(LAST).respond_with_json({"lastGenerated": old.isoformat()})
    httpserver.expect_request(QUEUE).respond_with_json({"queued": 0, "running": 0})
    httpserver.expect_oneshot_request(GENERATE, method="POST").respond_with_json({"accepted": 5}, status=202)
    result = await generate(videos, url, old)
    assert (result.done, "answered 202" in result.found) == (True, True)
    httpserver.expect_request(GENERATE).respond_with_json({"error": "generation is paused"}, status=409)
    paused = await generate(videos, url, old)
    assert (paused.done, "says: generation is paused" in paused.found) == (False, True)
    httpserver.clear()
    httpserver.expect_request(LAST).respond_with_json({"lastGenerated": old.isoformat()})
    httpserver.expect_request(QUEUE).respond_with_json({"queued": 0, "running": 0})
    httpserver.expect_request(GENERATE).respond_with_json({"success": False, "error": "the key is revoked"})
    failed = await generate(videos, url, old)
    assert (failed.done, "says: the key is revoked" in failed.found) == (False, True), (
        "200 is not all it says"
    )
    httpserver.clear()
    httpserver.expect_request(LAST).respond_with_json({"lastGenerated": old.isoformat()})
    for running in (0, 0, 1):  # it looks twice, and somebody else begins just then
        httpserver.expect_oneshot_request(QUEUE).respond_with_json({"queued": 0, "running": running})
    httpserver.expect_request(QUEUE).respond_with_json({"queued": 0, "running": 1})
    httpserver.expect_request(GENERATE).respond_with_json({"error": "generation is running"}, status=409)
    busy = await generate(videos, url, old)
    assert (busy.done, "1 are being generated" in busy.found) == (True, True)
    httpserver.clear()
    httpserver.expect_request(GENERATE).respond_with_json({"error": "no products"}, status=422)
    httpserver.expect_request(LAST).respond_with_json({"lastGenerated": old.isoformat()})
    httpserver.expect_request(QUEUE).respond_with_json({"queued": 0, "running": 0})
    refused = await generate(videos, url, old)
    assert (refused.done, "no products" in refused.found) == (False, True)


async def test_what_refuses_until_midnight_is_asked_once_and_its_words_are_told(
    videos: VideoActivities, httpserver: HTTPServer
) -> None:
    url, old = httpserver.url_for(""), datetime.now(UTC) - timedelta(hours=3)
    httpserver.expect_request(LAST).respond_with_json({"lastGenerated": old.isoformat()})
    httpserver.expect_request(QUEUE).respond_with_json({"queued": 0})
    told = {"error": "Daily budget exceeded. The simulator resets at UTC midnight."}
    httpserver.expect_request(GENERATE).respond_with_json(told, status=503, headers={"Retry-After": "7200"})
    refused = await generate(videos, url, old)
    assert (refused.done, "asks to come back in 2 h" in refused.found) == (False, True)
    assert "resets at UTC midnight" in refused.found
    assert sum(request.method == "POST" for request, _ in httpserver.log) == 1


@pytest.mark.parametrize(("hours", "counts"), [(0.01, {"queued": 0}), (3, {"queued": 0, "running": 2})])
async def test_what_is_made_already_is_not_asked_for(
    videos: VideoActivities, httpserver: HTTPServer, hours: float, counts: dict[str, int]
) -> None:
    httpserver.expect_request(LAST).respond_with_json({"lastGenerated": ago(hours)})
    httpserver.expect_request(QUEUE).respond_with_json(counts)
    result = await generate(videos, httpserver.url_for(""), datetime.now(UTC) - timedelta(hours=3))
    assert (result.done, result.found.startswith("nothing to do")) == (True, True)
    assert all(request.method == "GET" for request, _ in httpserver.log)


async def test_a_lost_answer_is_looked_back_at_and_never_asked_again(
    videos: VideoActivities, httpserver: HTTPServer
) -> None:
    async with listening(hang_up) as port:
        with pytest.raises(ApplicationError) as lost:
            await generate(videos, f"http://127.0.0.1:{port}")
    assert lost.value.type == "OutcomeLost"
    refused = await generate(videos, f"http://127.0.0.1:{closed_port()}")
    assert (refused.done, "connection refused" in refused.found) == (False, True)

    old = datetime.now(UTC) - timedelta(hours=3)
    action = GenerateVideos(service=service(httpserver.url_for("")), last_at=old)
    asked = LookBack(action=action, asked_at=datetime.now(UTC))
    httpserver.expect_request(QUEUE).respond_with_json({"queued": 0})
    httpserver.expect_oneshot_request(LAST).respond_with_json({"lastGenerated": old.isoformat()})
    httpserver.expect_oneshot_request(LAST).respond_with_json({"lastGenerated": old.isoformat()})
    look_back = videos.look_back_at_generation
    assert not (await ActivityEnvironment().run(look_back, asked)).done
    httpserver.expect_request(LAST).respond_with_json({"lastGenerated": ago(0.001)})
    assert (await ActivityEnvironment().run(look_back, asked)).done
    away = LookBack(
        action=action.model_copy(update={"service": service(f"http://127.0.0.1:{closed_port()}")}),
        asked_at=datetime.now(UTC),
    )
    with pytest.raises(ApplicationError, match="connection refused"):
        await ActivityEnvironment().run(look_back, away)


async def watched(videos: VideoActivities, url: str, last_at: datetime | None) -> VerificationResult:
    asked = WatchGeneration(
        service=service(url),
        last_at=last_at,
        at_most=timedelta(milliseconds=300),
        every=timedelta(milliseconds=50),
    )
    return await ActivityEnvironment().run(videos.watch_generation, asked)


async def test_a_newer_video_is_waited_for(videos: VideoActivities, httpserver: HTTPServer) -> None:
    url, old = httpserver.url_for(""), datetime.now(UTC) - timedelta(hours=3)
    for _ in range(2):
        httpserver.expect_oneshot_request(LAST).respond_with_json({"lastGenerated": old.isoformat()})
    httpserver.expect_oneshot_request(LAST).respond_with_json({"lastGenerated": ago(0)})
    assert (await watched(videos, url, old)).ok
    httpserver.expect_request(LAST).respond_with_json({"lastGenerated": old.isoformat()})
    late = await watched(videos, url, old)
    assert late.bad
    assert "the last video was generated 3 h" in late.reason


async def test_when_the_last_one_was_published_is_told_beside_it(
    videos: VideoActivities, httpserver: HTTPServer
) -> None:
    now = datetime.now(UTC)
    content = {
        "lastGenerated": (now - timedelta(minutes=5)).isoformat(),
        "lastPublished": (now - timedelta(hours=30)).isoformat(),
    }
    seen = await last(videos, httpserver, content)
    assert seen.ok
    assert seen.published_age is not None
    assert seen.published_age > timedelta(hours=29)
    assert seen.reason.endswith(", and the last one published 30 h ago")
