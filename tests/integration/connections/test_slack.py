"""Slack's buttons at an intake as it runs: who is not Slack takes little, and its end cuts nobody off."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from intake.http.server import MOST_CONNECTIONS
from intake.slack.interactions import PATH
from intake.slack.requests import MOST_BODY
from tests.integration.connections.test_memory import (
    FORM,
    HEAD,
    MOST_MEMORY,
    crowd,
    most_memory,
    port_of,
    statuses,
)
from tests.integration.people.test_slack_buttons import SECRET, STRANGER, VARIABLE, signed
from tests.parts.product.intake import CONFIGURATION, Intake, environment, intake_process

HOOK = "/actions/T0EXAMPLE1/1/s3cret"


@pytest.fixture
async def intake(tmp_path: Path, httpserver: HTTPServer) -> AsyncIterator[Intake]:
    """By itself: no Temporal is asked for what a stranger wants."""
    config, answers = tmp_path / "runbooks.yaml", httpserver.url_for("").rstrip("/")
    slack = f"  slack: {{signing_secret: {{env: {VARIABLE}}}, answers: '{answers}'}}\n"
    config.write_text(CONFIGURATION.replace("intake:\n", "intake:\n" + slack))
    async with intake_process(config, environment("127.0.0.1:1", **{VARIABLE: SECRET})) as intake:
        yield intake


async def press(intake: Intake, address: str = "") -> int:
    pressed = {
        "type": "block_actions",
        "user": {"id": STRANGER},
        "actions": [{"action_id": "deny"}],
        "response_url": address,
    }
    body = urlencode({"payload": json.dumps(pressed)}).encode()
    async with httpx.AsyncClient(base_url=intake.url, trust_env=False, timeout=30) as http:
        return (await http.post(PATH, content=body, headers=signed(body))).status_code


def nearly(intake: Intake, headers: str, size: int = MOST_BODY) -> bytes:
    """A press whose last byte does not come."""
    head = HEAD.format(PATH, port_of(intake), size) + FORM + headers + "\r\n"
    return head.encode() + b"x" * (size - 1)


def forged() -> str:
    return f"x-slack-request-timestamp: {time.time():.0f}\r\nx-slack-signature: v0={'0' * 64}\r\n"


async def test_presses_that_never_end_take_little_and_keep_no_press_out(intake: Intake) -> None:
    async with crowd(intake, *[nearly(intake, forged())] * (MOST_CONNECTIONS - 20)) as readers:
        assert await press(intake) == 200
        assert b"503" in await statuses(readers)
    assert most_memory(intake) < MOST_MEMORY


@pytest.mark.parametrize(
    ("at", "signature"), [("", ""), ("1", "v0=" + "0" * 64), ("{now:.0f}", "v0=0"), ("{now:.0f}", "")]
)
async def test_what_slack_cannot_have_signed_is_answered_before_it_is_read(
    intake: Intake, at: str, signature: str
) -> None:
    said = {"x-slack-request-timestamp": at.format(now=time.time()), "x-slack-signature": signature}
    headers = "".join(f"{name}: {value}\r\n" for name, value in said.items() if value)
    async with crowd(intake, nearly(intake, headers, size=2000)) as readers:
        assert await statuses(readers) == {b"401"}


async def test_who_pressed_is_told_though_the_intake_is_ending(
    intake: Intake, httpserver: HTTPServer
) -> None:
    """Slack does not take the answer at once, and the process waits for the second try."""
    tries: list[str] = []

    def end_at_the_first(request: Request) -> Response:
        tries.append(request.get_json()["text"])
        if len(tries) == 1:
            intake.process.terminate()
        return Response(status=503 if len(tries) == 1 else 200)

    httpserver.expect_request(HOOK, "POST").respond_with_handler(end_at_the_first)
    assert await press(intake, httpserver.url_for(HOOK)) == 200
    assert await intake.process.wait() == 0
    assert len(tries) == 2 and STRANGER in tries[1]
