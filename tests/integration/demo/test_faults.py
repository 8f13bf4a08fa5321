"""The stand-in backend does its work, and every fault does what it says, under both managers."""

from __future__ import annotations

from typing import Any

import docker
import httpx
import psutil
import pytest

from demo.faults import FAULTS
from demo.parts.waiting import until
from demo.systems.compose import ComposedServices
from demo.systems.services import BACKEND, POSTGRES, Services
from demo.systems.supervisor import SupervisedServices

pytest_plugins = ["tests.parts.product.stack"]


async def ask(services: Services, path: str, method: str = "GET") -> httpx.Response:
    async with httpx.AsyncClient(base_url=services.backend.url, timeout=5) as client:
        return await client.request(method, path)


async def exit_code(services: Services) -> int:
    """What the manager says about the backend's end."""
    if isinstance(services, SupervisedServices):
        info: dict[str, Any] = await services.supervisord.ask("getProcessInfo", BACKEND)
        assert info["statename"] == "EXITED"
        return int(info["exitstatus"])
    return int(container_state(services)["ExitCode"])


def container_state(services: Services) -> dict[str, Any]:
    assert isinstance(services, ComposedServices)
    engine = docker.from_env()
    try:
        state: dict[str, Any] = engine.containers.get(services.container_of(BACKEND)).attrs["State"]
    finally:
        engine.close()
    return state


def raise_memory_limit(services: Services, limit: int) -> None:
    """As an operator would: in the file under supervisord, by the engine for a container."""
    if isinstance(services, SupervisedServices):
        services.memory_limit_file.write_text(str(limit))
        return
    assert isinstance(services, ComposedServices)
    engine = docker.from_env()
    try:
        engine.containers.get(services.container_of(BACKEND)).update(mem_limit=limit, memswap_limit=limit)
    finally:
        engine.close()


async def test_health_and_the_metrics_that_the_alerts_read(services: Services) -> None:
    health = (await ask(services, "/health")).json()
    assert health["status"] == "healthy"
    assert health["checks"] == {"database": "ok"}

    metrics = (await ask(services, "/metrics")).text
    assert 'http_requests_total{method="GET",route="/health",status="200"}' in metrics
    assert 'affiliate_api_cost_dollars{service="openai"} 21.5' in metrics
    for name in ("http_request_duration_seconds_bucket", "nodejs_heap_used_bytes"):
        assert name in metrics
    limit = next(line for line in metrics.splitlines() if line.startswith("nodejs_heap_size_limit_bytes"))
    assert float(limit.split()[1]) == services.backend.memory_limit


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/products/last-sync", "lastSync"),
        ("/api/products/count", "count"),
        ("/api/videos/last-generated", "lastGenerated"),
        ("/api/videos/queue-status", "queued"),
        ("/api/cost-tracking/daily-summary", "totalDollars"),
        ("/api/cost-tracking/budget-status", "budgetDollars"),
        ("/api/analytics/revenue?period=7d", "days"),
        ("/api/analytics/products?sort=roi&limit=10", "products"),
        ("/api/analytics/platform-comparison", "platforms"),
    ],
)
async def test_the_business_api_answers_from_the_database(services: Services, path: str, field: str) -> None:
    answer = await ask(services, path)
    assert answer.status_code == 200
    assert answer.json()[field] not in (None, [])


async def test_a_sync_and_a_generation_move_their_times(services: Services) -> None:
    synced, generated = "/api/products/last-sync", "/api/videos/last-generated"
    before = (await ask(services, synced)).json(), (await ask(services, generated)).json()

    assert (await ask(services, "/api/orchestrator/sync-products", "POST")).status_code == 202
    assert (await ask(services, "/api/orchestrator/generate-videos", "POST")).status_code == 202

    assert (await ask(services, synced)).json()["lastSync"] > before[0]["lastSync"]
    assert (await ask(services, generated)).json()["lastGenerated"] > before[1]["lastGenerated"]


async def test_an_unknown_fault_is_refused(services: Services) -> None:
    assert (await ask(services, "/faults/no-such", "POST")).status_code == 404
    assert not await services.backend.is_healthy()


async def test_crash_ends_with_code_1_and_a_start_is_enough(services: Services) -> None:
    async with FAULTS["crash"].inject(services):
        assert await exit_code(services) == 1
        assert "Unhandled rejection: TypeError" in await services.log_of(BACKEND)
        await services.start_service(BACKEND)
        await until("healthy", services.backend.is_healthy, within=15)


async def test_out_of_memory_needs_a_higher_limit(services: Services) -> None:
    limit = services.backend.memory_limit
    try:
        async with FAULTS["out-of-memory"].inject(services):
            assert await exit_code(services) == 137
            if isinstance(services, ComposedServices):
                assert container_state(services)["OOMKilled"]
            else:
                assert "MemoryError: the heap is out of memory" in await services.log_of(BACKEND)

            await services.start_service(BACKEND)
            await services.ended(BACKEND)
            assert await exit_code(services) == 137

            raise_memory_limit(services, int(limit * 1.5))
            await services.start_service(BACKEND)
            await until("healthy", services.backend.is_healthy, within=15)
    finally:
        await services.stop_service(BACKEND)
        raise_memory_limit(services, limit)


async def test_hang_keeps_the_port_and_answers_nothing(services: Services) -> None:
    async with FAULTS["hang"].inject(services):
        assert await services.is_running(BACKEND)
        with pytest.raises(httpx.ReadTimeout):
            async with httpx.AsyncClient(timeout=0.5) as client:
                await client.get(f"{services.backend.url}/health")
        await services.stop_service(BACKEND)
        await services.start_service(BACKEND)
        await until("healthy", services.backend.is_healthy, within=15)


async def test_port_taken_until_its_owner_is_killed(services: Services) -> None:
    async with FAULTS["port-taken"].inject(services):
        assert await exit_code(services) == 1
        assert "EADDRINUSE" in (await services.log_of(BACKEND)).splitlines()[-1]
        (owner,) = (
            connection.pid
            for connection in psutil.net_connections("tcp4")
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (services.backend.port,)
        )
        psutil.Process(owner).kill()
        await services.start_service(BACKEND)
        await until("healthy", services.backend.is_healthy, within=15)


async def test_database_lost_turns_the_backend_unhealthy(services: Services) -> None:
    async with FAULTS["database-lost"].inject(services):
        answer = await ask(services, "/health")
        assert answer.status_code == 503
        assert answer.json()["status"] == "unhealthy"
        assert "database connection refused" in await services.log_of(BACKEND)
        assert (await ask(services, "/api/products/count")).status_code == 503
        await services.start_service(POSTGRES)
        await until("healthy", services.backend.is_healthy, within=15)


async def test_a_hung_database_is_noticed_in_bounded_time(services: Services) -> None:
    async with FAULTS["database-hung"].inject(services):
        answer = await ask(services, "/health")
        assert answer.status_code == 503
        assert "no answer in time" in answer.json()["checks"]["database"]
        await services.stop_service(POSTGRES)
        await services.start_service(POSTGRES)
        await until("healthy", services.backend.is_healthy, within=20)


async def test_a_crash_loop_lasts_until_the_version_is_rolled_back(services: Services) -> None:
    async with FAULTS["crash-loop"].inject(services):
        await services.start_service(BACKEND)
        await services.ended(BACKEND)
        assert await exit_code(services) == 1
        assert "Cannot find module" in (await services.log_of(BACKEND)).splitlines()[-1]
    await services.start_service(BACKEND)
    await until("healthy", services.backend.is_healthy, within=15)
