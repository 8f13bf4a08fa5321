"""Runs the intake's HTTP server, and drains it on SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import socket
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp

from intake.http.connections import PromptApp, PromptRequests, limit_overload_log

DRAIN = 12
"""Seconds for requests in flight after SIGTERM; a little more than a call to Temporal may take."""

MOST_CONNECTIONS = 512
"""Further ones are answered 503. Half of the usual limit of open files."""

READ_AHEAD = 32 * 2**10
"""Bytes that may arrive on a connection before they are read; the kernel doubles it."""

MOST_PENDING = 128
"""Connections that wait to be accepted; asyncio retries as many at once when no file descriptor is left."""


class ListenerTaken(Exception):
    """The address cannot be listened on."""


class NoSuchHost(ListenerTaken):
    """The host is not a valid name."""


def listen(host: str, port: int) -> socket.socket:
    """A bound listener; port 0 picks a free one. Raises ListenerTaken, and NoSuchHost for an invalid name."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return _bound(socket.socket(family, kind, protocol), address)
    except ValueError as error:  # Python's own, for a part that is empty or longer than 63 characters
        reason = "each part of a name has 1 to 63 characters; give this machine's own name or address"
        raise NoSuchHost(f"cannot listen on {host}:{port}: {reason}") from error
    except OSError as error:
        raise ListenerTaken(f"cannot listen on {host}:{port}: {error.strerror}") from error


def _bound(listener: socket.socket, address: Any) -> socket.socket:
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, READ_AHEAD)  # each connection inherits it
        listener.bind(address)
        listener.listen()  # connections made before the server is up wait, and are not refused
    except OSError:
        listener.close()
        raise
    return listener


async def serve(app: ASGIApp, listener: socket.socket, draining: asyncio.Event) -> None:
    """Serve until SIGTERM or SIGINT, which sets `draining`. The log has no paths and headers: strangers
    choose them."""
    host, port = listener.getsockname()[:2]
    structlog.get_logger("intake").info("listening", host=host, port=port)
    config = uvicorn.Config(
        PromptApp(app),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        http=PromptRequests,
        ws="none",
        backlog=MOST_PENDING,
        limit_concurrency=MOST_CONNECTIONS,
        lifespan="off",
        timeout_graceful_shutdown=DRAIN,
    )
    limit_overload_log()
    server = uvicorn.Server(config)
    loop = asyncio.get_running_loop()
    for ends in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them again after draining
        loop.add_signal_handler(ends, _end, server, draining)
    await server.serve(sockets=[listener])


def _end(server: uvicorn.Server, draining: asyncio.Event) -> None:
    server.should_exit = True
    draining.set()
