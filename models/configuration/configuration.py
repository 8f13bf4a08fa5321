"""`runbooks.yaml` as a value: everything that an operator decides, checked as a whole.

The fields check one part each; `_mistakes` checks that the parts agree. A `Configuration` that
exists is valid.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PrivateAttr, TypeAdapter, ValidationInfo, model_validator

from models.actions.kinds import kinds
from models.base import Configured, Duration, Interval
from models.configuration.alert_rule import ANY_TOPIC, AlertRule, Risks, mistakes_of_answers
from models.configuration.channels import ChannelConfig, PagerDutyChannel, mistakes_of_people
from models.configuration.check_mistakes import mistakes_of_checks
from models.configuration.checks import Checks
from models.configuration.consistency import Inconsistent, Mistake, Place, cycles, doubled_aliases, unknown
from models.configuration.processes import (
    Directories,
    Heartbeat,
    IntakeSettings,
    Systems,
    TemporalLinks,
    WorkerSettings,
)
from models.configuration.store import StoreSettings
from models.incident.policy import ApprovalPolicy
from models.names import (
    ANY_ALERT,
    CONFIGURED_ANSWER,
    UNKNOWN_SERVICE,
    AlertName,
    ServiceName,
    Severity,
    severity_said,
)
from models.service.clean_up_places import not_to_be_cleaned_up
from models.service.service import Service
from models.zone import Zone

USUAL_LABELS = ("service", "job", "app")
"""The first of them that an alert carries names its service, unless `service_labels` says otherwise."""

SERVICE_NAME: TypeAdapter[str] = TypeAdapter(ServiceName)


_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_UNFIT = re.compile(r"[^a-z0-9._-]+")
_LONGEST_SLUG = 54
"""A service's name has 63 characters; a hyphen and the digits of a hash follow the slug."""


class ConfiguredRung(Configured):
    """One role of a row of the escalation matrix."""

    role: str
    after: Duration | None = None
    """From `startsAt`. By default its place in the row times the deadline: at once, then the
    deadline, then twice the deadline."""


def _rung(value: Any) -> Any:
    return {"role": value} if isinstance(value, str) else value


Row = tuple[Annotated[ConfiguredRung, BeforeValidator(_rung)], ...]


class Configuration(Configured):
    """The whole file. Every name in it refers to something that exists."""

    services: dict[ServiceName, Service] = Field(default_factory=dict)
    service_labels: tuple[str, ...] = USUAL_LABELS
    """Labels that may name the service. The first that an alert carries decides."""
    alerts: dict[AlertName, AlertRule] = Field(default_factory=dict)
    """By the name of the alert, as it stands in the ID of its incident."""
    runbooks: tuple[str, ...] = ()
    """Packages of your own with runbooks, by the names of their modules; loaded when a process starts."""
    risks: Risks = Field(default_factory=dict)
    escalation: dict[str, Row] = Field(default_factory=dict)
    """The matrix: topic to roles, lowest rung first."""
    contacts: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Role to channels; the first that takes the message ends the search."""
    specialists: dict[str, str] = Field(default_factory=dict)
    """Topic to the role that is paged at once when it is found."""
    broadcast: tuple[str, ...] = ()
    """Channels that hear of every rung."""
    ask_again_after: Interval = timedelta(minutes=30)
    reach_within: Duration = timedelta(minutes=1)
    """So long the channels of a role are tried again before the next rung is paged."""
    page_after: Duration = timedelta(minutes=1)
    """So long the first role is not paged for what may be repaired by itself."""
    time_zone: Zone = "UTC"
    """Where days begin: when a daily budget is reset, and what a day is in a report."""
    channels: dict[str, ChannelConfig] = Field(default_factory=dict)
    approvals: ApprovalPolicy = ApprovalPolicy()
    systems: Systems = Systems()
    intake: IntakeSettings = IntakeSettings()
    temporal: TemporalLinks = TemporalLinks()
    worker: WorkerSettings = WorkerSettings()
    heartbeat: Heartbeat | None = None
    """Without it none is sent."""
    directories: Directories = Directories()
    store: StoreSettings = StoreSettings()
    checks: Checks = Checks()
    dry_run: bool = False
    """Whether all that would be done is recorded, and not done."""
    _runbooks: frozenset[str] = PrivateAttr(frozenset({ANY_ALERT}))

    @classmethod
    def of(cls, content: Any, runbooks: Collection[str]) -> Configuration:
        """The content of a file, for a product that has these runbooks, by their workflow types.

        Raises pydantic's `ValidationError`. Without this, `AnyAlert` is the only runbook.
        """
        return cls.model_validate(content, context=frozenset(runbooks))

    @model_validator(mode="before")
    @classmethod
    def _name_services(cls, value: Any) -> Any:
        """A service is named by its key, so that the name is written once."""
        services = value.get("services") if isinstance(value, dict) else None
        if not isinstance(services, dict):
            return value
        named = {
            key: {**entry, "name": entry.get("name", key)} if isinstance(entry, dict) else entry
            for key, entry in services.items()
        }
        return {**value, "services": named}

    @model_validator(mode="after")
    def _is_consistent(self, info: ValidationInfo) -> Configuration:
        if info.context is not None:
            self._runbooks = info.context
        if mistakes := self._mistakes():
            raise Inconsistent(mistakes)
        return self

    def rule(self, alert_name: str) -> AlertRule:
        """The rule of an alert name; the default one for a name that is not configured."""
        return self.alerts.get(alert_name) or AlertRule()

    def severity_for(self, alert_name: str, labels: Mapping[str, str]) -> Severity:
        """The severity of the rule, else the alert's own, else warning."""
        return self.rule(alert_name).severity or severity_said(labels)

    def runbook_for(self, alert_name: str) -> str:
        """The workflow type that an alert name goes to. Nothing is dropped: `AnyAlert` takes the rest."""
        if alert_name not in self.alerts:
            return ANY_ALERT
        if self.alerts[alert_name].answer is not None:
            return CONFIGURED_ANSWER
        return self.alerts[alert_name].runbook or (alert_name if alert_name in self._runbooks else ANY_ALERT)

    def service_named(self, alert_name: str, labels: Mapping[str, str]) -> str:
        """The service that an alert is about, by its labels.

        The first of `service_labels` that the alert carries decides, even when its value is no
        service: an unknown service is escalated under its own name, never guessed. Only an alert
        without any of these labels falls back to the service of its rule.
        """
        value = self.service_label(labels)
        if value is None:
            return self.rule(alert_name).service or UNKNOWN_SERVICE
        if value in self.services:
            return value
        for name, service in self.services.items():
            if value in service.aliases:
                return name
        try:
            return SERVICE_NAME.validate_python(value)
        except ValueError:
            return _name_for(value)

    def service_label(self, labels: Mapping[str, str]) -> str | None:
        """The value by which the labels of an alert name a service; None when none of them does."""
        return next((labels[label] for label in self.service_labels if labels.get(label)), None)

    def dependencies_of(self, name: str) -> tuple[Service, ...]:
        """Everything that a service needs, directly or not, the nearest first."""
        found: dict[str, Service] = {}
        nearest = list(self.services[name].depends_on)
        while nearest:
            found |= {one: self.services[one] for one in nearest if one not in found}
            nearest = list(dict.fromkeys(two for one in nearest for two in self.services[one].depends_on))
        return tuple(found.values())

    def dependents_of(self, name: str) -> tuple[Service, ...]:
        """The services that need this one directly, in the order of the file."""
        return tuple(one for one in self.services.values() if name in one.depends_on)

    def _mistakes(self) -> tuple[Mistake, ...]:
        """Every name that refers to nothing, and every circular dependency, with its place in the file."""
        return (
            *self._mistakes_of_services(),
            *self._mistakes_of_alerts(),
            *mistakes_of_answers(self.alerts),
            *self._mistakes_of_people(),
            *mistakes_of_checks(self.checks, self.alerts, self.services),
            *(
                Mistake(("services", name, "clean_up", "directory"), why)
                for name, why in not_to_be_cleaned_up(self.services, self._kept())
            ),
            *self._mistakes_of_heartbeat(),
            *mistakes_of_people(self.channels, self.broadcast, self.approvals.approvers, self.intake),
        )

    def _kept(self) -> tuple[str, ...]:
        """Directories whose files are never to be cleaned up."""
        own = self.directories
        backups = (one.directory for one in self.checks.backups)
        return (own.state, own.reviews, *((own.checks,) if own.checks else ()), *backups)

    def _mistakes_of_heartbeat(self) -> tuple[Mistake, ...]:
        if self.heartbeat is None or self.systems.alertmanager is not None:
            return ()
        return (Mistake(("heartbeat",), "there is nobody to send it to: set systems.alertmanager"),)

    def _mistakes_of_services(self) -> list[Mistake]:
        found: list[Mistake] = []
        for name, service in self.services.items():
            at = ("services", name)
            if service.name != name:
                found.append(Mistake((*at, "name"), f"the service is named {name!r} by its key: remove this"))
            for i, provider in enumerate(service.videos.providers if service.videos else ()):
                place = (*at, "videos", "providers", i)
                found += unknown(place, "provider of this service", provider, service.providers)
            for i, needed in enumerate(service.depends_on):
                found += unknown((*at, "depends_on", i), "service", needed, self.services)
        needs = {name: service.depends_on for name, service in self.services.items()}
        names = {name: service.aliases for name, service in self.services.items()}
        return [*found, *cycles(needs), *doubled_aliases(names)]

    def _mistakes_of_alerts(self) -> list[Mistake]:
        found: list[Mistake] = []
        for name, rule in self.alerts.items():
            at = ("alerts", name)
            if rule.runbook is not None:
                found += unknown((*at, "runbook"), "runbook", rule.runbook, self._runbooks)
            if rule.service is not None:
                found += unknown((*at, "service"), "service", rule.service, self.services)
            if rule.topic != ANY_TOPIC:
                found += unknown((*at, "topic"), "row of escalation", rule.topic, self.escalation)
            for kind in rule.risks:
                found += unknown((*at, "risks", kind), "kind of action", kind, kinds())
        for kind in self.risks:
            found += unknown(("risks", kind), "kind of action", kind, kinds())
        return found

    def _mistakes_of_people(self) -> list[Mistake]:
        found: list[Mistake] = []
        if self.escalation and ANY_TOPIC not in self.escalation:
            text = f"the row {ANY_TOPIC!r} is missing, so some alerts would page nobody: add it"
            found.append(Mistake(("escalation",), text))
        for topic, row in self.escalation.items():
            for i, rung in enumerate(row):
                found += _lost(("escalation", topic, i), "role of contacts", rung.role, self.contacts)
        for topic, role in self.specialists.items():
            found += _lost(("specialists", topic), "role of contacts", role, self.contacts)
        for role, channels in self.contacts.items():
            for i, channel in enumerate(channels):
                found += _lost(("contacts", role, i), "channel", channel, self.channels)
        for name, one in self.channels.items():
            for role in one.routing_keys if isinstance(one, PagerDutyChannel) else ():
                found += _lost(
                    ("channels", name, "routing_keys", role), "role of contacts", role, self.contacts
                )
        for i, channel in enumerate(self.broadcast):
            found += _lost(("broadcast", i), "channel", channel, self.channels)
        for i, channel in enumerate(self.checks.tell):
            found += _lost(("checks", "tell", i), "channel", channel, self.channels)
        return found


def _lost(place: Place, what: str, name: str, known: Collection[str]) -> list[Mistake]:
    """As `unknown`, but what does not look like a name is not repeated: it may be a pasted address."""
    if name in known or _NAME.fullmatch(name):
        return unknown(place, what, name, known)
    return [Mistake(place, f"there is no such {what}; known: {', '.join(sorted(known)) or 'none yet'}")]


def _name_for(value: str) -> str:
    """A valid name for a label value that is none: similar to it, unique by a hash, always the same."""
    slug = _UNFIT.sub("-", value.lower()).lstrip("._-")[:_LONGEST_SLUG].rstrip("._-")
    digits = hashlib.sha256(value.encode(errors="backslashreplace")).hexdigest()[:8]
    return f"{slug or UNKNOWN_SERVICE}-{digits}"
