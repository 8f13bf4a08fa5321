"""The scenarios that are recorded: every row of every causes table, and what else may happen."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio.client import WorkflowHandle

from models.incident.alert import AlertStatus
from models.incident.incident import Spoken, Verdict
from models.names import CONTROL_ROOM_ID
from tests.parts.product.signing import by, decide, tell
from tests.scenarios.tables import ROWS
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident
from tests.workflows.rows import Row
from tests.workflows.scenes import LOOPING, deployed, failing
from tests.workflows.switch import resume, suspend

Handles = tuple[WorkflowHandle[Any, Any], ...]
Play = Callable[[Harness], Awaitable[Handles]]


@dataclass(frozen=True)
class Scenario:
    """What is played, and the runs whose histories are kept."""

    name: str
    play: Play


async def _row(runbook: str, row: Row, harness: Harness) -> Handles:
    harness.configure(**row.configuration)
    await row.scene(harness)
    handle = await harness.fire(await harness.alert(runbook, service=row.service, labels=row.labels))
    if row.reports:
        await harness.until_true(lambda: bool(harness.world.reports))
        await handle.signal("acknowledge")
        await harness.end(handle)
    elif row.needs_a_human:
        await harness.until(handle, "escalated")
        await harness.closes(handle)
    else:
        if row.person_first:
            await harness.until_it_waits(handle)
            await handle.signal("done")
        if row.asks:
            await harness.until(handle, "awaiting approval")
            await handle.signal("approve")
        await harness.end(handle)
    return (handle,)


async def _asked(harness: Harness) -> Incident:
    harness.world.port = sights.TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    return handle


async def approved_by_a_person(harness: Harness) -> Handles:
    handle = await _asked(harness)
    await decide(handle, by("ada", plan="0" * 12))
    await decide(handle, by("ada"))
    await harness.end(handle)
    return handle, harness.steward()


async def denied(harness: Harness) -> Handles:
    handle = await _asked(harness)
    await decide(handle, by("ada", verdict=Verdict.DENY))
    await harness.until(handle, "escalated")
    await harness.closes(handle)
    return (handle,)


async def expired_while_the_ladder_climbed(harness: Harness) -> Handles:
    harness.world.down = {"discord", "pager"}
    handle = await _asked(harness)
    await harness.env.sleep(timedelta(minutes=12))
    await tell(handle, "acknowledge", Spoken(by="ada"))
    await tell(handle, "note", Spoken(by="ada", text="I look at it"))
    await harness.env.sleep(timedelta(hours=4))
    await harness.until(handle, "escalated")
    await harness.closes(handle)
    return (handle,)


async def resolved_while_waiting(harness: Harness) -> Handles:
    handle = await _asked(harness)
    await harness.resolve(handle)
    await harness.end(handle)
    return (handle,)


async def fires_again_while_closing(harness: Harness) -> Handles:
    harness.configure(systems={"alertmanager": "http://localhost:9093"})
    alert = await harness.alert()
    handle = await harness.fire(alert)
    first = harness.env.client.get_workflow_handle(handle.id, run_id=handle.result_run_id)
    await harness.until(handle, "resolved")
    for seconds in range(1, 6):
        starts_at = alert.starts_at + timedelta(seconds=seconds)
        await handle.signal("alert_changed", alert.model_copy(update={"starts_at": starts_at}))
    await harness.end(handle)
    return first, handle


async def without_effect(harness: Harness) -> Handles:
    harness.world.watched["watch_health"] = sights.FAILING
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "escalated")
    await harness.resolve(handle)
    await harness.end(handle)
    return handle, harness.steward()


async def repaired_while_a_specialist_alone_is_told(harness: Harness) -> Handles:
    """Nobody of the ladder is paged yet, and there is no broadcast channel."""
    row = next(one for one in ROWS["DatabaseConnectionFailure"] if one.title == "down")
    harness.configure(**{**row.configuration, "broadcast": [], "page_after": "10m"})
    await row.scene(harness)
    handle = await harness.fire(
        await harness.alert("DatabaseConnectionFailure", service=row.service, labels=row.labels)
    )
    await harness.end(handle)
    return (handle,)


async def blocked_after_three_failures(harness: Harness) -> Handles:
    harness.world.works, harness.world.process = False, sights.RUNNING
    for _ in range(4):
        handle = await harness.fire(await harness.alert())
        await harness.until(handle, "escalated")
        await harness.closes(handle)
    await harness.steward().signal("unblock")
    return handle, harness.steward()


async def self_recovered(harness: Harness) -> Handles:
    harness.world.health, harness.world.process = sights.HEALTHY, sights.RUNNING
    handle = await harness.fire(await harness.alert())
    await harness.end(handle)
    return (handle,)


async def blind(harness: Harness) -> Handles:
    harness.world.health, harness.world.process = sights.BLIND, sights.UNSEEN_PROCESS
    harness.world.broken_looks = {"read_logs"}
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "escalated")
    await harness.closes(handle)
    return (handle,)


async def suspended(harness: Harness) -> Handles:
    await suspend(harness, by="ada", why="a migration")
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "paused")
    await resume(harness, by="ada")
    await harness.end(handle)
    return handle, harness.steward(), harness.env.client.get_workflow_handle(CONTROL_ROOM_ID)


async def taken_over(harness: Harness) -> Handles:
    harness.configure(alerts={"HighErrorRate": {"severity": "warning"}})
    await failing(memory=sights.FILLING_HEAP)(harness)
    mild = await harness.fire(await harness.alert("HighErrorRate"))
    await harness.until(mild, "awaiting approval")
    harness.world.health, harness.world.process = sights.REFUSED, sights.crashed(sights.LONG_AGO)
    await harness.end(await harness.fire(await harness.alert()))
    await harness.until(mild, "awaiting approval")
    await mild.signal("approve")
    await harness.end(mild)
    return mild, harness.steward()


async def queued(harness: Harness) -> Handles:
    first = await _asked(harness)
    harness.world.errors, harness.world.memory = sights.MANY_ERRORS, sights.FILLING_HEAP
    second = await harness.fire(await harness.alert("HighErrorRate"))
    await harness.env.sleep(timedelta(minutes=2))
    await first.signal("approve")
    await harness.end(first)
    await harness.end(second)
    return second, harness.steward()


async def lost_outcome(harness: Harness) -> Handles:
    harness.world.lost["start_service"] = 1
    handle = await harness.fire(await harness.alert())
    await harness.end(handle)
    return handle, harness.steward()


async def lost_rollback(harness: Harness) -> Handles:
    harness.world.lost["roll_back"] = 1
    await deployed(_looping)(harness)
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await handle.signal("approve")
    await harness.end(handle)
    return handle, harness.steward()


async def _looping(harness: Harness) -> None:
    harness.world.process = LOOPING


async def degraded_until_a_person_is_done(harness: Harness) -> Handles:
    await failing(providers=sights.PROVIDER_DOWN)(harness)
    harness.world.watched["watch_errors"] = sights.FAILING
    harness.world.hold("watch_providers")
    handle = await harness.fire(await harness.alert("HighErrorRate"))
    await harness.until(handle, "escalated")
    await harness.closes(handle)
    return handle, harness.steward()


async def resolved_from_the_start(harness: Harness) -> Handles:
    alert = await harness.alert("DatabaseConnectionFailure", service="postgres")
    over = alert.model_copy(update={"status": AlertStatus.RESOLVED})
    handle = await harness.fire(alert, start_signal="alert_changed", start_signal_args=[over])
    await harness.end(handle)
    return (handle,)


async def any_alert(harness: Harness) -> Handles:
    handle = await harness.fire(await harness.alert("DiskSlow"))
    await harness.until(handle, "escalated")
    await harness.closes(handle)
    return (handle,)


async def unknown_service(harness: Harness) -> Handles:
    handle = await harness.fire(await harness.alert(service="nobody"))
    await harness.until(handle, "escalated")
    await harness.closes(handle)
    return (handle,)


OTHERS: tuple[Play, ...] = (
    approved_by_a_person,
    denied,
    expired_while_the_ladder_climbed,
    resolved_while_waiting,
    fires_again_while_closing,
    without_effect,
    repaired_while_a_specialist_alone_is_told,
    blocked_after_three_failures,
    self_recovered,
    blind,
    suspended,
    taken_over,
    queued,
    lost_outcome,
    lost_rollback,
    degraded_until_a_person_is_done,
    resolved_from_the_start,
    any_alert,
    unknown_service,
)


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


SCENARIOS = (
    *(
        Scenario(slug(f"{runbook} {row.title}"), partial(_row, runbook, row))
        for runbook, rows in ROWS.items()
        for row in rows
    ),
    *(Scenario(slug(play.__name__), play) for play in OTHERS),
)
