"""Engines, logs and metrics of real containers and programs."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment

from activities.managers import DockerEngine, Managers
from activities.service.log_search import LogSearchActivities, tells_of_an_error
from activities.service.metrics_sample import LIMIT, MetricsSampleActivities
from activities.stack.engines import EngineActivities
from models.checks.item import ItemResult, ItemState
from models.checks.status import EngineOf, SampleMetrics, SearchLog
from tests.parts.servers.docker_engine import MakeContainer, docker_service, wait_for
from tests.parts.servers.docker_proxy import silent_socket
from tests.parts.servers.supervisor import StartSupervisord

SPEAKS = (
    "import sys\n"
    "print('connected to OpenAI with api_key=sk-abcdefghijklmnopqrstuv', flush=True)\n"
    "print('synced 4 products, errors: 0', flush=True)\n"
    "print('ERROR: amazon answered 503', file=sys.stderr, flush=True)\n"
)


@pytest.fixture
def managers(docker_client: object) -> Iterator[Managers]:
    engine = DockerEngine()
    yield Managers(engine)
    engine.close()


def test_a_log_is_shown_searched_and_read_for_errors(
    managers: Managers, make_container: MakeContainer
) -> None:
    """Both output streams: a pipe to grep would lose the errors."""
    container = make_container(SPEAKS)
    wait_for(container, "exited")
    service, looks, run = (
        docker_service(container.name),
        LogSearchActivities(managers),
        ActivityEnvironment().run,
    )
    shown = run(looks.show_log, SearchLog(service=service, most=2))
    assert len(shown.details) == 2
    found = run(looks.show_log, SearchLog(service=service, most=9, words=("openai", "sentry", "AMAZON")))
    assert found.state is ItemState.OK
    assert sorted(found.details) == [
        "ERROR: amazon answered 503",
        "connected to OpenAI with api_key=[redacted]",
    ]
    errors = run(looks.show_errors, SearchLog(service=service, most=9))
    assert (errors.state, errors.details) == (ItemState.ATTENTION, ("ERROR: amazon answered 503",))
    gone = run(looks.show_errors, SearchLog(service=docker_service("no-such-container"), most=9))
    assert gone.state is ItemState.UNKNOWN


@pytest.mark.parametrize(
    ("line", "tells"),
    [
        ("Error: listen EADDRINUSE", True),
        ('{"level":"error","msg":"no route"}', True),
        ("UnhandledPromiseRejection: TypeError: x is not a function", True),
        ("0 errors, but an exception was raised", True),
        ("FATAL:  the database system is starting up", True),
        ("finished: 0 errors, 3 warnings", False),
        ("no errors found", False),
        ('{"level":"info","error":null,"took":3}', False),
        ("errors=0 retries=0", False),
        ("GET /api/products 200", False),
    ],
)
def test_what_tells_of_an_error(line: str, tells: bool) -> None:
    assert tells_of_an_error(line) is tells


def test_an_engine_shows_everything_that_it_runs(make_container: MakeContainer) -> None:
    container = make_container()
    seen = ActivityEnvironment().run(
        EngineActivities().look_at_engine, EngineOf(service=docker_service(container.name))
    )
    assert seen.reason.startswith("Docker ")
    assert container.name in [row[0] for row in seen.tables[0].rows]


def test_programs_that_end_again_and_again_need_attention(start_supervisord: StartSupervisord) -> None:
    supervisord = start_supervisord(
        well="import time; time.sleep(600)", ill=("raise SystemExit(3)", {"startsecs": "1"})
    )
    look = EngineActivities().look_at_engine

    def seen() -> ItemResult:
        return ActivityEnvironment().run(look, EngineOf(service=supervisord.service("well")))

    until = time.monotonic() + 15
    while (found := seen()).state is not ItemState.ATTENTION and time.monotonic() < until:
        time.sleep(0.05)  # between two looks of a bounded wait: it is tried a few times first
    assert found.reason.endswith("of 2 programs run; look at ill")
    assert {row[0] for row in found.tables[0].rows} == {"well", "ill"}


def test_an_engine_that_is_silent_is_unknown() -> None:
    with silent_socket() as socket:
        engine = DockerEngine(f"unix://{socket}", timeout=1)
        look = EngineActivities(engine).look_at_engine
        seen = ActivityEnvironment().run(look, EngineOf(service=docker_service("x")))
    assert seen.state is ItemState.UNKNOWN


@pytest.fixture
async def metrics() -> AsyncIterator[MetricsSampleActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield MetricsSampleActivities(client)


async def sample(
    metrics: MetricsSampleActivities, server: HTTPServer, body: str, kind: str = "text/plain"
) -> ItemResult:
    server.expect_request("/metrics").respond_with_data(body, content_type=kind)
    request = SampleMetrics(service=docker_service("x"), url=server.url_for("/metrics"), most=2)
    return await ActivityEnvironment().run(metrics.sample_metrics, request)


PAGE = '# TYPE up gauge\nup 1\nhttp_requests_total{route="/a"} 7\nhttp_requests_total{route="/b"} 1\n'


@pytest.mark.parametrize("kind", ["text/plain; version=0.0.4", "text/html; charset=utf-8"])
async def test_the_first_samples_are_shown_whatever_they_are_called(
    metrics: MetricsSampleActivities, httpserver: HTTPServer, kind: str
) -> None:
    seen = await sample(metrics, httpserver, PAGE, kind)
    assert (seen.state, seen.reason) == (ItemState.OK, "3 samples, of 2 metrics")
    assert seen.tables[0].rows == (("up", "1"), ('http_requests_total{route="/a"}', "7"))


@pytest.mark.parametrize(
    "body", ["", "<html><body>Log in</body></html>", '{"tools": {"total": 11}}', "a b c d"]
)
async def test_what_is_no_page_of_metrics_is_unknown(
    metrics: MetricsSampleActivities, httpserver: HTTPServer, body: str
) -> None:
    seen = await sample(metrics, httpserver, body)
    assert seen.state is ItemState.UNKNOWN
    assert "configure checks.status.metrics" in seen.reason


async def test_of_a_huge_page_the_beginning_is_read(
    metrics: MetricsSampleActivities, httpserver: HTTPServer
) -> None:
    many = "".join(f'requests_total{{user="{n}"}} {n}\n' for n in range(LIMIT // 20))
    seen = await sample(metrics, httpserver, many)
    assert seen.state is ItemState.OK
    assert seen.reason.startswith("more than ")
