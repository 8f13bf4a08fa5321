"""What `doctor` says of the application's API and schedules."""

from __future__ import annotations

import httpx
from pytest_httpserver import HTTPServer
from temporalio.client import Client, Schedule, ScheduleActionStartWorkflow, ScheduleSpec

from activities.doctor.systems import check_api, check_schedules
from models.service.application import ApplicationApi
from models.service.surroundings import AppTemporal
from tests.parts.servers.docker_engine import docker_service


async def test_an_api_that_refuses_us_says_what_to_change(httpserver: HTTPServer) -> None:
    service = docker_service("web", api=ApplicationApi(url=httpserver.url_for("")))
    async with httpx.AsyncClient(trust_env=False) as http:
        httpserver.expect_oneshot_request("/api/products/last-sync").respond_with_data(status=401)
        refused = await check_api(service, http)
        httpserver.expect_request("/api/products/last-sync").respond_with_json({"lastSync": None})
        well = await check_api(service, http)
    assert (refused.ok, refused.optional) == (False, True)
    assert "services.backend.api.token" in refused.problem
    assert well.ok, "old products are no mistake of the configuration"


async def test_a_schedule_that_is_not_there_is_named(application: Client) -> None:
    address = application.service_client.config.target_host
    service = docker_service("web", temporal=AppTemporal(address=address, schedules=("nightly",)))
    missing = await check_schedules(service)
    assert not missing.ok
    assert "there is no schedule nightly" in missing.problem
    action = ScheduleActionStartWorkflow("Loop", id="loop", task_queue="loop")
    handle = await application.create_schedule("nightly", Schedule(action=action, spec=ScheduleSpec()))
    await handle.pause(note="ask lena")
    assert (await check_schedules(service)).ok, "a pause is no mistake of the configuration"
