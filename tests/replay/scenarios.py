"""The nights that are recorded: every row of every causes table, and what else may happen."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio.client import WorkflowHandle

from models.incident.alert import AlertStatus
from models.incident.incident import Decision, Spoken, Through, Verdict
from models.names import CONTROL_ROOM_ID
from tests.scenarios.tables import ROWS
from tests.workflows import sights
from tests.workflows.night import Incident, Night
from tests.workflows.rows import Row
from tests.workflows.scenes import LOOPING, deployed, failing
from tests.workflows.switch import resume, suspend

Handles = tuple[WorkflowHandle[Any, Any], ...]
Play = Callable[[Night], Awaitable[Handles]]


@dataclass(frozen=True)
class Scenario:
    """One night. It gives the runs whose histories are kept."""

    name: str
    play: Play


async def _row(runbook: str, row: Row, night: Night) -> Handles:
    night.configure(**row.configuration)
    await row.scene(night)
    handle = await night.fire(await night.alert(runbook, service=row.service))
    if row.needs_a_human:
        await night.until(handle, "escalated")
        await night.closes(handle)
    else:
        if row.asks:
            await night.until(handle, "awaiting approval")
            await handle.signal("approve")
        await night.end(handle)
    return (handle,)


async def _asked(night: Night) -> Incident:
    night.world.port = sights.TAKEN_PORT
    handle = await night.fire(await night.alert())
    await night.until(handle, "awaiting approval")
    return handle


async def approved_by_a_person(night: Night) -> Handles:
    handle = await _asked(night)
    decision = Decision(by="ada", through=Through.INTAKE)
    await handle.execute_update("decide", decision.model_copy(update={"plan": "0" * 12}))
    await handle.execute_update("decide", decision)
    await night.end(handle)
    return handle, night.steward()


async def denied(night: Night) -> Handles:
    handle = await _asked(night)
    decision = Decision(by="ada", through=Through.INTAKE, verdict=Verdict.DENY)
    await handle.execute_update("decide", decision)
    await night.until(handle, "escalated")
    await night.closes(handle)
    return (handle,)


async def expired_while_the_ladder_climbed(night: Night) -> Handles:
    night.world.down = {"discord", "pager"}
    handle = await _asked(night)
    await night.env.sleep(timedelta(minutes=12))
    await handle.signal("acknowledge", Spoken(by="ada"))
    await handle.signal("note", Spoken(by="ada", text="I look at it"))
    await night.env.sleep(timedelta(hours=4))
    await night.until(handle, "escalated")
    await night.closes(handle)
    return (handle,)


async def resolved_while_waiting(night: Night) -> Handles:
    handle = await _asked(night)
    await night.resolve(handle)
    await night.end(handle)
    return (handle,)


async def fires_again_while_closing(night: Night) -> Handles:
    night.configure(systems={"alertmanager": "http://localhost:9093"})
    alert = await night.alert()
    handle = await night.fire(alert)
    first = night.env.client.get_workflow_handle(handle.id, run_id=handle.result_run_id)
    await night.until(handle, "resolved")
    for seconds in range(1, 6):
        starts_at = alert.starts_at + timedelta(seconds=seconds)
        await handle.signal("alert_changed", alert.model_copy(update={"starts_at": starts_at}))
    await night.end(handle)
    return first, handle


async def without_effect(night: Night) -> Handles:
    night.world.watched["watch_health"] = sights.FAILING
    handle = await night.fire(await night.alert())
    await night.until(handle, "escalated")
    await night.resolve(handle)
    await night.end(handle)
    return handle, night.steward()


async def blocked_after_three_failures(night: Night) -> Handles:
    night.world.works, night.world.process = False, sights.RUNNING
    for _ in range(4):
        handle = await night.fire(await night.alert())
        await night.until(handle, "escalated")
        await night.closes(handle)
    await night.steward().signal("unblock")
    return handle, night.steward()


async def self_recovered(night: Night) -> Handles:
    night.world.health, night.world.process = sights.HEALTHY, sights.RUNNING
    handle = await night.fire(await night.alert())
    await night.end(handle)
    return (handle,)


async def blind(night: Night) -> Handles:
    night.world.health, night.world.process = sights.BLIND, sights.UNSEEN_PROCESS
    night.world.broken_looks = {"read_logs"}
    handle = await night.fire(await night.alert())
    await night.until(handle, "escalated")
    await night.closes(handle)
    return (handle,)


async def suspended(night: Night) -> Handles:
    await suspend(night, by="ada", why="a migration")
    handle = await night.fire(await night.alert())
    await night.until(handle, "escalated")
    await resume(night, by="ada")
    await night.closes(handle)
    return handle, night.steward(), night.env.client.get_workflow_handle(CONTROL_ROOM_ID)


async def taken_over(night: Night) -> Handles:
    night.configure(alerts={"HighErrorRate": {"severity": "warning"}})
    await failing(heap=sights.GROWING_HEAP)(night)
    mild = await night.fire(await night.alert("HighErrorRate"))
    await night.until(mild, "awaiting approval")
    night.world.health, night.world.process = sights.REFUSED, sights.crashed(sights.LONG_AGO)
    await night.end(await night.fire(await night.alert()))
    await night.until(mild, "awaiting approval")
    await mild.signal("approve")
    await night.end(mild)
    return mild, night.steward()


async def queued(night: Night) -> Handles:
    first = await _asked(night)
    night.world.errors, night.world.heap = sights.MANY_ERRORS, sights.GROWING_HEAP
    second = await night.fire(await night.alert("HighErrorRate"))
    await night.env.sleep(timedelta(minutes=2))
    await first.signal("approve")
    await night.end(first)
    await night.end(second)
    return second, night.steward()


async def lost_outcome(night: Night) -> Handles:
    night.world.lost["start_service"] = 1
    handle = await night.fire(await night.alert())
    await night.end(handle)
    return handle, night.steward()


async def lost_rollback(night: Night) -> Handles:
    night.world.lost["roll_back"] = 1
    await deployed(_looping)(night)
    handle = await night.fire(await night.alert())
    await night.until(handle, "awaiting approval")
    await handle.signal("approve")
    await night.end(handle)
    return handle, night.steward()


async def _looping(night: Night) -> None:
    night.world.process = LOOPING


async def degraded_until_a_person_is_done(night: Night) -> Handles:
    await failing(providers=sights.PROVIDER_DOWN)(night)
    night.world.watched["watch_errors"] = sights.FAILING
    night.world.hold("watch_providers")
    handle = await night.fire(await night.alert("HighErrorRate"))
    await night.until(handle, "escalated")
    await night.closes(handle)
    return handle, night.steward()


async def resolved_from_the_start(night: Night) -> Handles:
    alert = await night.alert("DatabaseConnectionFailure", service="postgres")
    over = alert.model_copy(update={"status": AlertStatus.RESOLVED})
    night.world.database_process = sights.crashed(sights.LONG_AGO)
    handle = await night.fire(alert, start_signal="alert_changed", start_signal_args=[over])
    await night.end(handle)
    return (handle,)


async def any_alert(night: Night) -> Handles:
    handle = await night.fire(await night.alert("DiskSlow"))
    await night.until(handle, "escalated")
    await night.closes(handle)
    return (handle,)


async def unknown_service(night: Night) -> Handles:
    handle = await night.fire(await night.alert(service="nobody"))
    await night.until(handle, "escalated")
    await night.closes(handle)
    return (handle,)


OTHERS: tuple[Play, ...] = (
    approved_by_a_person,
    denied,
    expired_while_the_ladder_climbed,
    resolved_while_waiting,
    fires_again_while_closing,
    without_effect,
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
