"""The policy of one incident: what `runbooks.yaml` says about it, as of now.

A run takes it once, when it begins, so that an edit of the file never changes an incident that
is open. What an alert carries picks among the names of the configuration, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities.incidents.addresses import addresses_of
from activities.incidents.control_room import read_control_room
from models.actions.change import Risk
from models.answers.answer import Answer
from models.configuration.alert_rule import AlertRule
from models.configuration.channels import EDITED, person_of
from models.configuration.configuration import Configuration, Row
from models.incident.alert import Alert
from models.incident.policy import RESPOND_WITHIN, Ladder, Policy, Rung, Urgency
from models.incident.stewardship import ControlRoomState
from models.names import Severity
from models.service.service import Service


class PolicyActivities:
    """Builds policies from the current configuration."""

    def __init__(self, configuration: Callable[[], Configuration], client: Client) -> None:
        self._configuration = configuration
        self._client = client

    @activity.defn
    async def take_policy(self, alert: Alert) -> Policy:
        """Targets, thresholds, deadlines, ladder and risk for this alert.

        Has no `service` if the configuration does not know it: such an alert is escalated and
        nothing is touched. The configuration is read in a thread: it may read the file again.
        """
        configuration, room = await asyncio.gather(
            asyncio.to_thread(self._configuration), self._control_room()
        )
        policy = policy_for(alert, configuration)
        return policy.model_copy(update={"control_room": room.about(alert.name, alert.service)})

    async def _control_room(self) -> ControlRoomState:
        """What pauses the incident; one that cannot be read pauses nothing: the steward asks it again."""
        try:
            return await read_control_room(self._client)
        except (RPCError, RuntimeError):  # the SDK connects with a RuntimeError
            return ControlRoomState()


def policy_for(alert: Alert, configuration: Configuration) -> Policy:
    """The policy of an alert under one configuration."""
    rule = configuration.rule(alert.name)
    severity = configuration.severity_for(alert.name, alert.labels)
    deadline = deadline_of(rule, severity)
    service = _service(alert.service, configuration)
    return Policy(
        runbook=configuration.runbook_for(alert.name),
        severity=severity,
        respond_within=deadline,
        service=service,
        service_by_default=service is not None and alert.named_by_rule,
        dependencies=_beside(configuration.dependencies_of, service, configuration),
        dependents=_beside(configuration.dependents_of, service, configuration),
        thresholds=rule.thresholds,
        risks={**configuration.risks, **rule.risks, **risk_of(rule.answer)},
        answer=rule.answer.filled(alert.name, service) if rule.answer and service else None,
        approval=configuration.approvals,
        ladder=ladder_for(rule, deadline, configuration, quiet_at(severity, deadline)),
        time_zone=configuration.time_zone,
        alertmanager=configuration.systems.alertmanager,
        links=links_for(rule, service, configuration),
        addresses=addresses_of(configuration),
        higher=higher_for(rule, severity, configuration),
        dry_run=why_dry_run(alert, rule, configuration),
    )


def risk_of(answer: Answer | None) -> dict[str, Risk]:
    """Of the one action of a configured answer, where it says so."""
    return {answer.kind: answer.risk} if answer and answer.risk else {}


def why_dry_run(alert: Alert, rule: AlertRule, configuration: Configuration) -> str:
    """Where it is said that what would be done is only recorded, the widest first; empty where nowhere."""
    service = configuration.services.get(alert.service)
    said = {
        "dry_run: true": configuration.dry_run,
        f"services.{alert.service}.dry_run: true": service is not None and service.dry_run,
        f"alerts.{alert.name}.dry_run: true": rule.dry_run,
        f"asked for by {alert.fired_by or alert.source}": alert.dry_run,
    }
    return next((place for place, is_dry in said.items() if is_dry), "")


def higher_for(rule: AlertRule, severity: Severity, configuration: Configuration) -> dict[Severity, Urgency]:
    """What each higher severity decides; none where the rule fixes the severity."""
    higher = [one for one in Severity if one.rank < severity.rank and rule.severity is None]
    deadlines = {one: deadline_of(rule, one) for one in higher}
    return {
        one: Urgency(respond_within=deadline, ladder=ladder_for(rule, deadline, configuration))
        for one, deadline in deadlines.items()
    }


def deadline_of(rule: AlertRule, severity: Severity) -> timedelta:
    """How soon somebody must respond, from the alert's `startsAt`."""
    return rule.respond_within or RESPOND_WITHIN[severity]


def quiet_at(severity: Severity, deadline: timedelta) -> timedelta:
    """What is only for information pages nobody at once: the first role when half of its time is over."""
    return deadline / 2 if severity is Severity.INFO else timedelta()


def ladder_for(
    rule: AlertRule, deadline: timedelta, configuration: Configuration, quiet_for: timedelta = timedelta()
) -> Ladder:
    """The row of the alert's topic as rungs, and the specialists beside it."""
    row = configuration.escalation.get(rule.topic, ())
    return Ladder(
        rungs=rungs_of(row, deadline, configuration, quiet_for),
        broadcast=configuration.broadcast,
        specialists={
            topic: _rung(role, timedelta(0), configuration)
            for topic, role in configuration.specialists.items()
        },
        ask_again_after=configuration.ask_again_after,
        reach_within=configuration.reach_within,
        page_after=configuration.page_after if rule.page_after is None else rule.page_after,
        quiet_for=quiet_for,
        edited=tuple(name for name, one in configuration.channels.items() if isinstance(one, EDITED)),
    )


def rungs_of(
    row: Row, deadline: timedelta, configuration: Configuration, quiet_for: timedelta = timedelta()
) -> tuple[Rung, ...]:
    """The rungs of a row, lowest first.

    A role without `after` is paged at its place in the row times the deadline: the first at once, the
    second after the deadline, the third after twice the deadline; all of them later by `quiet_for`.
    """
    rungs = (
        _rung(one.role, quiet_for + place * deadline if one.after is None else one.after, configuration)
        for place, one in enumerate(row)
    )
    return tuple(sorted(rungs, key=lambda rung: rung.after))


def links_for(rule: AlertRule, service: Service | None, configuration: Configuration) -> dict[str, str]:
    """Links for people: the monitoring, then the service's links, then the alert's own."""
    systems = configuration.systems.model_dump(exclude_none=True, exclude={"access"})
    return {**systems, **(service.links if service else {}), **rule.links}


def _service(name: str, configuration: Configuration) -> Service | None:
    """The service as it is configured, and a dry run where the whole fleet is one."""
    service = configuration.services.get(name)
    if service is None or not configuration.dry_run:
        return service
    return service.model_copy(update={"dry_run": True})


def _beside(
    which: Callable[[str], tuple[Service, ...]], service: Service | None, configuration: Configuration
) -> tuple[Service, ...]:
    """The services beside this one, each as `_service` has it."""
    found = (_service(one.name, configuration) for one in (which(service.name) if service else ()))
    return tuple(one for one in found if one)


def _rung(role: str, after: timedelta, configuration: Configuration) -> Rung:
    channels = configuration.contacts.get(role, ())
    people = (person_of(configuration.channels.get(one)) for one in channels)
    return Rung(role=role, after=after, channels=channels, person=next(filter(None, people), ""))
