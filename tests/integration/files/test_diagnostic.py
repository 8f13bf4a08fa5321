"""What is in the memory of a real process, written down by itself and kept beside the review."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment

from activities.app.switches import Switches
from activities.doctor.files import check_diagnostic
from activities.files.diagnostic import DiagnosticActivities
from activities.managers import Managers
from activities.memory.caches import CacheActivities
from demo.parts.waiting import until
from models.actions.change import ActionResult, Perform
from models.actions.memory import ClearCache, TakeDiagnostic
from models.service.memory import Diagnostic
from models.service.service import Service
from models.service.surroundings import SwitchCall
from tests.parts.servers.supervisor import StartSupervisord

WRITES = """
import pathlib, signal, time
def write(*_):
    part = pathlib.Path("{directory}") / "heap-{{}}.heapsnapshot".format(time.time_ns())
    with part.open("wb") as file:
        for _ in range({parts}):
            file.write(b"s" * 1000)
            file.flush()
            time.sleep(0.01)
{handler}
print("up", flush=True)
while True:
    time.sleep(1)
"""
HANDLES = "signal.signal(signal.SIGUSR2, write)"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as one:
        yield one


def diagnostic(directory: Path, **more: Any) -> Diagnostic:
    fields = {"signal": "SIGUSR2", "at_most": timedelta(seconds=6), "largest": 10**6, **more}
    return Diagnostic(directory=str(directory), **fields)


async def take(
    client: httpx.AsyncClient, service: Service, reviews: Path, asked_at: datetime | None = None
) -> ActionResult:
    configured = service.diagnostic
    assert configured is not None
    action = TakeDiagnostic(
        service=service,
        by=configured.signal or "a call",
        directory=configured.directory,
        pattern=configured.pattern,
        at_most=configured.at_most,
        largest=configured.largest,
    )
    request: Perform[TakeDiagnostic] = Perform(action=action, asked_at=asked_at or datetime.now(UTC))
    activities = DiagnosticActivities(Managers(), Switches(client), reviews)
    result: ActionResult = await ActivityEnvironment().run(activities.take_diagnostic, request)
    return result


async def started(
    start: StartSupervisord, directory: Path, *, handler: str = HANDLES, parts: int = 50, **more: Any
) -> Service:
    supervisord = start(web=WRITES.format(directory=directory, handler=handler, parts=parts))

    async def not_up() -> str:
        out = supervisord.directory / "web.out"
        return "" if out.exists() and "up" in out.read_text() else "it is not up"

    await until("the process is up", not_up, within=10)
    return supervisord.service("web", diagnostic=diagnostic(directory, **more))


async def test_the_file_is_kept_whole_for_the_worker_alone(
    start_supervisord: StartSupervisord, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / "dumps").mkdir()
    service = await started(start_supervisord, tmp_path / "dumps")
    asked_at = datetime.now(UTC)
    result = await take(client, service, tmp_path / "reviews", asked_at)
    assert result.done, result.found
    kept = tmp_path / "reviews" / result.kept
    assert kept.read_bytes() == b"s" * 50_000
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert result.kept.startswith("backend-20") and result.kept.endswith(".heapsnapshot")
    assert "48.8 KiB" in result.found
    again = await take(client, service, tmp_path / "reviews", asked_at)
    assert (again.done, again.kept) == (True, result.kept), "asked again after a lost answer"
    assert len(list((tmp_path / "dumps").iterdir())) == 1


async def test_a_process_that_does_not_handle_the_signal_is_not_ended_by_it(
    start_supervisord: StartSupervisord, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    service = await started(start_supervisord, tmp_path, handler="")
    result = await take(client, service, tmp_path / "reviews")
    assert not result.done
    assert "SIGUSR2 was not sent" in result.found
    assert Managers().of(service).state().running


async def test_a_file_beyond_the_bound_is_not_kept(
    start_supervisord: StartSupervisord, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / "dumps").mkdir()
    service = await started(start_supervisord, tmp_path / "dumps", largest=20_000)
    result = await take(client, service, tmp_path / "reviews")
    assert not result.done
    assert "has more than 19.5 KiB, and stays where it is" in result.found
    assert not (tmp_path / "reviews").exists()


async def test_a_file_that_does_not_come_in_time_is_not_waited_for(
    start_supervisord: StartSupervisord, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    handler = "signal.signal(signal.SIGUSR2, lambda *_: None)"
    service = await started(start_supervisord, tmp_path, handler=handler, at_most=timedelta(seconds=1))
    result = await take(client, service, tmp_path / "reviews")
    assert (result.done, "no new file *.heapsnapshot" in result.found) == (False, True)


async def test_a_file_that_is_not_finished_in_time_is_not_kept(
    start_supervisord: StartSupervisord, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    service = await started(start_supervisord, tmp_path, parts=900, at_most=timedelta(seconds=1))
    result = await take(client, service, tmp_path / "reviews")
    assert (result.done, "was not finished within 1 s" in result.found) == (False, True)


async def test_a_process_that_dies_of_its_diagnostic_leaves_an_empty_file_which_is_not_kept(
    start_supervisord: StartSupervisord, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    """A snapshot is built in memory: the kernel may end the process before anything is written."""
    (tmp_path / "dumps").mkdir()
    empty = tmp_path / "dumps" / "a.heapsnapshot"
    dies = f"def die(*_):\n    pathlib.Path('{empty}').touch()\n    raise SystemExit(137)"
    handler = f"{dies}\nsignal.signal(signal.SIGUSR2, die)"
    at_most = timedelta(seconds=1)
    service = await started(start_supervisord, tmp_path / "dumps", handler=handler, at_most=at_most)
    result = await take(client, service, tmp_path / "reviews")
    assert (result.done, "a.heapsnapshot was not finished within 1 s" in result.found) == (False, True)
    assert not (tmp_path / "reviews").exists()


async def test_a_link_is_never_followed(
    httpserver: HTTPServer, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    """What the service may write must not make the worker copy what only the worker may read."""
    (tmp_path / "dumps").mkdir()
    secret = tmp_path / "secret"
    secret.write_text("for the worker alone")
    (tmp_path / "dumps" / "a.heapsnapshot").symlink_to(secret)
    (tmp_path / "dumps" / "b.heapsnapshot").hardlink_to(secret)
    httpserver.expect_request("/dump", method="POST").respond_with_data("begun")
    call = SwitchCall(url=httpserver.url_for("/dump"))
    service = by_call(tmp_path / "dumps", call)
    result = await take(client, service, tmp_path / "reviews")
    assert not result.done
    assert list((tmp_path / "reviews").iterdir()) == []


async def test_a_call_that_is_refused_and_a_directory_that_is_not_there_are_told(
    httpserver: HTTPServer, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    httpserver.expect_request("/dump", method="POST").respond_with_data("no", status=404)
    refused = await take(client, by_call(tmp_path, SwitchCall(url=httpserver.url_for("/dump"))), tmp_path)
    assert (refused.done, "answered 404" in refused.found) == (False, True)
    nowhere = await take(
        client, by_call(tmp_path / "nowhere", SwitchCall(url=httpserver.url_for("/dump"))), tmp_path
    )
    assert (nowhere.done, "cannot look into" in nowhere.found) == (False, True)


async def test_it_does_not_fill_the_disk(client: httpx.AsyncClient, tmp_path: Path) -> None:
    service = by_call(tmp_path, SwitchCall(url="http://127.0.0.1:1/"), largest=2**60)
    result = await take(client, service, tmp_path / "reviews")
    assert (result.done, "the disk of" in result.found) == (False, True)


def test_doctor_says_when_none_can_be_taken(tmp_path: Path) -> None:
    call = SwitchCall(url="http://127.0.0.1:1/")
    assert check_diagnostic(by_call(tmp_path, call)).ok
    nowhere = check_diagnostic(by_call(tmp_path / "nowhere", call))
    assert (nowhere.ok, nowhere.optional, "cannot look into" in nowhere.problem) == (False, True, True)
    assert "the disk of" in check_diagnostic(by_call(tmp_path, call, largest=2**60)).problem


async def test_a_cache_is_cleared_by_the_configured_call_and_by_nothing_else(
    httpserver: HTTPServer, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    httpserver.expect_request("/cache", method="POST", json={"clear": True}).respond_with_data("ok")
    call = SwitchCall(url=httpserver.url_for("/cache"), body={"clear": True})
    service = by_call(tmp_path, call).model_copy(update={"clear_cache": call})
    request: Perform[ClearCache] = Perform(
        action=ClearCache(service=service, holds=7), asked_at=datetime.now(UTC)
    )
    result: ActionResult = await ActivityEnvironment().run(
        CacheActivities(Switches(client)).clear_cache, request
    )
    assert (result.done, "the caches were cleared" in result.found) == (True, True)


def by_call(directory: Path, call: SwitchCall, **more: Any) -> Service:
    manager = {"kind": "docker", "container": "backend"}
    configured = diagnostic(directory, signal="", call=call, at_most=timedelta(seconds=3), **more)
    return Service.model_validate({"name": "backend", "manager": manager, "diagnostic": configured})
