"""Every part of the demo starts for real, answers, and ends with all that it started."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from pathlib import Path

import httpx
import psutil
import pytest
from pytest_httpserver import HTTPServer
from temporalio.client import Client

from demo.parts.errors import EndedError, NotInstalledError, NotReadyError
from demo.parts.loopback import free_port, is_installed, program
from demo.parts.part import ProcessPart
from demo.parts.process import Process
from demo.parts.waiting import until
from demo.systems.alertmanager import Alertmanager
from demo.systems.postgres import Postgres
from demo.systems.product import new_token
from demo.systems.prometheus import Prometheus
from demo.systems.supervisor import SupervisedServices
from demo.systems.temporal import SEARCH_ATTRIBUTES, Temporal
from tests.parts.requirements import missing

PORTS = """
from demo.parts.loopback import free_port
print(*(free_port() for _ in range(100)), flush=True)
input()
"""
PARENT = """
import subprocess, sys, time
child = [sys.executable, "-c", "import time; time.sleep(600)"]
for detached in (False, True):
    print(subprocess.Popen(child, start_new_session=detached).pid, flush=True)
time.sleep(600)
"""
"""Starts two children, one of them in a session of its own, as PostgreSQL does."""

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(600)"


def lines_of(process: Process) -> list[str]:
    return process.log.read_text().split()


async def gone(pids: list[int]) -> None:
    async def some_left() -> str:
        left = [pid for pid in pids if psutil.pid_exists(pid)]
        return f"still there: {left}" if left else ""

    await until("all ended", some_left, within=5)


async def printed(process: Process, count: int) -> None:
    async def too_few() -> str:
        return "" if len(lines_of(process)) >= count else "not printed yet"

    await until(f"{count} lines", too_few, within=10)


async def test_stop_ends_children_and_those_in_sessions_of_their_own(tmp_path: Path) -> None:
    process = Process("parent", [sys.executable, "-uc", PARENT], directory=tmp_path)
    process.start()
    await printed(process, 2)
    children = [int(line) for line in lines_of(process)]
    assert all(psutil.pid_exists(pid) for pid in children)

    await process.stop()

    await gone([process.pid, *children])
    assert process.exit_code == -signal.SIGTERM


async def test_children_of_a_crashed_parent_are_ended_too(tmp_path: Path) -> None:
    process = Process("parent", [sys.executable, "-uc", PARENT], directory=tmp_path)
    process.start()
    await printed(process, 2)
    same_session, detached = (int(line) for line in lines_of(process))
    psutil.Process(process.pid).kill()
    await until("parent ended", lambda: _ended(process), within=5)

    await process.stop()

    await gone([same_session])
    psutil.Process(detached).kill()  # nothing leads to it any more: ours to end, as it was ours to make


async def _ended(process: Process) -> str:
    return "it runs" if process.running else ""


async def test_stop_is_bounded_for_a_process_that_ignores_sigterm(tmp_path: Path) -> None:
    process = Process("stubborn", [sys.executable, "-uc", STUBBORN], directory=tmp_path)
    process.start()
    await printed(process, 1)

    await process.stop(within=0.3)

    assert process.exit_code == -signal.SIGKILL


async def test_a_stopped_process_is_ended_while_it_is_paused(tmp_path: Path) -> None:
    process = Process("paused", [sys.executable, "-uc", PARENT], directory=tmp_path)
    process.start()
    await printed(process, 2)
    process.pause()

    async def still_running() -> str:
        status = psutil.Process(process.pid).status()
        return "" if status == psutil.STATUS_STOPPED else status

    await until("a paused process", still_running, within=5)

    await process.stop()

    await gone([process.pid, *(int(line) for line in lines_of(process))])


async def test_a_part_that_ends_at_once_says_why(tmp_path: Path) -> None:
    class Broken(ProcessPart):
        process = Process("broken", [sys.executable, "-c", "raise SystemExit('no disk')"], directory=tmp_path)

        async def looks_ready(self) -> str:
            return "never"

    with pytest.raises(EndedError, match="broken ended with code 1:\nno disk"):
        await Broken().start()


async def test_a_part_that_never_becomes_ready_is_stopped(tmp_path: Path) -> None:
    class Slow(ProcessPart):
        process = Process("slow", [sys.executable, "-c", "import time; time.sleep(600)"], directory=tmp_path)
        ready_within = 0.3

        async def looks_ready(self) -> str:
            return "it thinks"

    slow = Slow()
    with pytest.raises(NotReadyError, match=r"slow ready was not so within 0.3 s: it thinks"):
        await slow.__aenter__()
    assert not slow.process.running


async def test_waiting_is_bounded_when_the_look_itself_hangs() -> None:
    async def hangs() -> str:
        await asyncio.Event().wait()
        return ""

    with pytest.raises(NotReadyError, match="the last look had no answer"):
        await until("anything", hangs, within=0.2)


def test_a_missing_program_names_the_cure() -> None:
    with pytest.raises(NotInstalledError, match="no-such-program was not found: get it"):
        program("no-such-program", hint="get it")


async def test_temporal_keeps_its_runs_over_kill_9(tmp_path: Path) -> None:
    async with Temporal(tmp_path) as temporal:
        client = await Client.connect(temporal.address)
        await client.start_workflow("Nothing", id="kept", task_queue="nobody-polls")
        pid = temporal.process.pid

        await temporal.kill()
        assert not psutil.pid_exists(pid)
        await temporal.start()

        assert (await client.get_workflow_handle("kept").describe()).id == "kept"
        for name in SEARCH_ATTRIBUTES:
            assert await client.count_workflows(f"{name} = 'none'")
        async with httpx.AsyncClient() as http:
            assert (await http.get(temporal.ui)).is_success
        pid = temporal.process.pid
    assert not psutil.pid_exists(pid)


async def test_postgres_hangs_when_paused_and_comes_back(tmp_path: Path) -> None:
    async with Postgres(tmp_path) as postgres:
        family = [p.pid for p in psutil.Process(postgres.process.pid).children(recursive=True)]
        assert family
        postgres.pause()
        assert await postgres.cluster.answers() == "no answer to SELECT 1 within 2 s"
        postgres.resume()
        assert await postgres.cluster.answers() == ""
        await postgres.kill()
        assert "Connect call failed" in await postgres.cluster.answers()
        await postgres.start()
    await gone([postgres.process.pid, *family])


async def test_supervisord_ends_its_programs_also_after_it_was_killed(tmp_path: Path) -> None:
    services = SupervisedServices(tmp_path)
    async with services:
        pids = [await services.pid_of(name) for name in ("backend", "postgres")]
        psutil.Process(services.supervisord.process.pid).kill()
        await until("supervisord ended", lambda: _ended(services.supervisord.process), within=5)
        assert all(psutil.pid_exists(pid) for pid in pids)
    await gone(pids)


async def test_prometheus_raises_and_alertmanager_delivers(tmp_path: Path, httpserver: HTTPServer) -> None:
    if not is_installed("prometheus"):
        missing("prometheus is not installed: apt-get install prometheus")
    token = new_token(tmp_path)
    header = {"Authorization": f"Bearer {token.read_text()}"}
    httpserver.expect_request("/v1/alertmanager", method="POST", headers=header).respond_with_json({})
    nobody = f"http://127.0.0.1:{free_port()}"
    alertmanager = Alertmanager(tmp_path, intake=httpserver.url_for("").rstrip("/"), token_file=token)
    prometheus = Prometheus(tmp_path, backend=nobody, alertmanager=alertmanager.url)

    async with alertmanager, prometheus:
        await until("webhook", lambda: _delivered(httpserver), within=30)

    webhook = httpserver.log[0][0].get_json()
    assert webhook["version"] == "4"
    assert webhook["alerts"][0]["labels"]["alertname"] == "ServiceDown"
    assert webhook["alerts"][0]["labels"]["service"] == "backend"
    assert not alertmanager.process.running
    assert not prometheus.process.running


async def _delivered(httpserver: HTTPServer) -> str:
    return "" if httpserver.log else "nothing came in"


async def test_a_port_that_one_process_was_given_no_other_gets() -> None:
    """As when two stacks begin at once: what listens is not there yet, and its port is free for the other."""
    one = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PORTS, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert one.stdout is not None
    taken = [int(port) for port in (await one.stdout.readline()).split()]
    for port in taken:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as namesake, pytest.raises(OSError):
            namesake.bind(("127.0.0.1", port))
    await one.communicate(b"\n")
    assert len(set(taken)) == 100
