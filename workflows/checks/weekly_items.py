"""The items of the weekly check, each with its activity and its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.backups.backups import BackupActivities
    from models.checks.check import CheckPolicy
    from models.checks.item import ItemResult
    from models.names import queue_of
    from workflows.checks.check import ItemOf

ATTEMPTS = 2
"""A look is made again once, should its worker be killed."""
BEAT = timedelta(seconds=30)
SPARE = timedelta(minutes=1)
"""What an item may wait for a worker, beyond the time of its activity."""


def _item(
    name: str,
    look: Callable[[Any, Any], Any],
    asked: object,
    within: timedelta,
    queue: str | None = None,
) -> ItemOf:
    """An item that one activity looks at."""

    async def take() -> ItemResult:
        found: ItemResult = await workflow.execute_activity_method(
            look,
            asked,
            task_queue=queue,
            start_to_close_timeout=within,
            schedule_to_close_timeout=ATTEMPTS * within,
            heartbeat_timeout=BEAT,
            retry_policy=RetryPolicy(maximum_attempts=ATTEMPTS),
            summary=name,
        )
        return found

    return ItemOf(name, take, ATTEMPTS * within + SPARE)


def backups(policy: CheckPolicy) -> Iterator[ItemOf]:
    """One for each configured location."""
    if not policy.checks.backups:
        yield ItemOf(
            "backup", partial(_not_configured, "no backups are configured: configure checks.backups")
        )
    for location in policy.checks.backups:
        within = location.read_within + 2 * timedelta(minutes=1)
        queue = queue_of(location.host) if location.host else None
        yield _item(f"backup of {location.name}", BackupActivities.look_at_backup, location, within, queue)


async def _not_configured(reason: str) -> ItemResult:
    return ItemResult(reason=reason)
