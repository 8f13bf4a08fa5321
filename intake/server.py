"""Running the intake: the listener, and an end that lets requests in flight finish."""

from __future__ import annotations

import asyncio
import signal
import socket

import structlog
import uvicorn
from starlette.types import ASGIApp

DRAIN = 12
"""Seconds for requests in flight after SIGTERM; a little more than Temporal may take for one."""


class ListenerTaken(Exception):
    """The address cannot be listened on."""


def listen(host: str, port: int) -> socket.socket:
    """A bound listener; port 0 takes a free one. Raises ListenerTaken."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()  # who comes before the server is up waits, and is not refused
    except OSError as error:
        raise ListenerTaken(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


async def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT. Paths and headers stay out of the log: strangers choose them."""
    host, port = listener.getsockname()[:2]
    structlog.get_logger("intake").info("listening", host=host, port=port)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=DRAIN,
    )
    server = uvicorn.Server(config)
    loop = asyncio.get_running_loop()
    for ends in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them once more when it has drained
        loop.add_signal_handler(ends, setattr, server, "should_exit", True)
    await server.serve(sockets=[listener])
