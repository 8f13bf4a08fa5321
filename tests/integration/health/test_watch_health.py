"""The watch over a stability window, against a server whose health the test sets."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import queue
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio import activity
from temporalio.testing import ActivityEnvironment
from werkzeug import Request, Response

from activities.health.probe import HealthActivities
from activities.support.heartbeats import beating, beating_in_thread
from activities.support.stability import Samples
from models.evidence.evidence import Finding, VerificationRequest, VerificationResult
from models.service.service import DockerManager, HealthCheck, Service
from tests.parts.servers.sockets import closed_port

EVERY = timedelta(milliseconds=20)


@pytest.fixture
async def health() -> AsyncIterator[HealthActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield HealthActivities(client)


@pytest.fixture
def served(httpserver: HTTPServer) -> Callable[[Iterable[bool]], str]:
    """Serve one answer a probe, healthy or not; the address."""

    def serve(answers: Iterable[bool]) -> str:
        ahead: Iterator[bool] = iter(answers)

        def answer(_request: Request) -> Response:
            return Response(json.dumps({"status": "ok" if next(ahead) else "down"}), 200)

        httpserver.expect_request("/health").respond_with_handler(answer)
        return httpserver.url_for("/health")

    return serve


def forever(*first: bool, then: bool) -> Iterator[bool]:
    yield from first
    while True:
        yield then


def request(url: str, stable_for: timedelta, settle: timedelta = timedelta(seconds=2)) -> VerificationRequest:
    check = HealthCheck(url=url, every=EVERY, settle=settle, timeout=timedelta(seconds=1))
    service = Service(name="backend", manager=DockerManager(container="backend"), health=check)
    return VerificationRequest(service=service, stable_for=stable_for)


async def watch(
    health: HealthActivities, asked: VerificationRequest, resumed_from: Samples | None = None
) -> tuple[VerificationResult, list[Samples]]:
    """The result, and every heartbeat's details."""
    beats: list[Samples] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = beats.append
    details = [json.loads(resumed_from.model_dump_json())] if resumed_from else []
    environment.info = dataclasses.replace(
        environment.info, heartbeat_timeout=timedelta(seconds=10), heartbeat_details=details
    )
    return await environment.run(health.watch_health, asked), beats


async def test_it_is_ok_only_after_the_whole_window(
    health: HealthActivities, served: Callable[[Iterable[bool]], str]
) -> None:
    began = datetime.now(UTC)
    url = served(forever(then=True))
    seen, beats = await watch(health, request(url, timedelta(milliseconds=500)))
    assert seen.ok
    assert datetime.now(UTC) - began >= timedelta(milliseconds=500)
    assert (
        seen.reason == f"healthy for 0.5 s without a break ({seen.samples} of {seen.samples} samples in all)"
    )
    assert [beat.samples for beat in beats if beat.samples] == sorted(beat.samples for beat in beats)[1:]
    assert beats[-1].samples == seen.samples


async def test_settling_takes_time_and_is_not_held_against_it(
    health: HealthActivities, served: Callable[[Iterable[bool]], str]
) -> None:
    url = served(forever(*[False] * 6, then=True))
    seen, _ = await watch(health, request(url, timedelta(milliseconds=200)))
    assert seen.ok
    assert seen.samples - seen.healthy == 6


async def test_it_is_bad_when_it_does_not_settle(
    health: HealthActivities, served: Callable[[Iterable[bool]], str]
) -> None:
    url = served(forever(then=False))
    settle = timedelta(milliseconds=200)
    seen, _ = await watch(health, request(url, timedelta(minutes=5), settle))
    assert seen.bad
    assert seen.reason.startswith("not healthy within 0.2 s: answered 200 at ")
    assert seen.first_healthy_at is None


async def test_one_failure_starts_the_window_over(
    health: HealthActivities, served: Callable[[Iterable[bool]], str]
) -> None:
    url = served(forever(*[True] * 8, False, then=True))
    seen, beats = await watch(health, request(url, timedelta(milliseconds=400)))
    assert seen.ok
    assert beats[9].failures == 1
    assert beats[9].held == timedelta()
    assert seen.samples - seen.healthy == 1
    assert seen.held >= timedelta(milliseconds=400)
    assert beats[8].longest > timedelta()


async def test_three_failures_after_it_was_healthy_are_a_relapse(
    health: HealthActivities, served: Callable[[Iterable[bool]], str]
) -> None:
    url = served(forever(True, True, False, False, True, then=False))
    seen, _ = await watch(health, request(url, timedelta(minutes=5)))
    assert seen.bad
    assert seen.samples == 8
    assert "then failed 3 times in a row: answered 200 at" in seen.reason


async def test_what_flaps_is_never_stable(
    health: HealthActivities, served: Callable[[Iterable[bool]], str]
) -> None:
    def flapping() -> Iterator[bool]:
        while True:
            yield from (True, True, False)

    asked = request(served(flapping()), timedelta(milliseconds=300), settle=timedelta(milliseconds=100))
    seen, _ = await watch(health, asked)
    assert seen.bad
    assert seen.reason.startswith("never stable for 0.3 s (at best ")


async def test_a_watch_that_sees_nothing_is_unknown(health: HealthActivities) -> None:
    asked = request("http://no-such-host.invalid/", timedelta(milliseconds=100), timedelta(milliseconds=100))
    seen, _ = await watch(health, asked)
    assert seen.unknown
    assert seen.reason.startswith("could not see for ")
    assert "no such host name" in seen.reason
    assert seen.healthy == 0


async def test_without_a_health_check_there_is_nothing_to_watch(health: HealthActivities) -> None:
    service = Service(name="batch", manager=DockerManager(container="batch"))
    seen, beats = await watch(health, VerificationRequest(service=service, stable_for=timedelta(minutes=5)))
    assert (seen.finding, beats) == (Finding.UNKNOWN, [])


async def test_another_worker_goes_on_with_the_samples(
    health: HealthActivities, served: Callable[[Iterable[bool]], str]
) -> None:
    url = served(forever(then=True))
    asked = request(url, stable_for=timedelta(minutes=5))
    environment = ActivityEnvironment()
    beats = asyncio.Queue[Samples]()
    environment.on_heartbeat = beats.put_nowait
    first = asyncio.ensure_future(environment.run(health.watch_health, asked))
    async with asyncio.timeout(60):
        lost = [await beats.get() for _ in range(12)][-1]
    environment.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first

    long_ago = lost.model_copy(
        update={"sampled_at": datetime.now(UTC) - timedelta(hours=1), "held": timedelta(minutes=4)}
    )
    seen, more = await watch(health, request(url, timedelta(minutes=4) + 2 * EVERY), resumed_from=long_ago)
    assert seen.ok
    assert (seen.samples, seen.resumed) == (lost.samples + 1, 1)
    assert seen.held == timedelta(minutes=4) + 2 * EVERY, "an hour without a watcher counts as two samples"
    assert more[0].samples == lost.samples, "the background beat carries what was resumed"


async def test_a_relapse_is_seen_across_workers(health: HealthActivities) -> None:
    now = datetime.now(UTC)
    before = Samples(started_at=now, sampled_at=now, samples=9, healthy=7, failures=2, first_healthy_at=now)
    asked = request(f"http://127.0.0.1:{closed_port()}/", timedelta(minutes=5))
    seen, _ = await watch(health, asked, resumed_from=before)
    assert seen.bad
    assert (seen.samples, seen.resumed) == (10, 1)


async def test_an_async_activity_beats_three_times_within_its_time_out() -> None:
    beats = asyncio.Queue[tuple[object, ...]]()
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, heartbeat_timeout=timedelta(milliseconds=90))
    environment.on_heartbeat = lambda *details: beats.put_nowait(details)

    @activity.defn
    async def work() -> None:
        async with beating(), asyncio.timeout(60):
            for _ in range(4):
                await beats.get()

    began = time.monotonic()
    await environment.run(work)
    assert time.monotonic() - began > 0.08
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(beats.get(), timeout=0.1)


async def test_a_blocking_activity_beats_from_another_thread() -> None:
    beats = queue.Queue[Samples]()
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, heartbeat_timeout=timedelta(milliseconds=90))
    environment.on_heartbeat = beats.put
    progress = Samples(started_at=datetime.now(UTC))

    @activity.defn
    def work() -> list[Samples]:
        with beating_in_thread(lambda: progress):
            return [beats.get(timeout=5) for _ in range(4)]

    assert await asyncio.to_thread(environment.run, work) == [progress] * 4


async def test_its_samples_are_kept_for_a_chart(
    health: HealthActivities, served: Callable[[Iterable[bool]], str]
) -> None:
    url = served(forever(*[False] * 3, then=True))
    seen, beats = await watch(health, request(url, timedelta(milliseconds=200)))
    kept = seen.probes
    assert (kept.what, kept.unit) == ("time to answer", "ms")
    assert [one.finding for one in kept.points[:4]] == [Finding.BAD] * 3 + [Finding.OK]
    assert len(kept.points) == seen.samples
    assert all(one.value is not None and 0 < one.value < 1000 for one in kept.points)
    assert kept.points[-1].after >= 0.2
    assert beats[-1].probes == kept, "they ride in the heartbeat"


async def test_who_does_not_answer_has_no_number(health: HealthActivities) -> None:
    asked = request(f"http://127.0.0.1:{closed_port()}/", timedelta(minutes=5), timedelta(milliseconds=100))
    seen, _ = await watch(health, asked)
    assert seen.bad
    assert {(one.finding, one.value) for one in seen.probes.points} == {(Finding.BAD, None)}
