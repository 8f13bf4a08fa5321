"""An endpoint is taken out of service, and put back, by the calls of the configuration alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.app.switches import Switches
from activities.endpoints.switches import EndpointSwitchActivities
from models.actions.change import Perform
from models.actions.endpoints import AnswerMaintenance, DisableEndpoint, ReopenEndpoint
from models.service.endpoints import Endpoints
from models.service.service import Service
from tests.parts.servers.docker_engine import docker_service

PATH, DAY = "/api/products/1", timedelta(days=1)


@pytest.fixture
async def activities() -> AsyncIterator[EndpointSwitchActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield EndpointSwitchActivities(Switches(client, within=timedelta(seconds=1)))


def service(url: str, *switches: str) -> Service:
    def call(name: str, on: bool) -> dict[str, object]:
        return {"url": url + "/switch", "body": {"route": "products", name: on, "message": "back at 8"}}

    known = {"path": PATH, **{one: {"on": call(one, True), "off": call(one, False)} for one in switches}}
    return docker_service("web", endpoints=Endpoints.model_validate({"url": url, "known": [known]}))


@pytest.mark.parametrize("name", ["disable", "maintenance"])
async def test_out_and_back_by_the_same_switch(
    activities: EndpointSwitchActivities, httpserver: HTTPServer, name: str
) -> None:
    both = service(httpserver.url_for("").rstrip("/"), "disable", "maintenance")
    for on in (True, False):
        body = {"route": "products", name: on, "message": "back at 8"}
        httpserver.expect_ordered_request("/switch", method="POST", json=body).respond_with_data(status=204)
    at = datetime.now(UTC)
    if name == "disable":
        disable = DisableEndpoint(service=both, path=PATH, at_most=DAY)
        out = await ActivityEnvironment().run(
            activities.disable_endpoint, Perform[DisableEndpoint](action=disable, asked_at=at)
        )
        reopen = ReopenEndpoint(service=both, path=PATH, from_="disable")
    else:
        maintain = AnswerMaintenance(service=both, path=PATH, at_most=DAY)
        out = await ActivityEnvironment().run(
            activities.answer_maintenance, Perform[AnswerMaintenance](action=maintain, asked_at=at)
        )
        reopen = ReopenEndpoint(service=both, path=PATH, from_="maintenance")
    back = await ActivityEnvironment().run(
        activities.reopen_endpoint, Perform[ReopenEndpoint](action=reopen, asked_at=at)
    )
    httpserver.check()
    assert (out.done, back.done) == (True, True)
    assert back.found.startswith(f"{PATH} is in service: answered 204")


async def test_what_is_not_configured_is_not_called(
    activities: EndpointSwitchActivities, httpserver: HTTPServer
) -> None:
    one = service(httpserver.url_for("").rstrip("/"), "maintenance")
    disable = DisableEndpoint(service=one, path=PATH, at_most=DAY)
    with pytest.raises(ApplicationError, match="no `disable` is configured for /api/products/1") as refused:
        await ActivityEnvironment().run(
            activities.disable_endpoint, Perform[DisableEndpoint](action=disable, asked_at=datetime.now(UTC))
        )
    assert refused.value.non_retryable
    assert httpserver.log == []
