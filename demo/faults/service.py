"""The faults of the backend, one function each: what breaks, for real, under both managers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil

from demo.faults.fault import NETWORKS, Fault, Inject, unhealthy
from demo.parts.http import answers
from demo.parts.loopback import LOOPBACK
from demo.parts.waiting import until
from demo.systems.networked import NetworkedServices
from demo.systems.services import BACKEND, POSTGRES, Services

_MORE_THAN_THE_LIMIT = 16 * 2**20
"""Bytes. The working set is over the limit, and under the limit raised by half."""


@asynccontextmanager
async def crash(services: Services) -> AsyncIterator[None]:
    """The backend ends with code 1. Starting it is enough."""
    await services.backend.inject("crash")
    await services.ended(BACKEND)
    yield


@asynccontextmanager
async def killed(services: Services) -> AsyncIterator[None]:
    """Somebody kills the backend (SIGKILL): its exit code is that of a process out of memory."""
    psutil.Process(await services.pid_of(BACKEND)).kill()
    await services.ended(BACKEND)
    yield


@asynccontextmanager
async def stopped(services: Services) -> AsyncIterator[None]:
    """Somebody stops the backend, as its manager does it, and says nothing."""
    await services.stop_service(BACKEND)
    await services.ended(BACKEND)
    yield


def answering(status: int, body: dict[str, str], **headers: str) -> Inject:
    """The backend works, and its health check answers something else than that."""

    @asynccontextmanager
    async def inject(services: Services) -> AsyncIterator[None]:
        said = {
            "status": status,
            "body": body,
            "headers": {k.replace("_", "-"): v for k, v in headers.items()},
        }
        services.backend.health_answer.write_text(json.dumps(said))
        try:
            await unhealthy(services)
            yield
        finally:
            services.backend.health_answer.unlink()

    return inject


@asynccontextmanager
async def out_of_memory(services: Services) -> AsyncIterator[None]:
    """The working set outgrew the memory limit: every start ends so until the limit is raised."""
    backend = services.backend
    backend.working_set.write_text(str(backend.memory_limit + _MORE_THAN_THE_LIMIT))
    try:
        await backend.inject("out-of-memory")
        await services.ended(BACKEND)
        yield
    finally:
        backend.working_set.unlink()


@asynccontextmanager
async def hang(services: Services) -> AsyncIterator[None]:
    """The backend keeps its port and answers nothing."""
    await services.backend.inject("hang")
    await unhealthy(services)
    yield


@asynccontextmanager
async def port_taken(services: Services) -> AsyncIterator[None]:
    """Another process took the port while the backend was stopped; its start fails with EADDRINUSE."""
    await services.stop_service(BACKEND)
    port = str(services.backend.port)
    server = [sys.executable, "-m", "http.server", port, "--bind", LOOPBACK]
    squatter = await asyncio.create_subprocess_exec(*server, stdout=DEVNULL, stderr=DEVNULL)
    try:
        await until("the port taken", lambda: answers(services.backend.url))
        await services.start_service(BACKEND)
        await services.ended(BACKEND)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            squatter.kill()
        await squatter.wait()


@asynccontextmanager
async def database_lost(services: Services) -> AsyncIterator[None]:
    """PostgreSQL crashes: the backend runs, and says that it is unhealthy."""
    psutil.Process(await services.pid_of(POSTGRES)).send_signal(signal.SIGQUIT)  # it ends at once
    await services.ended(POSTGRES)
    await unhealthy(services)
    yield


@asynccontextmanager
async def database_hung(services: Services) -> AsyncIterator[None]:
    """PostgreSQL accepts connections and answers nothing (SIGSTOP); it must be stopped by force.

    The sessions that were open are ended: they would be served on, and nobody would notice.
    """
    postmaster = psutil.Process(await services.pid_of(POSTGRES))
    postmaster.suspend()
    try:
        for session in postmaster.children():
            with contextlib.suppress(psutil.NoSuchProcess):  # it ended by itself, and nobody waits for it
                if services.cluster.user in " ".join(session.cmdline()):
                    session.terminate()
        await unhealthy(services)
        yield
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            postmaster.resume()


@asynccontextmanager
async def spin(services: Services) -> AsyncIterator[None]:
    """The backend computes without an end: the CPU is at the limit of its container, a narrow one."""
    assert isinstance(services, NetworkedServices), "this fault needs a backend that may run twice"
    await services.inject("spin")
    await services.narrow(BACKEND)
    await unhealthy(services)
    yield


@asynccontextmanager
async def heavy_version(services: Services) -> AsyncIterator[None]:
    """A new version is deployed, and outgrows the memory limit that the one before was fine with."""
    await services.deploy("2")
    await until("backend healthy", services.backend.is_healthy)
    async with out_of_memory(services):
        yield


@asynccontextmanager
async def crash_loop(services: Services) -> AsyncIterator[None]:
    """The new version crashes at every start until it is rolled back."""
    marker = services.backend.crash_at_start
    marker.touch()
    try:
        await services.backend.inject("crash")
        await services.ended(BACKEND)
        yield
    finally:
        marker.unlink(missing_ok=True)


FAULTS: dict[str, Fault] = {
    "crash": Fault(crash, "crash", "the backend crashes"),
    "out-of-memory": Fault(out_of_memory, "out of memory", "the backend outgrows its memory limit"),
    "killed": Fault(killed, "crash", "somebody kills the backend"),
    "stopped": Fault(stopped, "stopped by somebody", "somebody stops the backend", asks=True),
    "unauthorized": Fault(
        answering(401, {"error": "who are you?"}),
        "health check does not fit",
        "the backend's health check wants credentials",
        ends=False,
    ),
    "throttled": Fault(
        answering(429, {"error": "slow down"}, retry_after="10"),
        "throttled",
        "the backend limits how often its health check may be asked",
        ends=False,
    ),
    "starts-for-ever": Fault(
        answering(503, {"status": "starting"}),
        "starting",
        "the backend says that it is still starting, for ever",
        ends=False,
    ),
    "database-blamed": Fault(
        answering(503, {"status": "unhealthy", "database": "down"}),
        "database blamed",
        "the backend says that its database is down, which it is not",
        asks=True,
        ends=False,
    ),
    "failing": Fault(
        answering(500, {}),
        "unknown",
        "the backend's health check fails, and nothing tells why",
        asks=True,
        ends=False,
    ),
    "hang": Fault(hang, "hung", "the backend hangs: its port is open, and nothing answers"),
    "spin": Fault(spin, "resources exhausted", "the backend uses all of its CPU", needs=NETWORKS),
    "heavy-version": Fault(heavy_version, "out of memory", "a new version needs more memory"),
    "port-taken": Fault(port_taken, "port conflict", "another process takes the backend's port", asks=True),
    "database-lost": Fault(database_lost, "database lost", "PostgreSQL crashes"),
    "database-hung": Fault(database_hung, "database lost", "PostgreSQL hangs"),
    "crash-loop": Fault(
        crash_loop, "crash loop", "a bad version crashes at every start", asks=True, crashes_before=2
    ),
}
