"""The switch of the degraded mode: a real HTTP server that takes it, refuses it, stumbles or hangs."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from werkzeug import Request, Response

from activities.app.degradation import DegradationActivities
from activities.app.switches import Switches
from models.actions.change import ActionResult, Perform
from models.actions.surroundings import Degrade, RestoreService
from models.service.secret import SecretRef
from models.service.service import Service
from models.service.surroundings import Degradation, SwitchCall
from tests.parts.servers.docker_engine import docker_service
from tests.parts.servers.sockets import closed_port

HOURS = timedelta(hours=4)


@pytest.fixture
async def activities() -> AsyncIterator[DegradationActivities]:
    async with httpx.AsyncClient() as client:
        yield DegradationActivities(Switches(client, within=timedelta(seconds=1)))


def service_with(url: str, token: SecretRef | None = None) -> Service:
    url = url.rstrip("/")
    on = SwitchCall(url=f"{url}/mode", body={"degraded": True, "for": "openai"}, token=token)
    off = SwitchCall(url=f"{url}/mode", method="PUT", body={"degraded": False}, token=token)
    return docker_service("web", degradation=Degradation(on=on, off=off))


def degrading(service: Service) -> Degrade:
    return Degrade(service=service, because_of="openai", at_most=HOURS)


async def degrade(activities: DegradationActivities, service: Service) -> ActionResult:
    request: Perform[Degrade] = Perform(action=degrading(service), asked_at=datetime.now(UTC))
    effect = await ActivityEnvironment().run(activities.degrade, request)
    assert isinstance(effect, ActionResult)
    return effect


async def restore(activities: DegradationActivities, service: Service) -> ActionResult:
    action = RestoreService(service=service)
    request: Perform[RestoreService] = Perform(action=action, asked_at=datetime.now(UTC))
    effect = await ActivityEnvironment().run(activities.restore_service, request)
    assert isinstance(effect, ActionResult)
    return effect


async def test_on_and_off_again(
    activities: DegradationActivities, httpserver: HTTPServer, tmp_path: Path
) -> None:
    token = secrets.token_urlsafe()
    (tmp_path / "token").write_text(token + "\n")
    service = service_with(httpserver.url_for(""), SecretRef(file=str(tmp_path / "token")))
    headers = {"Authorization": f"Bearer {token}"}
    httpserver.expect_ordered_request(
        "/mode", method="POST", json={"degraded": True, "for": "openai"}, headers=headers
    ).respond_with_data(status=202)
    httpserver.expect_ordered_request(
        "/mode", method="PUT", json={"degraded": False}, headers=headers
    ).respond_with_data(status=204)
    on, off = await degrade(activities, service), await restore(activities, service)
    httpserver.check()
    assert on.done and off.done
    assert on.found == f"the degraded mode was switched on: answered 202 at {httpserver.url_for('/mode')}"
    assert off.found.startswith("the degraded mode was switched off: answered 204")


@pytest.mark.parametrize(
    ("answers", "done"), [((503, 200), True), ((429, 500, 204), True), ((502,) * 5, False)]
)
async def test_a_stumble_is_forgiven(
    activities: DegradationActivities, httpserver: HTTPServer, answers: tuple[int, ...], done: bool
) -> None:
    left = list(answers)
    httpserver.expect_request("/mode").respond_with_handler(lambda _: Response(status=left.pop(0)))
    effect = await degrade(activities, service_with(httpserver.url_for("")))
    assert effect.done is done
    assert len(answers) - len(left) == min(3, len(answers))
    assert ("answered 502" in effect.found) is not done


@pytest.mark.parametrize(
    ("body", "done"),
    [
        ("<!doctype html><title>Sign in</title>", False),
        ('{"success": false, "error": "read only"}', False),
        ('{"success": true}', True),
        ('{"degraded": false}', True),
        ("OK", True),
    ],
)
async def test_a_page_or_a_no_with_a_good_status_is_not_done(
    activities: DegradationActivities, httpserver: HTTPServer, body: str, done: bool
) -> None:
    httpserver.expect_request("/mode").respond_with_data(body, status=200)
    effect = await restore(activities, service_with(httpserver.url_for("")))
    assert effect.done is done
    assert effect.found.startswith("the degraded mode was switched off") is done


@pytest.mark.parametrize("status", [301, 400, 401, 404])
async def test_a_refusal_is_not_repeated(
    activities: DegradationActivities, httpserver: HTTPServer, status: int
) -> None:
    httpserver.expect_request("/mode").respond_with_data(
        "the token t0ps3cret is wrong", status=status, headers={"Location": httpserver.url_for("/elsewhere")}
    )
    effect = await degrade(activities, service_with(httpserver.url_for("")))
    assert not effect.done
    assert effect.found == f"answered {status} at {httpserver.url_for('/mode')}"
    assert len(httpserver.log) == 1


async def test_a_switch_that_hangs_is_left_in_time(
    activities: DegradationActivities, httpserver: HTTPServer
) -> None:
    def hang(_: Request) -> Response:
        time.sleep(1.5)
        return Response(status=200)

    httpserver.expect_request("/mode").respond_with_handler(hang)
    began = time.monotonic()
    effect = await degrade(activities, service_with(httpserver.url_for("")))
    assert time.monotonic() - began < 8
    assert not effect.done
    assert "no answer within 1 s" in effect.found
    assert "it may have taken it all the same" in effect.found


async def test_nobody_listens(activities: DegradationActivities) -> None:
    effect = await restore(activities, service_with(f"http://127.0.0.1:{(port := closed_port())}"))
    assert not effect.done
    assert effect.found == f"connection refused at http://127.0.0.1:{port}/mode"


@pytest.mark.parametrize(
    ("write", "kind"),
    [(lambda path: None, "SecretMissing"), (lambda path: path.write_text(""), "SecretMissing")],
)
async def test_a_missing_token_is_named_by_its_place(
    activities: DegradationActivities,
    httpserver: HTTPServer,
    tmp_path: Path,
    write: Callable[[Path], object],
    kind: str,
) -> None:
    write(tmp_path / "token")
    service = service_with(httpserver.url_for(""), SecretRef(file=str(tmp_path / "token")))
    with pytest.raises(ApplicationError, match="token") as refused:
        await degrade(activities, service)
    assert refused.value.type == kind
    assert refused.value.non_retryable
    assert httpserver.log == []


@pytest.mark.parametrize("token", ["t0p\ns3cret", "t0ps3crét", "t0p\x00s3cret"])
async def test_a_token_that_cannot_be_sent_is_never_told(
    activities: DegradationActivities, httpserver: HTTPServer, tmp_path: Path, token: str
) -> None:
    (tmp_path / "token").write_text(token)
    httpserver.expect_request("/mode").respond_with_data(status=200)
    service = service_with(httpserver.url_for(""), SecretRef(file=str(tmp_path / "token")))
    effect = await degrade(activities, service)
    assert not effect.done
    assert "t0p" not in effect.model_dump_json()
    assert "s3cr" not in effect.model_dump_json()


async def test_without_a_configuration_nothing_is_called(activities: DegradationActivities) -> None:
    with pytest.raises(ApplicationError, match="no degradation is configured for backend") as refused:
        await degrade(activities, docker_service("web"))
    assert refused.value.type == "Unsupported"
