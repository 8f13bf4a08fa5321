"""What a fault is: something that is broken for real, and the cause that is to be found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from demo.parts.waiting import PATIENCE, until
from demo.systems.services import BACKEND, Services

SMALL_DISK = "small-disk"
"""PostgreSQL on a disk of its own, which can be full without harm."""
NETWORKS = "networks"
"""Containers in networks of their own, the backend behind a balancer."""
OBSERVED = "observed"
"""Prometheus, and all that is around a backend."""


Inject = Callable[[Services], AbstractAsyncContextManager[None]]
"""Entered when it is broken; on the way out whatever would break it again is taken away. It repairs
nothing: that is the runbook's."""


@dataclass(frozen=True)
class Fault:
    """What the demo may break, the alert that this raises, and what the runbook is expected to find."""

    inject: Inject
    cause: str
    says: str
    alert: str = "ServiceDown"
    service: str = BACKEND
    asks: bool = False
    """Whether its fix needs a person's approval."""
    ends: bool = True
    """Whether the runbook can heal it; else it is escalated, and goes on with a person's `done`."""
    reports: bool = False
    """Whether the runbook only reports; it goes on with a person's acknowledgement."""
    needs: str = ""
    """What the services must stand on for it: `SMALL_DISK`, `NETWORKS` or `OBSERVED`; empty for anything."""
    is_over: Callable[[Services], Awaitable[bool]] | None = None
    """Whether its alert would end, as the rule sees it; by default when the backend serves its users."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """What else the alert says, such as the route that fails."""
    crashes_before: int = 0
    """Plain crashes, each healed, that make this one a loop."""


async def unhealthy(services: Services, within: float = PATIENCE) -> None:
    """Wait until the backend says that it is not healthy, or says nothing."""

    async def still_healthy() -> str:
        return "" if await services.backend.is_healthy() else "it is still healthy"

    await until("backend unhealthy", still_healthy, within=within)
