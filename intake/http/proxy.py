"""The header by which a trusted proxy names who is signed in there: it counts from the proxy alone."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable

import structlog
from cachetools import TTLCache
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from intake.http.answers import refusal
from models.configuration.configuration import Configuration
from models.configuration.processes import TrustedProxy

LOGGED_AGAIN = 60
"""Seconds after which another request of the same address is logged."""
MOST_LOGGED = 100


class OnlyFromProxy:
    """Refuses the header from anywhere else (403), and one that stands twice (400): who sends it wants to be
    somebody, and a request that goes on without it hides that from everybody."""

    def __init__(self, app: ASGIApp, configuration: Callable[[], Configuration]) -> None:
        self._app = app
        self._configuration = configuration
        self._log = structlog.get_logger("intake")
        self._logged: TTLCache[str, bool] = TTLCache(MOST_LOGGED, LOGGED_AGAIN, time.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        proxy = self._configuration().intake.proxy if scope["type"] == "http" else None
        said = Headers(scope=scope).getlist(proxy.header) if proxy else []
        if proxy and said and not is_of(proxy, scope):
            await refusal(403, self._from_elsewhere(proxy, scope))(scope, receive, send)
        elif proxy and len(said) > 1:
            reason = f"the header {proxy.header} stands more than once: the proxy must replace it"
            await refusal(400, reason)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _from_elsewhere(self, proxy: TrustedProxy, scope: Scope) -> str:
        address = peer_of(scope)
        if address not in self._logged:
            self._logged[address] = True
            self._log.warning("somebody who is not the proxy names a person", header=proxy.header, by=address)
        return f"{proxy.header} counts from intake.proxy.addresses alone, and this came from {address}"


def named_by(proxy: TrustedProxy | None, scope: Scope) -> str:
    """What the proxy calls who asks; empty where it does not say, or where none is trusted."""
    if proxy is None or not is_of(proxy, scope):
        return ""
    return Headers(scope=scope).get(proxy.header, "").strip()


def is_of(proxy: TrustedProxy, scope: Scope) -> bool:
    """Whether the request comes from one of its addresses."""
    try:
        address = ipaddress.ip_address(peer_of(scope))
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in ipaddress.ip_network(one) for one in proxy.addresses)


def peer_of(scope: Scope) -> str:
    """The address of the other end of the connection; no header changes it."""
    client = scope.get("client")
    return client[0] if client else ""
