"""The schedules of the application's own Temporal: paused or not and by whom, and how their runs ended.

Temporal tells whether a schedule is paused, and with which note. Who paused it and when stands in the
history of the workflow by which the server carries the schedule out, where it has one.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.schedule.v1 import SchedulePatch
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import (
    Client,
    ScheduleActionExecutionStartWorkflow,
    ScheduleDescription,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
)
from temporalio.service import RPCError, RPCStatusCode

from activities.app.failures import close_event, error_of, in_words_of
from activities.app.temporal import TemporalAway, connected, link_to_run
from activities.schedules.seen import ScheduledRun, ScheduleSeen, SchedulesSeen
from activities.support.redaction import clean
from models.actions.application import OUR_NOTE
from models.base import Duration, in_words
from models.evidence.evidence import Finding
from models.service.request import ServiceRequest
from models.service.surroundings import AppTemporal

NEWEST = 3
"""Runs of each schedule that are looked at."""
SERVERS_WORKFLOW = "temporal-sys-scheduler:"
_EVENTS = 200
"""Of that workflow, the newest that are searched for who paused it."""

_ENDED_FOR_A_REASON = (
    WorkflowExecutionStatus.FAILED,
    WorkflowExecutionStatus.TIMED_OUT,
    WorkflowExecutionStatus.TERMINATED,
)
_BY_THE_SERVER = re.compile(r"paused(,| due to) workflow ")
_NO_REASON = re.compile(
    r"(paused( (via|by|from|in) (the )?(\S{1,20} ){0,2}(sdk|cli|tctl|ui|api|console|client))?"
    r"|.?no reason provided.?|)\W*",
    re.IGNORECASE,
)
"""What clients write by themselves; who paused it and until when are a person's words."""


class LookAtSchedules(ServiceRequest):
    """All that the configuration names; together within this time."""

    within: Duration = timedelta(seconds=8)


class ScheduleActivities:
    """Connects for each look: the application's Temporal may come and go without the worker."""

    @activity.defn
    async def look_at_schedules(self, request: LookAtSchedules) -> SchedulesSeen:
        """Every configured schedule. Never raises for the trouble of the application's Temporal."""
        temporal, now = request.service.temporal, datetime.now(UTC)
        if temporal is None or not temporal.schedules:
            reason = f"no schedule is configured in `services.{request.service.name}.temporal.schedules`"
            return SchedulesSeen(reason=reason, observed_at=now)
        try:
            async with connected(temporal, request.within) as client:
                asked = (_schedule(client, temporal, name, now) for name in temporal.schedules)
                seen = tuple(await asyncio.gather(*asked))
                others = await _others(client) if not all(one.exists for one in seen) else ""
        except TemporalAway as away:
            return SchedulesSeen(reason=str(away), observed_at=now)
        finding, reason = _together(seen)
        return SchedulesSeen(finding=finding, reason=f"{reason}{others}", schedules=seen, observed_at=now)


async def _schedule(client: Client, temporal: AppTemporal, name: str, now: datetime) -> ScheduleSeen:
    try:
        told = await client.get_schedule_handle(name).describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return ScheduleSeen(name=name, exists=False)
    info, state = told.info, told.schedule.state
    recent = sorted(info.recent_actions, key=lambda one: one.started_at, reverse=True)
    runs = await asyncio.gather(
        *(
            _run(client, temporal, one.action, one.started_at)
            for one in recent[:NEWEST]
            if isinstance(one.action, ScheduleActionExecutionStartWorkflow)
        )
    )
    by, at = await _who_paused(client, name) if state.paused else ("", None)
    coming = next(iter(info.next_action_times), None)
    seen = ScheduleSeen(
        name=name,
        paused=state.paused,
        note=clean(state.note or "", 300),
        paused_by=by,
        paused_at=at,
        created_at=info.created_at,
        last_at=recent[0].started_at if recent else None,
        next_at=coming,
        started=info.num_actions,
        stuck=any(one.running and now - one.started_at > temporal.run_takes for one in runs[:1]),
        ended=not state.paused and _has_ended(told),
        runs=tuple(runs),
    )
    return seen.model_copy(update={"on_purpose": _on_purpose(seen, temporal, now)}) if seen.paused else seen


def _has_ended(told: ScheduleDescription) -> bool:
    state = told.schedule.state
    return not told.info.next_action_times or (state.limited_actions and state.remaining_actions <= 0)


def _on_purpose(seen: ScheduleSeen, temporal: AppTemporal, now: datetime) -> str:
    """Why somebody is taken to have meant the pause: an incident, a reason in its note, or it is recent."""
    if seen.note.startswith(OUR_NOTE):
        return "another incident paused it"
    if _BY_THE_SERVER.match(seen.note):
        return ""
    if not _NO_REASON.fullmatch(seen.note):
        return "its note gives a reason"
    # It cannot have been paused before it last ran.
    since = seen.paused_at or seen.last_at or seen.created_at
    if since is not None and now - since < temporal.paused_recently:
        return f"it was paused less than {in_words(temporal.paused_recently)} ago"
    return ""


async def _who_paused(client: Client, name: str) -> tuple[str, datetime | None]:
    """The client's identity and the time; nothing where the server keeps no such history."""
    request = GetWorkflowExecutionHistoryReverseRequest(
        namespace=client.namespace,
        execution=WorkflowExecution(workflow_id=f"{SERVERS_WORKFLOW}{name}"),
        maximum_page_size=_EVENTS,
    )
    try:
        told = await client.workflow_service.get_workflow_execution_history_reverse(request)
    except RPCError:
        return "", None
    for event in told.history.events:
        signal = event.workflow_execution_signaled_event_attributes
        pauses = signal.signal_name == "update" or any(
            _pauses(payload.data) for payload in signal.input.payloads if signal.signal_name == "patch"
        )
        if event.HasField("workflow_execution_signaled_event_attributes") and pauses:
            return clean(signal.identity, 120), event.event_time.ToDatetime(UTC)
    return "", None


def _pauses(patch: bytes) -> bool:
    try:
        return bool(SchedulePatch.FromString(patch).pause)
    except ValueError:  # of a later server, or encrypted
        return False


async def _run(
    client: Client, temporal: AppTemporal, one: ScheduleActionExecutionStartWorkflow, started_at: datetime
) -> ScheduledRun:
    run = ScheduledRun(
        workflow_id=clean(one.workflow_id, 200),
        run_id=one.first_execution_run_id,
        started_at=started_at,
        status="",
        link=link_to_run(temporal, one.workflow_id, one.first_execution_run_id),
    )
    try:
        handle = client.get_workflow_handle(one.workflow_id, run_id=one.first_execution_run_id)
        told = await handle.describe()
        status = told.status.name.lower().replace("_", " ") if told.status else ""
        error, attempts = "", 0
        if told.status in _ENDED_FOR_A_REASON:
            error = error_of(await close_event(client, one.workflow_id, one.first_execution_run_id))
        elif told.status is WorkflowExecutionStatus.RUNNING:
            error, attempts = _tried_again(told)
    except RPCError:  # it is older than the namespace keeps
        return run
    change = {"status": status, "closed_at": told.close_time, "error": error, "attempts": attempts}
    return run.model_copy(update=change)


def _tried_again(told: WorkflowExecutionDescription) -> tuple[str, int]:
    """Why the activity that was tried most often failed last."""
    pending = told.raw_description.pending_activities
    worst = max(pending, key=lambda one: one.attempt, default=None)
    if worst is None:
        return "", 0
    failure = in_words_of(worst.last_failure) if worst.HasField("last_failure") else ""
    return failure, worst.attempt


def _together(seen: Sequence[ScheduleSeen]) -> tuple[Finding, str]:
    bad = [one for one in seen if one.paused or one.ended or one.stuck]
    bad += [one for one in seen if one not in bad and one.newest and one.newest.failed]
    if bad:
        return Finding.BAD, "; ".join(one.says for one in bad)
    missing = [one for one in seen if not one.exists]
    if missing:
        return Finding.UNKNOWN, "; ".join(one.says for one in missing)
    return Finding.OK, "; ".join(one.says for one in seen)


async def _others(client: Client) -> str:
    """The schedules that there are, for the person who corrects the configuration."""
    names = [one.id async for one in await client.list_schedules(page_size=5)]
    return f" (there are {clean(', '.join(names[:5]), 160)})" if names else " (there is none)"
