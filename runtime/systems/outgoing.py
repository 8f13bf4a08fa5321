"""The one HTTP client for everything outside: its proxy, whom it trusts, and what a system asks of it."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from activities.support.http import PASSAGE, Passage
from activities.support.secrets import SecretMissing, resolve
from models.configuration.access import Access
from models.configuration.configuration import Configuration
from runtime.systems.proxies import proxy_for


def outgoing(configuration: Callable[[], Configuration]) -> httpx.AsyncClient:
    """A client that asks each system as `systems.access` says now."""
    return httpx.AsyncClient(transport=_Outgoing(configuration), trust_env=False)


class _Outgoing(httpx.AsyncBaseTransport):
    def __init__(self, configuration: Callable[[], Configuration]) -> None:
        self._configuration = configuration
        self._transports: dict[tuple[str, ...], httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        access = access_to(request.url, self._configuration().systems.access)
        proxy = proxy_for(request.url)
        try:
            for name, value in _headers(access):
                request.headers.setdefault(name, value)
            transport = self._transport(request.url.scheme, access.ca_file if access else None, proxy)
        except (SecretMissing, _NoUse) as error:
            why = str(error)
        else:
            return await _answered(transport, request, through=proxy)
        raise httpx.RequestError(why)

    def _transport(self, scheme: str, ca_file: str | None, proxy: str | None) -> httpx.AsyncHTTPTransport:
        """By whom is trusted and what is in between. A file that was replaced is read again."""
        key = (scheme, ca_file or "", proxy or "", _written(ca_file))
        if key not in self._transports:
            self._transports[key] = _new_transport(scheme, ca_file, proxy)
        return self._transports[key]

    async def aclose(self) -> None:
        for transport in self._transports.values():
            await transport.aclose()


class _NoUse(Exception):
    """What the configuration or the environment names cannot be used. The text holds no secret."""


def access_to(url: httpx.URL, configured: Mapping[str, Access]) -> Access | None:
    """What stands under the address that this one begins with; of several, under the longest."""
    for address in sorted(configured, key=len, reverse=True):
        base = httpx.URL(address)
        same = (base.scheme, base.host, base.port) == (url.scheme, url.host, url.port)
        if same and f"{url.path}/".startswith(f"{base.path.rstrip('/')}/"):
            return configured[address]
    return None


def _headers(access: Access | None) -> list[tuple[str, str]]:
    """With their values. Raises `SecretMissing`."""
    if access is None:
        return []
    headers = [(name, resolve(secret)) for name, secret in access.headers.items()]
    if basic := access.basic_auth:
        pair = f"{basic.username}:{resolve(basic.password)}"
        headers.append(("Authorization", f"Basic {b64encode(pair.encode()).decode()}"))
    return headers


def _written(ca_file: str | None) -> str:
    try:
        return str(Path(ca_file).stat().st_mtime_ns) if ca_file else ""
    except OSError:
        return ""


def _new_transport(scheme: str, ca_file: str | None, proxy: str | None) -> httpx.AsyncHTTPTransport:
    try:
        trusted = _trusted(scheme, ca_file)
    except OSError as error:
        where = f"ca_file {ca_file}" if ca_file else "SSL_CERT_FILE"
        why = f"{where} holds no certificates that can be read ({error.strerror or type(error).__name__})"
    else:
        try:
            return httpx.AsyncHTTPTransport(verify=trusted, proxy=proxy)
        except (ValueError, ImportError, httpx.InvalidURL):
            why = "HTTPS_PROXY is not the address of an HTTP proxy"
    raise _NoUse(why)


def _trusted(scheme: str, ca_file: str | None) -> ssl.SSLContext:
    """Raises `OSError`. What is asked without TLS needs no certificates, and so trusts nobody."""
    if ca_file:
        return ssl.create_default_context(cafile=ca_file)
    return httpx.create_ssl_context() if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def _answered(
    transport: httpx.AsyncHTTPTransport, request: httpx.Request, through: str | None
) -> httpx.Response:
    """That a proxy is away, hangs up or hangs says nothing about what is behind it."""
    if through is None:
        return await transport.handle_async_request(request)
    passage = request.extensions.get(PASSAGE, Passage())

    async def follow(event: str, _: Mapping[str, object]) -> None:
        if event == "connection.connect_tcp.started":
            passage.at_proxy = True
        elif event == "proxy.start_tls.complete":  # with the server behind the proxy
            passage.at_proxy = False

    request.extensions["trace"] = follow
    try:
        return await transport.handle_async_request(request)
    except (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError) as error:
        if not passage.at_proxy:
            raise
        raise httpx.ProxyError("the proxy does not connect") from error
