"""How many events the history of a whole incident has, and how many a longer watch adds.

A real service crashes and is started again by the real worker; its recovery is watched with as
many probes as five minutes have at one each five seconds, and in other incidents with twice as
many. Only the time between two probes is shortened. The median of a few incidents counts: whether
two answers that come together are heard in one workflow task or in two is chance. Bare Temporal
watches by a timer and an activity for each probe.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import yaml
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

from bench.bare import POLLED_WATCH, QUEUE
from bench.figures import Figure
from bench.first_probe import webhook
from bench.ground import BareWorker, client_of, supervisord
from demo.parts.http import answers
from demo.parts.loopback import LOOPBACK, free_port
from demo.parts.waiting import until
from demo.systems.product import Intake, Worker, new_token, product_environment
from demo.systems.temporal import Temporal
from models.incident.incident import Outcome, Phase
from models.incident.review import Review
from models.incident.search_attributes import PHASE
from models.names import steward_id

AIM = 60
PROBES = 60
EVERY = 0.25
INCIDENTS = 5
"""Of each kind."""
SERVICE = """
import http.server, os
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/crash":
            os._exit(1)
        body = b'{{"status": "ok"}}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer(("{host}", {port}), Answer).serve_forever()
"""

Events = Counter[str]


async def measure(directory: Path) -> list[Figure]:
    """The incident with the watch of five minutes, and what doubling the watch adds."""
    shorts, longs = ([f"{kind}-{number}" for number in range(INCIDENTS)] for kind in ("short", "long"))
    ports = {name: free_port() for name in (*shorts, *longs)}
    programs = {name: SERVICE.format(host=LOOPBACK, port=port) for name, port in ports.items()}
    async with AsyncExitStack() as stack:
        temporal = await stack.enter_async_context(Temporal(directory))
        managers = await stack.enter_async_context(supervisord(directory, programs))
        config = _configuration(directory, str(managers.socket), ports)
        token = new_token(directory)
        environment = product_environment(temporal.address, token)
        await stack.enter_async_context(Worker(directory, config=config, environment=environment))
        intake = await stack.enter_async_context(Intake(directory, config=config, environment=environment))
        await stack.enter_async_context(BareWorker(directory, temporal.address))
        client = await client_of(temporal)
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=intake.url,
                trust_env=False,
                timeout=30,
                headers={"authorization": f"Bearer {token.read_text().strip()}"},
            )
        )
        bare = asyncio.create_task(_polled(client))
        short, long = await asyncio.gather(
            *(
                asyncio.gather(*(_incident(client, http, alert, name, ports[name]) for name in names))
                for alert, names in (("ServiceDown", shorts), ("ServiceDownLong", longs))
            )
        )
        steward = await _events(client.get_workflow_handle(steward_id(shorts[0])))
        polled = await bare
    return [_whole(short, steward, polled), _longer(short, long, polled)]


async def _incident(client: Client, http: httpx.AsyncClient, name: str, service: str, port: int) -> Events:
    """A crash, from the alert to the review; `resolved` comes while the recovery is watched."""
    url = f"http://{LOOPBACK}:{port}"
    await until(f"{service} answers", lambda: answers(f"{url}/health"), within=20)
    with_it: list[httpx.HTTPError] = []
    try:
        await http.get(f"{url}/crash")
    except httpx.HTTPError as error:
        with_it.append(error)  # it went down before it could answer, as it was told
    began = datetime.now(UTC).isoformat()
    (await http.post("/v1/alertmanager", json=webhook(name, service, began=began))).raise_for_status()
    handle: WorkflowHandle[Any, Review] = client.get_workflow_handle(f"{name}/{service}", result_type=Review)

    async def watches() -> str:
        described = await handle.describe()  # no query: one that comes between two looks adds a workflow task
        phase = described.typed_search_attributes.get(PHASE)
        return "" if phase == Phase.VERIFYING else f"it is {phase}"

    await until(f"{name} watches the recovery", watches, within=60)
    resolved = webhook(name, service, "resolved", began)
    (await http.post("/v1/alertmanager", json=resolved)).raise_for_status()
    review = await asyncio.wait_for(handle.result(), 120)
    if review.outcome is not Outcome.RESOLVED:
        raise RuntimeError(f"{review.incident} ended as {review.outcome}: {review.summary}")
    return await _events(handle)


async def _polled(client: Client) -> Events:
    handle = await client.start_workflow(POLLED_WATCH, PROBES, id="polled-watch", task_queue=QUEUE)
    await asyncio.wait_for(handle.result(), 120)
    return await _events(handle)


async def _events(handle: WorkflowHandle[Any, Any]) -> Events:
    history = await handle.fetch_history()
    return Counter(EventType.Name(event.event_type) for event in history.events)


def _configuration(directory: Path, socket: str, ports: dict[str, int]) -> Path:
    services = {
        name: {
            "manager": {"kind": "supervisord", "program": name, "socket": socket},
            "health": {"url": f"http://{LOOPBACK}:{port}/health", "every": f"{int(EVERY * 1000)}ms"},
            "port": port,
        }
        for name, port in ports.items()
    }
    thresholds = {"source_agrees_within": "20s"}
    alert = {"runbook": "ServiceDown", "severity": "critical", "topic": "service-down"}
    window = PROBES * EVERY
    content = {
        "services": services,
        "alerts": {
            "ServiceDown": {**alert, "thresholds": {**thresholds, "stable_for": f"{window:.0f}s"}},
            "ServiceDownLong": {**alert, "thresholds": {**thresholds, "stable_for": f"{2 * window:.0f}s"}},
        },
        "escalation": {topic: ["on-call", "team-lead", "cto"] for topic in ("service-down", "any-alert")},
        "contacts": {role: ["log"] for role in ("on-call", "team-lead", "cto")},
        "broadcast": ["log"],
        "channels": {"log": {"kind": "log"}},
        "systems": {"alertmanager": f"http://{LOOPBACK}:{free_port()}"},
        "directories": {"state": str(directory / "state"), "reviews": str(directory / "reviews")},
    }
    path = directory / "runbooks.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def _whole(short: Sequence[Events], steward: Events, bare: Events) -> Figure:
    every = sorted(short, key=Events.total)
    typical = every[len(every) // 2]
    mine, theirs = typical.total(), bare.total()
    kinds = ", ".join(
        f"{count} {kind.removeprefix('EVENT_TYPE_').lower().replace('_', ' ')}"
        for kind, count in typical.most_common()
    )
    return Figure(
        what=f"events of a whole ServiceDown, verification of 60 samples, median of {len(every)}",
        product=f"{mine} ({every[0].total()} to {every[-1].total()})",
        bare=f"{theirs} (the verification alone)",
        ratio=f"{mine / theirs:.2f}",
        aim=f"<= {AIM}",
        reached=mine <= AIM,
        note=(
            f"Events: {kinds}. The steward's own run has {steward.total()} more. The watch has as many "
            f"probes as five minutes at one each 5 s; here they are {EVERY} s apart."
        ),
    )


def _longer(short: Sequence[Events], long: Sequence[Events], bare: Events) -> Figure:
    more = min(one.total() for one in long) - min(one.total() for one in short)
    return Figure(
        what="events that a verification twice as long adds",
        product=f"{more}",
        bare=f"{11 * PROBES}",
        ratio=f"{more / (11 * PROBES):.2f}",
        aim="0",
        reached=more <= 0,
        note=(
            "Longer: the fewest of each kind. "
            f"Bare: {bare.total()} events for {PROBES} probes, so each probe adds 11."
        ),
    )
