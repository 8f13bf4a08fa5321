"""How the scripted world is when an alert fires."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from activities.managers.process_seen import ProcessState
from activities.postgres.database_seen import DatabaseKind
from models.evidence.deployment import Deployment
from tests.workflows import sights
from tests.workflows.harness import Harness

Scene = Callable[[Harness], Awaitable[None]]

CRASH = sights.crashed(sights.LONG_AGO)
LOOPING = CRASH.model_copy(
    update={
        "state": ProcessState.RESTARTING,
        "restarts": 7,
        "reason": "restarted 7 times",
        "finished_at": None,
    }
)
SCALABLE = {"services": {"backend": {"scale": {"max_replicas": 3}}}}
"""A configuration that allows more replicas."""


def scene(**changes: Any) -> Scene:
    """The world with these sights."""

    async def changed(harness: Harness) -> None:
        for name, value in changes.items():
            setattr(harness.world, name, value)

    return changed


def failing(**changes: object) -> Scene:
    """The service runs and answers its health check; its requests fail."""
    fields = {"health": sights.HEALTHY, "process": sights.RUNNING, "errors": sights.MANY_ERRORS}
    return scene(**{**fields, **changes})


def unreachable(kind: DatabaseKind, **changes: object) -> Scene:
    """The application is well enough; `SELECT 1` ends in this way."""
    fields = {"health": sights.HEALTHY, "process": sights.RUNNING, "database": sights.database(kind)}
    return scene(**{**fields, **changes})


def deployed(then: Scene) -> Scene:
    """A healthy version of the day before yesterday, and a newer one of five minutes ago.

    The errors began a minute after it.
    """

    async def told(harness: Harness) -> None:
        await then(harness)
        now = await harness.now()
        old, new = now - timedelta(days=2), now - timedelta(minutes=5)
        began = {"since": new + timedelta(minutes=1), "good_until": new}
        if harness.world.errors.since is None:
            harness.world.errors = harness.world.errors.model_copy(update=began)
        await harness.deployed(
            Deployment(service="backend", version="backend:1", deployed_at=old, healthy_at=old, current=True),
            Deployment(service="backend", version="backend:2", deployed_at=new, current=True),
        )

    return told
