"""Who wants the intake's memory gets little of it, and keeps out nobody who sends alerts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from intake.http.room import MOST_ARRIVING
from intake.http.server import MOST_CONNECTIONS
from tests.parts.product.intake import (
    ANNA,
    SENDER,
    Intake,
    TemporalServer,
    alert,
    environment,
    intake_process,
    webhook,
)

MOST_MEMORY = 200
"""MiB."""
KNOWN = {"authorization": f"Bearer {SENDER}"}
HTML = {"accept": "text/html"}
HEAD = "POST {} HTTP/1.1\r\nhost: localhost:{}\r\ncontent-length: {}\r\n"
JSON = "content-type: application/json\r\n"
FORM = "content-type: application/x-www-form-urlencoded\r\naccept: text/html\r\n"


@pytest.fixture(params=["without a token", "with a token"])
async def intake(
    request: pytest.FixtureRequest, temporal: TemporalServer, client: Client, config: Path, tmp_path: Path
) -> AsyncIterator[Intake]:
    variables = environment(temporal.address)
    if request.param == "with a token":
        (tmp_path / "token").write_text(SENDER)
        variables["RUNBOOKS_INTAKE_TOKEN_FILE"] = str(tmp_path / "token")
    async with intake_process(config, variables) as intake:
        yield intake


with_a_token = pytest.mark.parametrize("intake", ["with a token"], indirect=True)
without_a_token = pytest.mark.parametrize("intake", ["without a token"], indirect=True)


def port_of(intake: Intake) -> int:
    return int(intake.url.rpartition(":")[2])


def most_memory(intake: Intake) -> int:
    """MiB of memory that the process has had at most."""
    status = Path(f"/proc/{intake.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024


@asynccontextmanager
async def crowd(intake: Intake, *sent: bytes) -> AsyncIterator[list[asyncio.StreamReader]]:
    """Connections that bring this, all at once, and stay."""
    async with AsyncExitStack() as open_now:

        async def bring(words: bytes) -> asyncio.StreamReader:
            reader, writer = await asyncio.open_connection("127.0.0.1", port_of(intake))
            open_now.callback(writer.close)
            with suppress(ConnectionError, TimeoutError):
                writer.write(words)
                await asyncio.wait_for(writer.drain(), 5)
            return reader

        yield list(await asyncio.gather(*map(bring, sent)))


async def statuses(readers: list[asyncio.StreamReader]) -> set[bytes]:
    """Of those that were answered."""

    async def status(reader: asyncio.StreamReader) -> bytes:
        with suppress(ConnectionError, TimeoutError):
            return (await asyncio.wait_for(reader.readline(), 2))[9:12]
        return b""

    return set(await asyncio.gather(*map(status, readers))) - {b""}


async def alerted(intake: Intake, size: int = 100, **changes: Any) -> list[int]:
    """How Alertmanager's webhook is answered, on a connection of its own each time."""
    answers = []
    for number in range(3):
        alerts = [
            alert(
                fingerprint=f"{number}-{place}",
                annotations={"summary": "all is lost " * 80},
                labels={"instance": f"{place}"},
                **changes,
            )
            for place in range(max(1, size // 1300))
        ]
        async with httpx.AsyncClient(base_url=intake.url, trust_env=False, timeout=30) as http:
            answer = await http.post("/v1/alertmanager", json=webhook(*alerts), headers=KNOWN)
            answers.append(answer.status_code)
    return answers


def half(intake: Intake, path: str = "/v1/alertmanager", size: int = 4 * 2**20, kind: str = JSON) -> bytes:
    """A request whose body stops in the middle."""
    return (HEAD.format(path, port_of(intake), size) + kind + "\r\n").encode() + b"x" * (size // 2)


async def test_two_hundred_halves_of_a_large_body_take_little_and_keep_nobody_out(intake: Intake) -> None:
    """Small webhooks and large ones; without a token on a machine where everybody is believed, too."""
    async with crowd(intake, *[half(intake)] * 200) as readers:
        assert await alerted(intake) == [200] * 3
        assert await alerted(intake, size=200_000) == [200] * 3
        answers = await statuses(readers)
    assert most_memory(intake) < MOST_MEMORY
    assert answers in ({b"401"}, {b"503"})


@with_a_token
async def test_who_has_no_token_is_answered_before_their_body_is_read(intake: Intake) -> None:
    paths = ("/v1/alertmanager", "/incidents/A/backend/decide", "/incidents/A/backend/note")
    async with crowd(intake, *(half(intake, path, size=2000) for path in paths)) as readers:
        assert await statuses(readers) == {b"401"}


@without_a_token
async def test_more_half_bodies_than_connections_keep_nobody_out(intake: Intake) -> None:
    """Those that began first make room."""
    async with crowd(intake, *[half(intake, size=2000)] * (MOST_CONNECTIONS + MOST_ARRIVING)) as readers:
        assert await alerted(intake) == [200] * 3
        assert b"503" in await statuses(readers[:MOST_CONNECTIONS])
    assert not [line for line in intake.log if "Exceeded concurrency limit" in line]


@without_a_token
async def test_a_body_in_chunks_of_one_byte_takes_what_its_bytes_take(intake: Intake) -> None:
    head = HEAD.format("/v1/alertmanager", port_of(intake), 0).replace(
        "content-length: 0", "transfer-encoding: chunked"
    )
    drops = (head + JSON + "\r\n").encode() + b"1\r\nx\r\n" * 50_000
    async with crowd(intake, *[drops] * 60):
        assert await alerted(intake) == [200] * 3
    assert most_memory(intake) < MOST_MEMORY


def many_alerts(intake: Intake, number: int) -> bytes:
    alerts = [alert(fingerprint=f"{number}-{place}", status="resolved") for place in range(7000)]
    return _whole(intake, json.dumps(webhook(*alerts)).encode())


def long_alerts(intake: Intake, number: int) -> bytes:
    said = [f"{number}-{place} " + "y" * 8000 for place in range(450)]
    alerts = [alert(fingerprint=one[:9], annotations={"a": one}, status="resolved") for one in said]
    return _whole(intake, json.dumps(webhook(*alerts)).encode())


def empty_alerts(intake: Intake, number: int) -> bytes:
    return _whole(intake, b'{"alerts":[' + b"{}," * 1_390_000 + b"{}]}")


def small_alerts(intake: Intake, number: int) -> bytes:
    named = b'{"labels":{"alertname":"A%d"}},' % number
    return _whole(intake, b'{"alerts":[' + named * 400 + b"{}]}")


def _whole(intake: Intake, body: bytes) -> bytes:
    return (HEAD.format("/v1/alertmanager", port_of(intake), len(body)) + JSON + "\r\n").encode() + body


@without_a_token
@pytest.mark.parametrize(
    ("sent", "times"), [(many_alerts, 20), (long_alerts, 60), (empty_alerts, 10), (small_alerts, 300)]
)
async def test_whole_webhooks_that_take_much_when_they_are_read_are_taken_a_few_at_a_time(
    intake: Intake, sent: Callable[[Intake, int], bytes], times: int
) -> None:
    async with crowd(intake, *(sent(intake, number) for number in range(times))) as readers:
        await statuses(readers)
    assert await alerted(intake) == [200] * 3
    assert most_memory(intake) < MOST_MEMORY


@with_a_token
async def test_half_headers_half_sign_ins_and_idle_streams_take_little_and_keep_nobody_out(
    intake: Intake,
) -> None:
    async with httpx.AsyncClient(base_url=intake.url, trust_env=False, timeout=30) as http:
        form = {"token": ANNA, "next": "/"}
        cookies = (await http.post("/sign-in", data=form, headers=HTML)).cookies
        session = "; ".join(f"{name}={value}" for name, value in cookies.items())
        stream = f"GET /live HTTP/1.1\r\nhost: localhost\r\ncookie: {session}\r\n\r\n".encode()
        async with (
            crowd(intake, *[stream] * 80) as streams,
            crowd(intake, *[half(intake, "/sign-in", 500, FORM)] * 100) as signing_in,
            crowd(intake, *[half(intake)[:60]] * 1000),
        ):
            assert await alerted(intake) == [200] * 3
            assert (await http.post("/sign-in", data=form, headers=HTML)).status_code == 303
            assert await statuses(streams) == {b"200", b"429"}
            assert b"503" in await statuses(signing_in)
    assert most_memory(intake) < MOST_MEMORY
