"""What really happened to a container, by the engine's own word."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import docker

from demo.stack import Stack
from demo.systems.compose import ComposedServices

_TOLD = {"type": "container", "event": ["kill", "die", "oom", "stop", "start", "restart", "update"]}


def container_of(stack: Stack, service: str) -> str:
    """The name of a service's container."""
    assert isinstance(stack.services, ComposedServices)
    return stack.services.container_of(service)


class Events:
    """What the engine does with its containers, from now on.

    They are read as they come: it remembers the last 256 of all containers, and a health check is three.
    """

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client
        self._come: list[dict[str, Any]] = []
        self._stream = client.events(decode=True, filters=_TOLD)
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def of(self, container: str, since: datetime) -> list[str]:
        """The actions of one since then, oldest first: `die`, `start`, `oom`, `kill`, …"""
        first, last = int(since.timestamp()), int(datetime.now(UTC).timestamp()) + 1
        remembered = self._client.events(since=first, until=last, filters=_TOLD, decode=True)
        known = {event["timeNano"]: event for event in (*self._come, *remembered)}
        return [
            event["Action"]
            for at, event in sorted(known.items())
            if at >= since.timestamp() * 1e9 and event["Actor"]["Attributes"]["name"] == container
        ]

    def close(self) -> None:
        self._stream.close()
        self._reading.join(5)

    def _read(self) -> None:
        self._come.extend(self._stream)


def memory_limit(client: docker.DockerClient, container: str) -> int:
    """Bytes that the kernel allows it."""
    return int(client.containers.get(container).attrs["HostConfig"]["Memory"])
