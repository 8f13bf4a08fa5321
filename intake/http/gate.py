"""Judges the raw headers of each request, before any route sees it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from intake.http.answers import refusal

TARGET = "target"
"""Where the server leaves the request's target as it was sent, in the state of the scope."""
_ONCE = frozenset(
    {b"host", b"authorization", b"content-length", b"content-type", b"content-encoding", b"transfer-encoding"}
)
"""Headers that decide: two of one kind can be read in two ways."""
_HOST = re.compile(rb"(?:(?P<name>[a-z0-9.-]+)|\[(?P<v6>[0-9a-f:.]+)\])(?::(?P<port>[0-9]{1,5}))?", re.I)


class Gate:
    """Refuses a header that decides and stands twice (400), and, where `only_this_machine` is heard, what
    does not name this machine as its `Host` (403): a web page whose name resolves to 127.0.0.1 is a
    stranger's, even though its requests come from this machine.
    """

    def __init__(self, app: ASGIApp, only_this_machine: bool) -> None:
        self._app = app
        self._only_this_machine = only_this_machine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refused(scope) if scope["type"] == "http" else None
        await (refused or self._app)(scope, receive, send)

    def _refused(self, scope: Scope) -> Response | None:
        if self._only_this_machine and not names_this_machine(scope):
            port = _port(scope)
            reason = f"without a token the intake answers to localhost only: ask for http://localhost:{port}"
            return refusal(403, reason)
        if twice := _twice(name for name, _ in scope["headers"]):
            return refusal(400, f"the header {twice.decode()} stands more than once: send it once")
        return None


def names_this_machine(scope: Scope) -> bool:
    """Whether the request has exactly one `Host`, a loopback name with the listener's port or none.

    A target with a host of its own, as for a proxy, names something else.
    """
    target: bytes = scope.get("state", {}).get(TARGET, b"/")
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if len(hosts) != 1 or not target.startswith(b"/"):
        return False
    host = _HOST.fullmatch(hosts[0])
    if host is None or host["port"] not in (None, b"%d" % _port(scope)):
        return False
    return is_loopback((host["name"] or host["v6"]).decode())


def is_loopback(host: str) -> bool:
    """Whether the name or address of a listener, or of a `Host` header, is this machine alone."""
    name = host.strip("[]")
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _port(scope: Scope) -> int:
    server = scope.get("server") or ("", 0)
    return server[1] or 0


def _twice(names: Iterable[bytes]) -> bytes | None:
    seen: set[bytes] = set()
    for name in names:
        if name in _ONCE and name in seen:
            return name
        seen.add(name)
    return None
