"""`starter.py status` on the demo's stack: everything that a person on call would look up by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import yaml

from demo.stack import Stack
from demo.systems.product import new_token
from demo.systems.supervisor import SupervisedServices
from demo.systems.surroundings import Standin

WORDS = ("openai", "sentry", "amazon", "starts on port")

REFERENCE = {
    "services": {
        "state of backend": "the services with their states",
        "state of postgres": "the services with their states",
        "health of backend": "the health check with its body",
        "metrics of backend": "the first twenty metrics",
    },
    "stack": {
        "engine supervisord": "what runs, monitoring included",
        "Prometheus targets": "the active targets",
        "Grafana": "its health",
        "Alertmanager": "its status",
    },
    "logs": {
        "log of backend": "the last lines",
        "errors in the log of backend": "the lines with errors",
        "search in the log of backend": "the lines about one system",
    },
    "database": {
        "connection to postgres": "select now()",
        "sessions of postgres": "how many connections, and who is blocked",
        "waiting queries of postgres": "what waits for something",
        "size of postgres": "the size of each database",
        "disks of postgres": "the room on the disk",
    },
    "workflows": {
        "active workflows of backend": "the open ones of the application",
        "failed workflows of backend": "executions and how they ended",
        "active runs of the runbooks": "our own",
        "failed runs of the runbooks": "our own",
    },
}
"""Item by page, and what of the command reference it shows."""


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    directory = tmp_path_factory.mktemp("stack")
    services = SupervisedServices(directory)
    grafana = Standin("grafana", directory, str(new_token(directory)))
    async with grafana, Stack(directory, services, monitored=True, observed=True) as stack:
        content = yaml.safe_load(stack.config.read_text())
        content["systems"]["grafana"] = grafana.url
        stack.config.write_text(yaml.safe_dump(content))  # the worker takes it up
        yield stack


async def status(stack: Stack, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and what was found by page and name."""
    done = await asyncio.to_thread(stack.command, "status", *arguments, "--json")
    assert done.stdout, done.stderr
    sections = json.loads(done.stdout)["sections"]
    return done.returncode, {
        one["part"]: {item["name"]: item["found"] for item in one["items"]} for one in sections
    }


async def test_it_names_all_that_the_command_reference_shows(stack: Stack) -> None:
    code, pages = await status(stack, *(argument for word in WORDS for argument in ("--search", word)))
    for part, items in REFERENCE.items():
        assert items.keys() <= pages[part].keys()
    states = {name: found["state"] for page in pages.values() for name, found in page.items()}
    assert {name for name, state in states.items() if state not in ("ok", "attention")} == set()
    assert code == 0
    services, stacked, logs = pages["services"], pages["stack"], pages["logs"]
    assert "status: 200" in services["health of backend"]["details"]
    assert services["health of backend"]["details"][2].startswith('body: {"status":"healthy"')
    assert len(services["metrics of backend"]["tables"][0]["rows"]) == 20
    assert any("http_requests" in name for name, _ in services["metrics of backend"]["tables"][0]["rows"])
    assert [row[0] for row in stacked["engine supervisord"]["tables"][0]["rows"]] == ["backend", "postgres"]
    assert stacked["Prometheus targets"]["tables"][0]["rows"][0][0].startswith("backend at ")
    assert "Alertmanager 0." in stacked["Alertmanager"]["reason"]
    assert 0 < len(logs["log of backend"]["details"]) <= 20
    assert any("starts on port" in line for line in logs["search in the log of backend"]["details"])
    database, workflows = pages["database"], pages["workflows"]
    assert "PostgreSQL 1" in database["connection to postgres"]["reason"]
    assert " connections are used" in database["sessions of postgres"]["reason"]
    assert "affiliate" in [row[0] for row in database["size of postgres"]["tables"][0]["rows"]]
    assert "no workflow failed" in workflows["failed workflows of backend"]["reason"]
    assert "Steward" in workflows["active runs of the runbooks"]["reason"]


async def test_what_is_down_is_bad_what_is_away_is_unknown_and_the_others_are_as_before(stack: Stack) -> None:
    assert stack.prometheus is not None
    await stack.prometheus.stop()
    await stack.services.stop_service("postgres")
    code, pages = await status(stack)
    found = {name: one["state"] for page in pages.values() for name, one in page.items()}
    assert code == 1
    assert [found[name] for name in ("state of postgres", "connection to postgres")] == ["bad", "bad"]
    assert found["Prometheus targets"] == "unknown"
    assert pages["stack"]["Prometheus targets"]["reason"].startswith("Prometheus cannot be asked: ")
    well = ("state of backend", "Alertmanager", "disks of postgres", "log of backend")
    assert [found[name] for name in well] == ["ok"] * 4
    assert found["active runs of the runbooks"] in ("ok", "attention")
