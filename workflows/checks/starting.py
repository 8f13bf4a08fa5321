"""What a bad item begins, where the configuration says so: the runbook of an alert, for each service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.incidents.starting import StartIncidentActivities
    from models.checks.item import Item, ItemState, StartedRunbook, StartRunbook
    from models.names import incident_id
    from workflows.record.failures import in_short

MOST_STARTED = 20
"""By one run of a check: what is wrong with more services at once has one cause, and a person looks first."""


async def with_runbooks(items: Sequence[Item], start: Mapping[str, str], check: str) -> tuple[Item, ...]:
    """The items, each with what was begun because of it. Nothing is begun for what is not known."""
    asked: dict[str, StartedRunbook] = {}
    return tuple([await _with_its_own(one, start.get(one.kind, ""), check, asked) for one in items])


async def _with_its_own(item: Item, alert: str, check: str, asked: dict[str, StartedRunbook]) -> Item:
    if not alert or item.found.state is not ItemState.BAD:
        return item
    answers = [await _start(item, alert, service, check, asked) for service in item.found.services]
    said = [f"{one.incident} was not started: {one.why_not}" for one in answers if one.why_not]
    said += [f"{one.incident} is open already" for one in answers if one.open_already]
    if not answers:
        said = [f"no {alert} was started, for no service of the configuration is named by it"]
    details = (*item.found.details, *said)
    return item.model_copy(
        update={
            "started": tuple(one.incident for one in answers if one.started),
            "open_already": tuple(one.incident for one in answers if one.open_already),
            "found": item.found.model_copy(update={"details": details}),
        }
    )


async def _start(
    item: Item, alert: str, service: str, check: str, asked: dict[str, StartedRunbook]
) -> StartedRunbook:
    """As `starter.py fire` would; an incident that two items name is asked for once."""
    incident = incident_id(alert, service)
    if before := asked.get(incident):
        is_open = before.started or before.open_already
        return before.model_copy(update={"started": False, "open_already": is_open})
    if sum(one.started for one in asked.values()) >= MOST_STARTED:
        return StartedRunbook(incident=incident, why_not=f"this check has started {MOST_STARTED} already")
    wanted = StartRunbook(
        alert=alert,
        service=service,
        because=f"{item.name}: {item.found.reason}",
        key=f"{workflow.info().run_id} {item.name}",
        by=f"check/{check}",
    )
    try:
        answer: StartedRunbook = await workflow.execute_activity_method(
            StartIncidentActivities.start_incident,
            wanted,
            start_to_close_timeout=timedelta(seconds=20),
            schedule_to_close_timeout=timedelta(minutes=1),
            retry_policy=RetryPolicy(maximum_attempts=3),
            summary=f"start {incident}",
        )
    except FailureError as error:
        if is_cancelled_exception(error):
            raise
        answer = StartedRunbook(incident=incident, why_not=in_short(error))
    asked[incident] = answer
    return answer
