"""What is outside is asked through the proxy, with the certificates and the credentials that it wants."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer

from activities.doctor.systems import check_prometheus
from activities.support.http import Fault, NoAnswer, ask
from models.configuration.configuration import Configuration
from runtime.systems.outgoing import outgoing
from tests.parts.outside.connect_proxy import ConnectProxy
from tests.parts.outside.private_ca import PrivateCa, private_ca
from tests.parts.product.commands import Ended, Person
from tests.parts.servers.prometheus_server import prometheus_behind
from tests.parts.servers.sockets import closed_port

OUTSIDE = "hooks.example.com"
PASSWORD = "only-in-this-test"
HASH = "$2b$04$abcdefghijklmnopqrstuuMr/hX0DAEWAQhx2CqkxlYq6yGohCBEu"
"""Of the password, by bcrypt."""
WITHIN = timedelta(seconds=10)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PrivateCa:
    return private_ca(tmp_path_factory.mktemp("ca"), OUTSIDE)


@pytest.fixture(scope="module")
def slack(ca: PrivateCa) -> Iterator[HTTPServer]:
    """By TLS, under a certificate of the private CA for a name that no resolver knows."""
    with HTTPServer(host="127.0.0.1", ssl_context=ca.server) as server:
        yield server


@pytest.fixture
def proxy(slack: HTTPServer) -> ConnectProxy:
    slack.clear()
    slack.expect_request("/hook").respond_with_data("ok")
    return ConnectProxy(leads_to=slack.port)


async def tries(tmp_path: Path, webhook: str, variables: Mapping[str, str]) -> Ended:
    """`notify test` in an environment of its own."""
    config = tmp_path / "runbooks.yaml"
    config.write_text("channels: {slack: {kind: slack, webhook: {env: HOOK}, timeout: 20s}}\n")
    ours = {"PATH": os.environ["PATH"], "RUNBOOKS_CONFIG": str(config), "HOOK": webhook}
    return await Person({**ours, **variables}).types("notify", "test", "slack")


async def test_a_channel_outside_is_reached_through_the_proxy_under_a_private_ca(
    tmp_path: Path, ca: PrivateCa, proxy: ConnectProxy, slack: HTTPServer
) -> None:
    """`HTTPS_PROXY` and `SSL_CERT_FILE`; the name is left to the proxy."""
    async with proxy.running() as address:
        variables = {"HTTPS_PROXY": address, "SSL_CERT_FILE": str(ca.ca_file)}
        told = await tries(tmp_path, f"https://{OUTSIDE}/hook", variables)
    assert told.code == 0, told
    assert proxy.asked == [f"CONNECT {OUTSIDE}:443 HTTP/1.1"]
    assert [request.path for request, _ in slack.log] == ["/hook"]


async def test_without_the_certificates_nothing_is_sent(
    tmp_path: Path, proxy: ConnectProxy, slack: HTTPServer
) -> None:
    async with proxy.running() as address:
        told = await tries(tmp_path, f"https://{OUTSIDE}/hook", {"https_proxy": address})
    assert told.code == 1
    assert f"cannot use {OUTSIDE}: no trusted TLS connection" in told.out
    assert slack.log == []


@pytest.mark.parametrize("exempt", ["example.com", "other.example, .example.com", "*"])
async def test_what_no_proxy_names_is_asked_directly(
    tmp_path: Path, ca: PrivateCa, proxy: ConnectProxy, exempt: str
) -> None:
    async with proxy.running() as address:
        variables = {"HTTPS_PROXY": address, "NO_PROXY": exempt, "SSL_CERT_FILE": str(ca.ca_file)}
        told = await tries(tmp_path, f"https://{OUTSIDE}/hook", variables)
    assert (told.code, proxy.asked) == (1, [])


async def test_loopback_is_never_asked_through_a_proxy(
    tmp_path: Path, ca: PrivateCa, proxy: ConnectProxy, slack: HTTPServer
) -> None:
    async with proxy.running() as address:
        variables = {"HTTPS_PROXY": address, "SSL_CERT_FILE": str(ca.ca_file)}
        told = await tries(tmp_path, f"https://localhost:{slack.port}/hook", variables)
    assert (told.code, proxy.asked) == (0, [])


async def test_a_proxy_that_refuses_or_is_away_says_nothing_about_what_is_behind_it(
    tmp_path: Path, proxy: ConnectProxy
) -> None:
    proxy.refuses = "407 Proxy Authentication Required"
    async with proxy.running() as address:
        for https_proxy in (address, f"http://127.0.0.1:{closed_port()}"):
            told = await tries(tmp_path, f"https://{OUTSIDE}/hook", {"HTTPS_PROXY": https_proxy})
            assert told.code == 1
            assert f"cannot connect to {OUTSIDE}" in told.out
    assert len(proxy.asked) == 1


def asked_with(access: Mapping[str, Any]) -> httpx.AsyncClient:
    configuration = Configuration.of({"systems": {"access": access}}, ())
    return outgoing(lambda: configuration)


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, dict[str, str]]:
    """References to files with secrets."""
    for name, value in (("password", PASSWORD), ("wrong", "guessed"), ("tenant", "shop-eu")):
        (tmp_path / name).write_text(f"{value}\n")
    return {name: {"file": str(tmp_path / name)} for name in ("password", "wrong", "tenant", "gone")}


async def test_a_real_prometheus_behind_a_password_and_a_private_ca(
    tmp_path: Path, ca: PrivateCa, secrets: dict[str, dict[str, str]]
) -> None:
    """The worker's client and `doctor` are let in with what `systems.access` says, and not without."""
    with prometheus_behind(ca, {"runbooks": HASH}, tmp_path) as url:
        access = {
            "basic_auth": {"username": "runbooks", "password": secrets["password"]},
            "ca_file": str(ca.ca_file),
        }
        async with asked_with({url: access}) as http:
            assert [one.problem for one in await check_prometheus("systems.prometheus", url, http)] == [
                ""
            ] * 2
        untrusting = {"basic_auth": access["basic_auth"]}
        async with asked_with({url: untrusting}) as http:
            [told] = await check_prometheus("systems.prometheus", url, http)
            assert "no trusted TLS connection" in told.problem
        guessed = {**access, "basic_auth": {"username": "runbooks", "password": secrets["wrong"]}}
        async with asked_with({url: guessed}) as http:
            [told] = await check_prometheus("systems.prometheus", url, http)
            assert ("answers 401" in told.problem, "systems.access" in told.cure) == (True, True)

        config = tmp_path / "runbooks.yaml"
        config.write_text(json.dumps({"systems": {"prometheus": url, "access": {url: access}}}))
        away = {"TEMPORAL_ADDRESS": f"127.0.0.1:{closed_port()}", "RUNBOOKS_CONFIG": str(config)}
        told_by = await Person({"PATH": os.environ["PATH"], **away}).types("doctor", "--json")
        checks = {one["name"]: one for one in told_by.document["checks"]}
        assert checks["Prometheus"]["ok"] and checks["clock of Prometheus"]["ok"]
        assert PASSWORD not in told_by.out + told_by.err


async def test_a_header_goes_to_the_system_it_is_for_and_to_nobody_else(
    httpserver: HTTPServer, secrets: dict[str, dict[str, str]]
) -> None:
    """The tenant of Mimir or Loki; read anew each time, and beside a system's own token."""
    httpserver.expect_request("/prometheus/api", headers={"X-Scope-OrgID": "shop-eu"}).respond_with_data("in")
    base = httpserver.url_for("/prometheus")
    headers = {"X-Scope-OrgID": secrets["tenant"], "Authorization": secrets["wrong"]}
    async with asked_with({base: {"headers": headers}}) as http:

        async def status(url: str) -> int:
            return (await ask(http, url, within=WITHIN, limit=100, headers={"Authorization": "own"})).status

        assert await status(f"{base}/api") == 200
        for elsewhere in ("/prometheus-other/api", "/other", "/"):
            assert await status(httpserver.url_for(elsewhere)) == 500
        assert await status(f"{base}/api".replace("localhost", "127.0.0.1")) == 500
    sent = [request.headers for request, _ in httpserver.log]
    assert [one.get("X-Scope-OrgID") for one in sent] == ["shop-eu", None, None, None, None]
    assert {one["Authorization"] for one in sent} == {"own"}


async def test_what_is_needed_and_missing_is_named_and_nothing_is_asked(
    httpserver: HTTPServer, tmp_path: Path, secrets: dict[str, dict[str, str]]
) -> None:
    (tmp_path / "no.pem").write_text("this is no certificate")
    base = httpserver.url_for("/")
    for access, says in (
        ({"headers": {"X-Scope-OrgID": secrets["gone"]}}, "cannot read"),
        ({"ca_file": str(tmp_path / "no.pem")}, "no.pem holds no certificates"),
        ({"ca_file": str(tmp_path / "nowhere.pem")}, "nowhere.pem holds no certificates"),
    ):
        async with asked_with({base: access}) as http:
            with pytest.raises(NoAnswer, match=says) as none:
                await ask(http, base, within=WITHIN, limit=100)
        assert none.value.fault is Fault.MISCONFIGURED
    assert httpserver.log == []
