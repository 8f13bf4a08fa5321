"""`doctor` as a person types it, with real workers: what they see decides, and that none works is seen."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from pytest_httpserver import HTTPServer

from tests.parts.product.commands import Ended, Person
from tests.parts.product.intake import ROOT, TemporalServer, environment, intake_process, until
from tests.parts.servers.supervisor import SLEEPS, StartSupervisord

USAGE, UNREACHABLE = 2, 3
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def variables(
    temporal: TemporalServer, tmp_path: Path, start_supervisord: StartSupervisord, httpserver: HTTPServer
) -> dict[str, str]:
    """One service here, one on another host, and a pager whose key the worker alone has."""
    socket = str(start_supervisord(backend=SLEEPS).socket)
    manager = {"kind": "supervisord", "program": "backend", "socket": socket}
    httpserver.expect_request("/health").respond_with_json({"status": "ok"})
    content = {
        "services": {
            "backend": {"manager": manager, "health": {"url": httpserver.url_for("/health")}},
            "shop": {"manager": {**manager, "program": "shp"}, "host": "web-1"},
        },
        "escalation": {"any-alert": ["on-call"]},
        "contacts": {"on-call": ["pager"]},
        "channels": {"pager": {"kind": "pagerduty", "routing_key": {"env": "PAGER_KEY"}}},
        "directories": {"state": str(tmp_path / "state"), "reviews": str(tmp_path / "reviews")},
    }
    config = tmp_path / "runbooks.yaml"
    config.write_text(yaml.safe_dump(content))
    return environment(temporal.address, RUNBOOKS_CONFIG=str(config))


@asynccontextmanager
async def worker(variables: dict[str, str], *options: str) -> AsyncIterator[None]:
    """`worker.py` as a process, once it polls; it is killed, as one that dies."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "worker.py", *options, cwd=ROOT, env=variables, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            while (line := (await process.stderr.readline()).decode()) and "worker ready" not in line:
                pass
        assert line, "the worker did not start"
        yield
    finally:
        process.kill()
        await process.communicate()


def lines(ended: Ended, name: str) -> list[tuple[str, str]]:
    """The grade of each line about this, and who saw it."""
    checks: list[dict[str, Any]] = ended.document["checks"]
    return [(one["grade"], one["seen_from"]) for one in checks if one["name"].startswith(name)]


async def test_what_the_workers_see_decides(variables: dict[str, str]) -> None:
    has_the_key = variables | {"PAGER_KEY": KEY, "RUNBOOKS_INTAKE_TOKEN_FILE": "/etc/runbooks/secrets/token"}
    async with worker(has_the_key), worker(variables, "--host", "web-1"):
        told = await Person(variables).types("doctor", "--json")
        assert lines(told, "program backend of backend") == [("ok", "here, worker")]
        assert lines(told, "program shp of shop") == [("problem", "worker web-1")]
        assert lines(told, "channel pager") == [("attention", "here"), ("ok", "worker")]
        assert lines(told, "workers (") == lines(told, "workers of web-1") == [("ok", "here")]
        assert lines(told, "configuration of the worker") == [("ok", "worker, worker web-1")]
        assert lines(told, "clock of Temporal") == [("ok", "here")]
        assert lines(told, "clock of the worker") == [("ok", "worker"), ("ok", "worker web-1")]
        assert lines(told, "signing key") == [("ok", "here, worker"), ("ok", "worker")]
        assert lines(told, "disk of Temporal")[0][1] == "here"
        assert told.code == USAGE, "the name of the program on web-1 must be corrected"


@pytest.fixture
def another_key(variables: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The same configuration with a key of its own."""
    content = yaml.safe_load(Path(variables["RUNBOOKS_CONFIG"]).read_text())
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text(yaml.safe_dump(content | {"approvals": {"keys": [{"env": "PAGER_KEY"}]}}))
    return {"RUNBOOKS_CONFIG": str(elsewhere)}


async def test_a_key_that_the_worker_lacks_is_named(
    variables: dict[str, str], another_key: dict[str, str]
) -> None:
    there = variables | {"PAGER_KEY": KEY}
    async with worker(there):
        told = await Person(there | another_key).types("doctor", "--json")
    assert lines(told, "signing key of here and the worker") == [("problem", "worker")]
    (said,) = [one for one in told.document["checks"] if one["name"].startswith("signing key of")]
    assert "approvals.keys" in said["cure"]
    assert KEY not in told.out


async def test_without_a_worker_it_says_so_and_tells_the_rest_from_here(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    fresh = TemporalServer(tmp_path)
    await fresh.start()
    try:
        told = await Person(variables | {"TEMPORAL_ADDRESS": fresh.address}).types("doctor", "--json")
    finally:
        await fresh.kill()
    assert told.code == UNREACHABLE
    assert lines(told, "workers") == [("problem", "here"), ("problem", "here")]
    assert lines(told, "what a worker sees") == [("problem", "here")]
    assert lines(told, "program backend of backend") == [("ok", "here")]


async def test_readyz_sees_that_nobody_works(tmp_path: Path, variables: dict[str, str]) -> None:
    """Before the first worker polls there is none; after a worker polled, it does not flap."""
    fresh = TemporalServer(tmp_path)
    await fresh.start()
    here = variables | {"TEMPORAL_ADDRESS": fresh.address}
    try:
        async with (
            intake_process(Path(variables["RUNBOOKS_CONFIG"]), here) as intake,
            httpx.AsyncClient(base_url=intake.url, timeout=30) as http,
        ):
            alone = await http.get("/readyz")
            assert (alone.status_code, alone.json()["ready"]) == (503, False)
            (said,) = [one for one in alone.json()["checks"] if one["name"] == "workers"]
            assert "nobody polls the task queue runbooks" in said["problem"]
            async with worker(here):
                assert (await until(lambda: _ready(http), within=20)).status_code == 200
            assert (await http.get("/readyz")).status_code == 200, "it may have been started anew"
    finally:
        await fresh.kill()


async def _ready(http: httpx.AsyncClient) -> httpx.Response | None:
    answer = await http.get("/readyz")
    return answer if answer.status_code == 200 else None
