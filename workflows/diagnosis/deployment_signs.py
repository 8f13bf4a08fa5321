"""Whether a trouble began with a deployment: by when it began, and when the running version did."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from models.evidence.deployment import Deployment
    from workflows.diagnosis.situation import Situation
    from workflows.record.timeline import RAW

SHORTLY = timedelta(minutes=1)
"""So much earlier than its cause the metrics may show a trouble: a scrape, and the clocks of machines."""
LONG_AFTER = timedelta(minutes=30)
"""What begins later than this after a deployment is not blamed on it."""


class Onset(Protocol):
    """When a trouble began, and when it was last seen well before; None where that is not known."""

    @property
    def since(self) -> datetime | None: ...

    @property
    def good_until(self) -> datetime | None: ...


def deployed_at(now: Situation) -> datetime | None:
    """When the running version was: a pipeline tells of it late, and the process knows."""
    current, started = looks.deployments(now).current, now[looks.process].started_at
    if current is None:
        return None
    told_late = started is not None and timedelta() < current.deployed_at - started <= LONG_AFTER
    return started if told_late else current.deployed_at


def began_after_one(now: Situation, trouble: Onset) -> bool:
    """Since a moment that is not long after a deployment, and there is a way back."""
    history, deployed, since = looks.deployments(now), deployed_at(now), trouble.since
    by_script = now.service.rollback is not None and len(history.deployments) > 1
    if deployed is None or since is None or not (history.last_healthy or by_script):
        return False
    return since - deployed <= LONG_AFTER


def began_otherwise(now: Situation, trouble: Onset) -> bool:
    """It began before the deployment, or that it did not was not seen."""
    deployed = deployed_at(now)
    if deployed is None or trouble.since is None or trouble.good_until is None:
        return True
    return trouble.since < deployed - SHORTLY or trouble.good_until < deployed - LONG_AFTER


def told(one: Deployment) -> str:
    """A version and since when; who told it, where nobody vouches for that."""
    by = f", told by {one.recorded_by}" if one.recorded_by.startswith(RAW) else ""
    return f"version {one.version} ({one.deployed_at:%Y-%m-%d %H:%M:%S} UTC{by})"
