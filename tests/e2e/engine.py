"""What really happened to a container, by the engine's own word."""

from __future__ import annotations

from datetime import UTC, datetime

import docker

from demo.stack import Stack
from demo.systems.compose import ComposedServices


def container_of(stack: Stack, service: str) -> str:
    """The name of a service's container."""
    assert isinstance(stack.services, ComposedServices)
    return stack.services.container_of(service)


def events(client: docker.DockerClient, container: str, since: datetime) -> list[str]:
    """Its actions since then, oldest first: `die`, `start`, `oom`, `kill`, …"""
    first, last = int(since.timestamp()), int(datetime.now(UTC).timestamp()) + 1
    found = client.events(since=first, until=last, filters={"container": container}, decode=True)
    began = since.timestamp() * 1e9
    return [event["Action"] for event in found if event["timeNano"] >= began]


def memory_limit(client: docker.DockerClient, container: str) -> int:
    """Bytes that the kernel allows it."""
    return int(client.containers.get(container).attrs["HostConfig"]["Memory"])
