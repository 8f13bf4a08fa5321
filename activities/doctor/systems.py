"""The monitoring systems and the application's own, asked as the runbooks ask them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from activities.app.api import AppApi
from activities.app.open_executions import OpenExecutionActivities, OpenExecutions
from activities.app.products import ProductActivities
from activities.doctor.clocks import judged
from activities.monitoring.costs import CostActivities, LookAtCosts
from activities.monitoring.memory import LookAtMemory, MemoryActivities
from activities.monitoring.prometheus import Prometheus
from activities.monitoring.sentry import SentryActivities, TopIssues
from activities.schedules.schedules import LookAtSchedules, ScheduleActivities
from activities.stack.monitoring import MonitoringActivities
from activities.support.http import NoAnswer, ask
from models.checks.item import ItemResult, ItemState
from models.configuration.configuration import Configuration
from models.configuration.processes import Systems
from models.examined import Check, Kind
from models.service.service import Service

WITHIN = timedelta(seconds=3)


def addresses_of(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Each Prometheus once, with the key that names it."""
    seen: set[str] = set()
    places = [("systems.prometheus", configuration.systems.prometheus)]
    places += [
        (f"services.{name}.metrics.prometheus", one.metrics.prometheus)
        for name, one in configuration.services.items()
        if one.metrics
    ]
    for place, address in places:
        if address and address not in seen:
            seen.add(address)
            yield place, address


async def check_prometheus(place: str, address: str, http: httpx.AsyncClient) -> list[Check]:
    """It is ready, is a Prometheus, and its clock is that of the process that asks."""
    name = "Prometheus" if place.startswith("systems") else f"Prometheus at {address}"
    try:
        answer = await ask(http, f"{address}/-/ready", within=WITHIN, limit=0)
    except NoAnswer as error:
        cure = f"start it, or correct {place}"
        return [Check(name=name, ok=False, problem=error.reason, cure=cure)]
    if not answer.good:
        problem = f"{address}/-/ready answers {answer.status}"
        cure = f"is {place} the address of a Prometheus?"
        if answer.status in (401, 403):
            cure = "write what it asks for under systems.access"
        return [Check(name=name, ok=False, problem=problem, cure=cure)]
    checks = [Check(name=name, ok=True)]
    try:
        theirs = parsedate_to_datetime(answer.date).astimezone(UTC)
    except ValueError:  # it tells no time
        return checks
    return [*checks, judged(f"clock of {name}", theirs - datetime.now(UTC))]


async def check_monitoring(systems: Systems, http: httpx.AsyncClient) -> list[Check]:
    """Alertmanager and Grafana, by their own interfaces."""
    looks = MonitoringActivities(http)
    found = [_monitored("Alertmanager", await looks.look_at_alertmanager(systems))]
    if systems.prometheus is None:
        cure = "set systems.prometheus"
        found.append(Check(name="Prometheus", ok=False, problem="not configured", cure=cure, optional=True))
    if systems.grafana:
        found.append(_monitored("Grafana", await looks.look_at_grafana(systems)))
    return found


def _monitored(name: str, seen: ItemResult) -> Check:
    place = f"systems.{name.lower()}"
    if seen.state in (ItemState.OK, ItemState.ATTENTION):
        return Check(name=name, ok=True)
    if seen.observed_at is None:
        return Check(name=name, ok=False, problem="not configured", cure=f"set {place}", optional=True)
    cure = f"start it, or correct {place}"
    return Check(name=name, ok=False, problem=seen.reason, cure=cure, optional=name == "Grafana")


async def check_sentry(service: Service, http: httpx.AsyncClient) -> Check:
    """Its issues can be read with the token."""
    seen = await SentryActivities(http).top_issues(TopIssues(service=service))
    problem = seen.reason if seen.unknown else ""
    cure = f"correct services.{service.name}.sentry, or its token" if problem else ""
    name = f"Sentry of {service.name}"
    return Check(name=name, ok=not problem, problem=problem, cure=cure, optional=True)


async def check_api(service: Service, http: httpx.AsyncClient) -> Check:
    """One look at the application's own API; without it the business runbooks cannot verify their alerts."""
    seen = await ProductActivities(AppApi(http)).look_at_last_sync(service)
    problem = seen.reason if seen.unknown else ""
    return Check(name=f"API of {service.name}", ok=not problem, problem=problem, optional=True)


async def check_temporal_of(service: Service) -> Check:
    """The application's own Temporal answers."""
    seen = await OpenExecutionActivities().open_executions(OpenExecutions(service=service, most=1))
    problem = seen.reason if seen.unknown else ""
    cure = f"start it, or correct services.{service.name}.temporal" if problem else ""
    name = f"Temporal of {service.name}"
    return Check(name=name, ok=not problem, problem=problem, cure=cure, optional=True)


async def check_schedules(service: Service) -> Check:
    """Whether the configured schedules are there; a paused one is no mistake of the configuration."""
    seen = await ScheduleActivities().look_at_schedules(LookAtSchedules(service=service, within=WITHIN))
    problem = seen.reason if seen.unknown else ""
    cure = f"correct services.{service.name}.temporal" if problem else ""
    name = f"schedules of {service.name}"
    return Check(name=name, ok=not problem, problem=problem, cure=cure, optional=True)


async def check_costs(service: Service, time_zone: str, http: httpx.AsyncClient) -> Check:
    """Whether its spend is known, and its settings can be changed."""
    name = f"costs of {service.name}"
    seen = await CostActivities(Prometheus(http)).look_at_costs(
        LookAtCosts(service=service, time_zone=time_zone)
    )
    if seen.unknown:
        cure = f"correct services.{service.name}.costs, or have the metric scraped"
        return Check(name=name, ok=False, problem=seen.reason, cure=cure, optional=True)
    if service.env_file is None:
        problem, cure = "no setting can be changed to save", f"set services.{service.name}.env_file"
        kind = Kind.MISTAKE
        return Check(name=name, ok=False, problem=problem, cure=cure, kind=kind, optional=True)
    return Check(name=name, ok=True)


async def check_heap(service: Service, http: httpx.AsyncClient) -> Check:
    """Whether the heap is known, as a share of its limit."""
    seen = await MemoryActivities(Prometheus(http)).look_at_memory(LookAtMemory(service=service))
    problem = seen.reason if seen.unknown else ""
    cure = f"correct services.{service.name}.metrics.heap" if problem else ""
    return Check(name=f"heap of {service.name}", ok=not problem, problem=problem, cure=cure, optional=True)
