"""A proxy in between, asked through as the worker asks: what it does says nothing about what is behind it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment
from werkzeug import Response

from activities.health.health_seen import HealthKind
from activities.health.probe import HealthActivities
from activities.support.http import Fault, NoAnswer, ask
from models.configuration.configuration import Configuration
from models.evidence.evidence import Finding
from models.service.service import HealthCheck
from runtime.systems.outgoing import outgoing
from tests.parts.outside.connect_proxy import ConnectProxy
from tests.parts.outside.private_ca import PrivateCa, private_ca
from tests.parts.outside.variables import variables
from tests.parts.servers.docker_engine import docker_service
from tests.parts.servers.sockets import Talk, closed_port, dripping, hang_up, silence

OUTSIDE = "hooks.example.com"
URL = f"https://{OUTSIDE}/health"
QUICK = timedelta(milliseconds=600)
WITHIN = timedelta(seconds=10)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PrivateCa:
    return private_ca(tmp_path_factory.mktemp("ca"), OUTSIDE)


@pytest.fixture
def behind(ca: PrivateCa) -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1", ssl_context=ca.server) as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    configuration = Configuration()
    async with outgoing(lambda: configuration) as http:
        yield http


async def connects_and_is_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await silence(reader, writer)


@pytest.mark.parametrize(
    "talk",
    [
        silence,
        hang_up,
        connects_and_is_silent,
        dripping(b"HTTP/1.1 200 Connection established\r\nX-Slow: "),
        dripping(b"SSH-2.0-OpenSSH_9.6\r\n"),
    ],
)
async def test_until_a_proxy_has_connected_the_service_is_unknown(
    client: httpx.AsyncClient, talk: Talk
) -> None:
    check = HealthCheck(url=URL, timeout=QUICK)
    async with ConnectProxy(leads_to=closed_port(), instead=talk).running() as proxy:
        with variables(HTTPS_PROXY=proxy):
            probe = HealthActivities(client).probe_health
            seen = await ActivityEnvironment().run(probe, docker_service("web", health=check))
    assert (seen.finding, seen.kind) == (Finding.UNKNOWN, HealthKind.UNREACHABLE)
    assert f"the proxy in between does not connect to {URL}" in seen.reason


async def test_behind_a_proxy_that_has_connected_silence_is_the_services_own(
    client: httpx.AsyncClient, ca: PrivateCa, behind: HTTPServer
) -> None:
    over = threading.Event()
    behind.expect_request("/health").respond_with_handler(lambda _: Response(str(over.wait(10))))
    async with ConnectProxy(leads_to=behind.port).running() as proxy:
        with variables(HTTPS_PROXY=proxy, SSL_CERT_FILE=str(ca.ca_file)), pytest.raises(NoAnswer) as none:
            await ask(client, URL, within=QUICK, limit=100)
    over.set()
    assert none.value.fault is Fault.TIMED_OUT


async def test_a_socks_proxy_for_everything_else_silences_nothing(
    client: httpx.AsyncClient, ca: PrivateCa, behind: HTTPServer
) -> None:
    """`ALL_PROXY` is for other programs; a proxy of its own scheme counts."""
    behind.expect_request("/health").respond_with_data("well")
    socks = {"ALL_PROXY": "socks5://127.0.0.1:1080", "SSL_CERT_FILE": str(ca.ca_file)}
    async with ConnectProxy(leads_to=behind.port).running() as proxy:
        with variables(**socks, HTTPS_PROXY=proxy):
            assert (await ask(client, URL, within=WITHIN, limit=100)).good
    with variables(**socks), pytest.raises(NoAnswer) as none:
        await ask(client, URL.replace(OUTSIDE, "nowhere.invalid"), within=WITHIN, limit=100)
    assert none.value.fault is Fault.UNREACHABLE


async def test_certificates_that_cannot_be_read_are_missed_by_tls_alone(
    client: httpx.AsyncClient, httpserver: HTTPServer, tmp_path: Path
) -> None:
    httpserver.expect_request("/health").respond_with_data("well")
    plain = httpserver.url_for("/health")
    (tmp_path / "no.pem").write_text("this is no certificate")
    with variables(SSL_CERT_FILE=str(tmp_path / "no.pem")):
        assert (await ask(client, plain, within=WITHIN, limit=100)).good
        with pytest.raises(NoAnswer, match="SSL_CERT_FILE holds no certificates"):
            await ask(client, plain.replace("http:", "https:"), within=WITHIN, limit=100)
