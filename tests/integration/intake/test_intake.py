"""The intake as a process, before a real Temporal that is also killed."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from temporalio.client import Client

from models.incident.incident import IncidentState
from tests.parts.product.intake import (
    ANNA,
    CONFIGURATION,
    SENDER,
    Intake,
    TemporalServer,
    alert,
    approval,
    environment,
    intake_process,
    until,
    webhook,
)

NUMBERS = count()
HEADERS = {"authorization": f"Bearer {SENDER}"}
ANNAS = {"authorization": f"Bearer {ANNA}"}


@pytest.fixture(scope="module")
def token_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("token") / "token"
    path.write_text(f"{SENDER}\n")
    return path


@pytest.fixture(scope="module")
async def intake(temporal: TemporalServer, config: Path, token_file: Path) -> AsyncIterator[Intake]:
    variables = environment(temporal.address, RUNBOOKS_INTAKE_TOKEN_FILE=str(token_file))
    async with intake_process(config, variables) as intake:
        yield intake


@pytest.fixture(scope="module")
async def http(intake: Intake, client: Client) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=intake.url, headers=HEADERS, timeout=30, limits=limits) as http:
        yield http


def fresh() -> str:
    """The name of an alert that no other test uses; it goes to AnyAlert."""
    return f"Fresh{next(NUMBERS)}"


async def post(http: httpx.AsyncClient, *alerts: Any, **changes: Any) -> httpx.Response:
    return await http.post("/v1/alertmanager", json=webhook(*alerts, **changes))


async def state_of(client: Client, incident: str) -> IncidentState:
    state: IncidentState = await client.get_workflow_handle(incident).query(
        "state", result_type=IncidentState
    )
    return state


async def runs_of(client: Client, incident: str) -> list[str]:
    return [run.run_id async for run in client.list_workflows(f"WorkflowId = '{incident}'") if run.run_id]


async def test_an_alert_starts_its_runbook_and_is_seen_in_the_temporal_ui(
    http: httpx.AsyncClient, client: Client
) -> None:
    answer = await post(http, alert())
    assert answer.status_code == 200, answer.text
    assert answer.json()["taken"] == [
        {"index": 0, "incident": "ServiceDown/backend", "runbook": "ServiceDown", "taken": "started"}
    ]
    described = await client.get_workflow_handle("ServiceDown/backend").describe()
    assert described.workflow_type == "ServiceDown"
    assert await described.static_summary() == "critical: ServiceDown on backend: backend does not answer"
    attributes = {pair.key.name: pair.value for pair in described.typed_search_attributes}
    assert attributes.items() >= {
        "AlertName": "ServiceDown", "Service": "backend", "Severity": "critical", "Phase": "triage",
    }.items()  # fmt: skip


async def test_a_hundred_identical_webhooks_in_parallel_are_one_run(
    http: httpx.AsyncClient, client: Client
) -> None:
    name = fresh()
    one = alert(labels={"alertname": name})
    answers = await asyncio.gather(*(post(http, one) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}
    taken = Counter(answer.json()["taken"][0]["taken"] for answer in answers)
    assert taken["started"] >= 1
    handle = client.get_workflow_handle(f"{name}/backend")
    history = [event async for event in handle.fetch_history_events()]
    signals = sum(event.HasField("workflow_execution_signaled_event_attributes") for event in history)
    assert signals < 50, "equal alerts that wait must share one call"
    assert len(await until(lambda: runs_of(client, f"{name}/backend"))) == 1


async def test_firing_again_tells_the_open_run_and_resolved_ends_it(
    http: httpx.AsyncClient, client: Client
) -> None:
    name = fresh()
    one = alert(labels={"alertname": name})
    told = [(await post(http, one)).json()["taken"][0]["taken"] for _ in range(2)]
    assert told == ["started", "told"]
    resolved = await post(http, alert(status="resolved", labels={"alertname": name}))
    assert resolved.json()["taken"][0]["taken"] == "told"
    assert await client.get_workflow_handle(f"{name}/backend").result() == name
    late = await post(http, alert(status="resolved", labels={"alertname": name}))
    assert (late.status_code, late.json()["taken"][0]["taken"]) == (200, "nothing open")
    again = await post(http, one)
    assert again.json()["taken"][0]["taken"] == "started"


async def test_resolved_starts_nothing(http: httpx.AsyncClient, client: Client) -> None:
    name = fresh()
    answer = await post(http, alert(status="resolved", labels={"alertname": name}))
    assert answer.json()["taken"][0]["taken"] == "nothing open"
    assert not await runs_of(client, f"{name}/backend")


async def test_the_good_alerts_of_a_batch_start_and_the_bad_ones_are_named(
    http: httpx.AsyncClient, client: Client
) -> None:
    first, last = fresh(), fresh()
    answer = await post(
        http,
        alert(labels={"alertname": first}),
        alert(status="burning"),
        {"labels": {"alertname": ""}},
        "no alert",
        alert(labels={"alertname": last}),
    )
    assert answer.status_code == 200
    body = answer.json()
    assert [one["incident"] for one in body["taken"]] == [f"{first}/backend", f"{last}/backend"]
    assert [one["index"] for one in body["refused"]] == [1, 2, 3]
    assert (await state_of(client, f"{last}/backend")).alert.name == last


async def test_a_batch_without_a_good_alert_can_never_succeed(http: httpx.AsyncClient) -> None:
    answer = await post(http, alert(status="burning"), {})
    assert answer.status_code == 422
    assert [one["index"] for one in answer.json()["refused"]] == [0, 1]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"\xff\xfe", 422),
        (b"[" * 200_000, 422),
        (b'{"alerts": 1}', 422),
        (json.dumps(webhook(alert(labels={"big": "x" * 5_000_000}))).encode(), 413),
    ],
    ids=["empty", "not UTF-8", "deep", "no alerts", "body of 5 MB"],
)
async def test_what_can_never_be_taken_is_4xx(http: httpx.AsyncClient, body: bytes, status: int) -> None:
    answer = await http.post("/v1/alertmanager", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert len(answer.text) < 2000


async def test_a_body_without_a_length_is_stopped_while_it_streams(http: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield b" " * 65_536

    answer = await http.post(
        "/v1/alertmanager", content=endless(), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 413


async def test_a_form_of_a_web_page_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/v1/alertmanager", content=json.dumps(webhook(alert())), headers={"content-type": "text/plain"}
    )
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "authorization", ["", "Bearer wrong", "Bearer", "Basic dXNlcjpwYXNz", f"Bearer {SENDER}x", "Bearer \xfc"]
)
async def test_a_wrong_token_is_401(intake: Intake, authorization: str) -> None:
    headers = {b"authorization": authorization.encode("latin-1")} if authorization else {}
    async with httpx.AsyncClient(base_url=intake.url, headers=headers) as stranger:
        answers = [await post(stranger, alert()), await stranger.get("/incidents")]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert SENDER not in answers[0].text


async def test_a_link_in_a_message_opens_in_a_browser(intake: Intake) -> None:
    """Which asks for the token as a password; what it reads so, it cannot change so."""
    async with httpx.AsyncClient(base_url=intake.url) as stranger:
        refused = await stranger.get("/incidents")
    async with httpx.AsyncClient(base_url=intake.url, auth=("anna", SENDER)) as browser:
        read = await browser.get("/incidents")
        told = await browser.post("/incidents/ServiceDown/backend/note", json={"text": "x"})
    assert (refused.status_code, refused.headers["www-authenticate"][:5]) == (401, "Basic")
    assert (read.status_code, told.status_code) == (200, 401)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


async def test_no_body_is_ever_the_intakes_own_failure(http: httpx.AsyncClient) -> None:
    bodies: list[bytes] = []

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps({"alerts": value}).encode()))
    def collect(body: bytes) -> None:
        bodies.append(body)

    collect()
    for body in bodies:
        answer = await http.post(
            "/v1/alertmanager", content=body, headers={"content-type": "application/json"}
        )
        assert answer.status_code in (200, 422), body


async def test_what_alertmanager_left_out_is_fetched(
    temporal: TemporalServer, client: Client, tmp_path: Path, httpserver: HTTPServer
) -> None:
    shown, hidden = fresh(), fresh()
    config = tmp_path / "runbooks.yaml"
    config.write_text(CONFIGURATION + f"systems: {{alertmanager: '{httpserver.url_for('').rstrip('/')}'}}\n")
    first = alert(labels={"alertname": shown}, fingerprint="a")
    rest = {**alert(labels={"alertname": hidden}, fingerprint="b"), "status": {"state": "active"}}
    group = {"alertname": 'a "quoted" name'}
    async with (
        intake_process(config, environment(temporal.address)) as open_intake,
        httpx.AsyncClient(base_url=open_intake.url) as local,
    ):
        away = await post(local, first, truncatedAlerts=1, groupLabels=group)
        httpserver.expect_request("/api/v2/alerts").respond_with_json(
            [{**first, "status": {"state": "active"}}, rest]
        )
        answer = await post(local, first, truncatedAlerts=1, groupLabels=group)
    assert away.status_code == 503, "what was left out must not be lost"
    assert [one["incident"] for one in answer.json()["taken"]] == [f"{shown}/backend", f"{hidden}/backend"]
    asked = httpserver.log[-1][0]
    assert asked.args["filter"] == 'alertname="a \\"quoted\\" name"'


async def test_without_a_token_only_this_machine_is_heard(
    temporal: TemporalServer, client: Client, config: Path
) -> None:
    async with (
        intake_process(config, environment(temporal.address)) as open_intake,
        httpx.AsyncClient(base_url=open_intake.url) as local,
    ):
        assert (await post(local, alert())).status_code == 200
        rebound = await local.get("/incidents", headers={"host": "evil.example:80"})
        assert rebound.status_code == 403


async def test_the_log_is_json_and_no_label_can_write_a_line(http: httpx.AsyncClient, intake: Intake) -> None:
    forged = fresh()
    await post(
        http,
        alert(labels={"alertname": f'{forged}\n{{"event": "forged"}}', "service": "backend"}),
        alert(labels={f"{forged}\n\x1b[31mforged": "x" * 5000}),
    )

    async def said() -> bool:
        return any(forged in line for line in intake.log)

    await until(said)
    assert all(isinstance(json.loads(line), dict) for line in intake.log)
    assert not any("\x1b" in line for line in intake.log)
    assert not any(json.loads(line)["event"] == "forged" for line in intake.log)


async def test_incidents_are_listed_and_shown(http: httpx.AsyncClient, client: Client) -> None:
    name = fresh()
    await post(http, alert(labels={"alertname": name}))

    async def listed() -> Any:
        lines = (await http.get("/incidents")).json()["incidents"]
        return [line for line in lines if line["id"] == f"{name}/backend"]

    line = (await until(listed))[0]
    assert (line["open"], line["service"], line["severity"], line["phase"]) == (
        True, "backend", "critical", "triage",
    )  # fmt: skip
    shown = await http.get(f"/incidents/{name}/backend")
    assert shown.json()["awaiting"]["plan"]["steps"][0]["kind"] == "restart-service"
    for missing in ("Nothing/backend", "steward/backend", "%20/x", "A/" + "b" * 900):
        assert (await http.get(f"/incidents/{missing}")).status_code == 404, missing


async def test_a_person_decides_acknowledges_notes_and_says_done(
    http: httpx.AsyncClient, client: Client
) -> None:
    name = fresh()
    await post(http, alert(labels={"alertname": name}))
    one = f"/incidents/{name}/backend"
    digest = (await http.get(one)).json()["awaiting"]["digest"]
    assert (await http.post(f"{one}/decide", json=approval(digest))).status_code == 401
    assert (await http.post(f"{one}/decide", json={"verdict": "approve"}, headers=ANNAS)).status_code == 422
    wrong = await http.post(f"{one}/decide", json=approval("0" * 12), headers=ANNAS)
    assert (wrong.status_code, wrong.json()["accepted"]) == (409, False)
    assert (await http.post(f"{one}/decide", json=approval(digest), headers=ANNAS)).json()["accepted"]
    assert (await http.post(f"{one}/decide", json=approval(digest), headers=ANNAS)).status_code == 409
    for message in ("acknowledge", "note", "done"):
        answer = await http.post(f"{one}/{message}", json={"text": "on it"}, headers=ANNAS)
        assert answer.json() == {"told": message, "incident": f"{name}/backend", "by": "anna"}
    await client.get_workflow_handle(f"{name}/backend").result()
    timeline = (await state_of(client, f"{name}/backend")).timeline
    assert [(entry.text, entry.by, entry.through.value) for entry in timeline[1:]] == [
        ("approve go", "anna", "the intake"),
        ("acknowledged", "anna", "the intake"),
        ("on it", "anna", "the intake"),
        ("done", "anna", "the intake"),
    ]
    assert (await http.post(f"{one}/terminate", json={}, headers=ANNAS)).status_code == 404


async def test_nobody_decides_where_nobody_is_named(
    temporal: TemporalServer, client: Client, tmp_path: Path
) -> None:
    config = tmp_path / "runbooks.yaml"
    config.write_text("services: {}\n")
    async with (
        intake_process(config, environment(temporal.address)) as open_intake,
        httpx.AsyncClient(base_url=open_intake.url) as local,
    ):
        answer = await local.post("/incidents/A/b/decide", json=approval("0"))
    assert answer.status_code == 403
    assert "intake.people" in answer.json()["error"]


async def test_health_readiness_metrics_and_description(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).json() == {"status": "ok"}
    ready = await http.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True), ready.text
    metrics = (await http.get("/metrics")).text
    for name in ("runbooks_alerts_received_total", "runbooks_alerts_taken_total"):
        assert name in metrics
    assert 'runbooks_intake_request_seconds_count{path="/v1/alertmanager",status="200"}' in metrics
    described = (await http.get("/openapi.json")).json()
    names = described["components"]["schemas"]
    for reference in _references(described):
        assert reference.rsplit("/", 1)[1] in names
    (decide,) = described["paths"]["/incidents/{alert}/{service}/decide"].values()
    assert [one["name"] for one in decide["parameters"]] == ["alert", "service"]
    assert {"200", "401", "409", "422"} <= set(decide["responses"])
    assert "ReceivedAlert" in names
    assert (await http.get("/nowhere")).json() == {"error": "Not Found: see /openapi.json for every route"}
    assert (await http.put("/v1/alertmanager")).status_code == 405


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for inner in value.values() for found in _references(inner)]
    return [found for inner in value for found in _references(inner)] if isinstance(value, list) else []


async def test_temporal_away_is_503_and_nothing_is_lost(tmp_path: Path, config: Path) -> None:
    temporal = TemporalServer(tmp_path)
    name = fresh()
    one = alert(labels={"alertname": name})
    try:
        async with (
            intake_process(config, environment(temporal.address)) as open_intake,
            httpx.AsyncClient(base_url=open_intake.url, timeout=30) as local,
        ):
            before = await post(local, one)
            assert (before.status_code, before.headers["retry-after"]) == (503, "5")
            assert (await local.get("/readyz")).status_code == 503
            await temporal.start()
            assert (await until(lambda: _accepted(local, one), within=30))["taken"] == "started"
            await temporal.kill()
            worse = alert(labels={"alertname": name}, annotations={"summary": "it got worse"})
            async with asyncio.timeout(12):
                assert (await post(local, worse)).status_code == 503
            assert (await local.get("/healthz")).status_code == 200
            client = await temporal.start()
            assert (await until(lambda: _accepted(local, worse), within=30))["taken"] == "told"
            assert len(await runs_of(client, f"{name}/backend")) == 1
    finally:
        await temporal.kill()


async def _accepted(http: httpx.AsyncClient, one: dict[str, Any]) -> Any:
    answer = await post(http, one)
    assert answer.status_code in (200, 503), answer.text
    return answer.json()["taken"][0] if answer.status_code == 200 else None


async def test_a_missing_namespace_is_503_and_not_ready(
    temporal: TemporalServer, client: Client, config: Path
) -> None:
    variables = environment(temporal.address, TEMPORAL_NAMESPACE="nowhere")
    async with (
        intake_process(config, variables) as lost,
        httpx.AsyncClient(base_url=lost.url, timeout=30) as local,
    ):
        assert (await post(local, alert())).status_code == 503
        assert (await post(local, alert(status="resolved"))).status_code == 503
        assert (await local.get("/readyz")).status_code == 503


async def test_a_receiver_of_dry_runs_starts_them_beside_real_incidents(
    http: httpx.AsyncClient, client: Client
) -> None:
    name = fresh()
    real = await http.post("/v1/alertmanager", json=webhook(alert(labels={"alertname": name})))
    dry = await http.post("/v1/alertmanager?dry_run=true", json=webhook(alert(labels={"alertname": name})))
    assert (real.status_code, dry.status_code) == (200, 200)
    (taken,) = dry.json()["taken"]
    assert taken["incident"].endswith("@dry-run")
    assert (await state_of(client, taken["incident"])).alert.dry_run
    assert not (await state_of(client, real.json()["taken"][0]["incident"])).alert.dry_run


@pytest.mark.parametrize(
    "asked",
    [
        *(
            "dry_run=1",
            "dry_run=TRUE",
            "dry_run",
            "dry_run=",
            "dry_run=true&dry_run=false",
            "dry_run=true&dry_run=true",
        ),
        *(
            "Dry_Run=true",
            "dry-run=true",
            ";dry_run=true",
            "x=1;dry_run=true",
            "x=1&dry_run=true",
            "=",
            "dry_run%00=true",
        ),
    ],
)
async def test_an_address_that_may_mean_a_dry_run_never_begins_a_real_one(
    http: httpx.AsyncClient, client: Client, asked: str
) -> None:
    name = fresh()
    answer = await http.post(f"/v1/alertmanager?{asked}", json=webhook(alert(labels={"alertname": name})))
    assert answer.status_code == 422
    assert "dry_run=true or dry_run=false" in answer.json()["error"]
    assert not await runs_of(client, f"{name}/backend")


@pytest.mark.parametrize("asked", ["?", "?dry_run=false", "?dry%5Frun=false"])
async def test_an_address_that_asks_for_no_dry_run_begins_a_real_one(
    http: httpx.AsyncClient, asked: str
) -> None:
    answer = await http.post(f"/v1/alertmanager{asked}", json=webhook(alert(labels={"alertname": fresh()})))
    assert answer.status_code == 200
    assert not answer.json()["taken"][0]["incident"].endswith("@dry-run")
