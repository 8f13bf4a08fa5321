"""Incidents for the pages: fired at the intake, and read from Temporal."""

from __future__ import annotations

from itertools import count
from typing import Any

import httpx
from temporalio.client import Client

from models.incident.incident import IncidentState
from models.messages import STATE
from tests.parts.product.intake import SENDER, Intake, alert, webhook

NUMBERS = count(1)
HTML = {"accept": "text/html"}


async def fired(intake: Intake, **changes: Any) -> str:
    """A new incident; it asks for an approval."""
    name = f"Seen{next(NUMBERS)}"
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {SENDER}"}) as http:
        body = webhook(alert(labels={"alertname": name}, **changes))
        answer = await http.post(f"{intake.url}/v1/alertmanager", json=body)
    assert answer.status_code == 200, answer.text
    incident: str = answer.json()["taken"][0]["incident"]
    return incident


async def state_of(client: Client, incident: str) -> IncidentState:
    state: IncidentState = await client.get_workflow_handle(incident).query(STATE, result_type=IncidentState)
    return state


async def refired(intake: Intake, incident: str) -> str:
    """The same alert once more."""
    name = incident.partition("/")[0]
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {SENDER}"}) as http:
        body = webhook(alert(labels={"alertname": name}, startsAt="2026-01-05T04:00:00.000Z"))
        answer = await http.post(f"{intake.url}/v1/alertmanager", json=body)
    found: str = answer.json()["taken"][0]["incident"]
    return found
