"""Dependencies, each looked at by its own check."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment

from activities.health.dependencies import DependenciesSeen, DependencyActivities, LookAtDependencies
from activities.health.probe import HealthActivities
from activities.managers import Managers
from activities.postgres.check import PostgresActivities
from activities.service.processes import ProcessActivities
from models.evidence.evidence import Finding
from models.service.secret import SecretRef
from models.service.service import Database, HealthCheck, Service, SupervisordManager
from tests.parts.servers.postgres_server import PostgresServer
from tests.parts.servers.sockets import closed_port


@pytest.fixture
async def dependencies() -> AsyncIterator[DependencyActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        processes = ProcessActivities(Managers())
        yield DependencyActivities(HealthActivities(client), processes, PostgresActivities())


def unmanaged(tmp_path: Path, name: str) -> Service:
    """A service without a check of its own, whose supervisor is not there."""
    return Service(name=name, manager=SupervisordManager(program=name, socket=str(tmp_path / "absent.sock")))


def probed(tmp_path: Path, name: str, url: str) -> Service:
    return unmanaged(tmp_path, name).model_copy(update={"health": HealthCheck(url=url)})


def database(tmp_path: Path, url: str) -> Service:
    secret = tmp_path / "url"
    secret.write_text(url)
    check = Database(url=SecretRef(file=str(secret)))
    return unmanaged(tmp_path, "postgres").model_copy(update={"database": check})


async def look(dependencies: DependencyActivities, *services: Service) -> DependenciesSeen:
    request = LookAtDependencies(services=services)
    seen = await ActivityEnvironment().run(dependencies.look_at_dependencies, request)
    assert seen.observed_at is not None
    return seen


async def test_all_are_healthy(
    dependencies: DependencyActivities,
    tmp_path: Path,
    postgres_server: PostgresServer,
    httpserver: HTTPServer,
) -> None:
    httpserver.expect_request("/health").respond_with_json({"status": "ok"})
    cache = probed(tmp_path, "cache", httpserver.url_for("/health"))
    seen = await look(dependencies, database(tmp_path, postgres_server.url()), cache)
    assert (seen.finding, seen.reason) == (Finding.OK, "all healthy: postgres, cache")
    assert seen.broken == ()


async def test_a_lost_database_is_named(
    dependencies: DependencyActivities, tmp_path: Path, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/health").respond_with_json({"status": "ok"})
    port = closed_port()
    lost = database(tmp_path, f"postgresql://me:s3cret@127.0.0.1:{port}/app")
    seen = await look(dependencies, probed(tmp_path, "cache", httpserver.url_for("/health")), lost)
    assert (seen.finding, seen.reason) == (
        Finding.BAD,
        f"postgres: connection refused at 127.0.0.1:{port}/app",
    )
    assert seen.lost_database is not None and seen.lost_database.service == "postgres"
    assert "s3cret" not in seen.model_dump_json()


async def test_bad_outweighs_unknown_and_unknown_outweighs_ok(
    dependencies: DependencyActivities, tmp_path: Path, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/health").respond_with_json({"status": "ok"})
    healthy = probed(tmp_path, "cache", httpserver.url_for("/health"))
    away = probed(tmp_path, "search", f"http://127.0.0.1:{closed_port()}/")
    unseen = unmanaged(tmp_path, "batch")

    seen = await look(dependencies, healthy, unseen)
    assert seen.unknown, seen.reason
    assert seen.reason.startswith("batch: ")
    assert seen.broken == ()

    seen = await look(dependencies, healthy, unseen, away)
    assert seen.bad
    assert [one.service for one in seen.broken] == ["search"]
    assert seen.lost_database is None
    assert [one.finding for one in seen.services] == [Finding.OK, Finding.UNKNOWN, Finding.BAD]
