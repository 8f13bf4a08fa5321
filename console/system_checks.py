"""The checks of `doctor`: one for each system in the configuration. Read-only, and bounded in time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import closing
from datetime import timedelta
from typing import Any

import httpx
from docker.errors import DockerException

from activities.app.api import AppApi
from activities.app.products import ProductActivities
from activities.files.diagnostic import why_not
from activities.monitoring.costs import CostActivities, LookAtCosts
from activities.monitoring.memory import LookAtMemory, MemoryActivities
from activities.monitoring.prometheus import Prometheus
from activities.postgres.check import PostgresActivities
from activities.schedules.schedules import LookAtSchedules, ScheduleActivities
from activities.support.docker_client import docker_client
from activities.support.http import NoAnswer, ask
from activities.support.secrets import SecretMissing, resolve
from models.base import Model
from models.configuration.configuration import Configuration
from models.service.secret import SecretRef
from models.service.service import DockerManager, Service, SupervisordManager
from runtime.readiness import Check

WITHIN = 3


def system_checks(configuration: Configuration, http: httpx.AsyncClient) -> list[Coroutine[Any, Any, Check]]:
    """The checks of everything that the configuration uses."""
    services = configuration.services.values()
    looks: list[Coroutine[Any, Any, Check]] = []
    if any(isinstance(service.manager, DockerManager) and not service.host for service in services):
        looks.append(asyncio.to_thread(_docker))
    sockets = {s.manager.socket for s in services if isinstance(s.manager, SupervisordManager) and not s.host}
    looks += [_supervisord(path) for path in sorted(sockets)]
    looks += [check_postgres(service) for service in services if service.database]
    looks += [check_api(service, http) for service in services if service.api]
    looks += [check_schedules(s) for s in services if s.temporal and s.temporal.schedules]
    looks += [check_costs(service, configuration.time_zone, http) for service in services if service.costs]
    looks += [check_heap(service, http) for service in services if service.metrics]
    looks += [asyncio.to_thread(check_diagnostic, s) for s in services if s.diagnostic and not s.host]
    systems = configuration.systems
    for name, address in (("Prometheus", systems.prometheus), ("Alertmanager", systems.alertmanager)):
        looks.append(_ready(name, address, http))
    looks += [_secret("the intake's token", configuration.intake.token)] if configuration.intake.token else []
    for name, channel in configuration.channels.items():
        looks += [_secret(f"channel {name}", ref, optional=True) for ref in _secrets_of(channel)]
    return looks


def _docker() -> Check:
    name = "Docker engine"
    try:
        with closing(docker_client(None, WITHIN)) as engine:
            engine.ping()
    except (DockerException, OSError) as error:
        cure = "start it, set DOCKER_HOST, or give this user the right to use its socket"
        return Check(name=name, ok=False, problem=_first(error), cure=cure)
    return Check(name=name, ok=True)


async def _supervisord(path: str) -> Check:
    name = f"supervisord at {path}"
    try:
        async with asyncio.timeout(WITHIN):
            _, writer = await asyncio.open_unix_connection(path)
        writer.close()
    except (OSError, TimeoutError) as error:
        return Check(
            name=name,
            ok=False,
            problem=_first(error),
            cure="start it, or correct manager.socket in the configuration",
        )
    return Check(name=name, ok=True)


async def check_postgres(service: Service) -> Check:
    """The same check as the worker's."""
    seen = await PostgresActivities().check_database(service)
    return Check(name=f"PostgreSQL of {service.name}", ok=seen.ok, problem="" if seen.ok else seen.reason)


async def check_api(service: Service, http: httpx.AsyncClient) -> Check:
    """One look at the application's own API; without it the business runbooks cannot verify their alerts."""
    seen = await ProductActivities(AppApi(http)).look_at_last_sync(service)
    problem = seen.reason if seen.unknown else ""
    return Check(name=f"API of {service.name}", ok=not problem, problem=problem, optional=True)


async def check_schedules(service: Service) -> Check:
    """Whether the configured schedules are there; a paused one is no mistake of the configuration."""
    request = LookAtSchedules(service=service, within=timedelta(seconds=WITHIN))
    seen = await ScheduleActivities().look_at_schedules(request)
    problem = seen.reason if seen.unknown else ""
    cure = f"correct services.{service.name}.temporal" if problem else ""
    name = f"schedules of {service.name}"
    return Check(name=name, ok=not problem, problem=problem, cure=cure, optional=True)


async def check_costs(service: Service, time_zone: str, http: httpx.AsyncClient) -> Check:
    """Whether its spend is known, and its settings can be changed: the same look as the worker's."""
    name = f"costs of {service.name}"
    seen = await CostActivities(Prometheus(http)).look_at_costs(
        LookAtCosts(service=service, time_zone=time_zone)
    )
    if seen.unknown:
        cure = f"correct services.{service.name}.costs, or have the metric scraped"
        return Check(name=name, ok=False, problem=seen.reason, cure=cure, optional=True)
    if service.env_file is None:
        problem, cure = "no setting can be changed to save", f"set services.{service.name}.env_file"
        return Check(name=name, ok=False, problem=problem, cure=cure, optional=True)
    return Check(name=name, ok=True)


async def check_heap(service: Service, http: httpx.AsyncClient) -> Check:
    """Whether the heap is known, as a share of its limit."""
    seen = await MemoryActivities(Prometheus(http)).look_at_memory(LookAtMemory(service=service))
    problem = seen.reason if seen.unknown else ""
    cure = f"correct services.{service.name}.metrics.heap" if problem else ""
    return Check(name=f"heap of {service.name}", ok=not problem, problem=problem, cure=cure, optional=True)


def check_diagnostic(service: Service) -> Check:
    """Whether the directory in which diagnostics appear is there, with room for one and its copy."""
    problem = why_not(service.diagnostic) if service.diagnostic else ""
    cure = f"correct services.{service.name}.diagnostic" if problem else ""
    name = f"diagnostics of {service.name}"
    return Check(name=name, ok=not problem, problem=problem, cure=cure, optional=True)


async def _ready(name: str, address: str | None, http: httpx.AsyncClient) -> Check:
    if address is None:
        cure = f"set systems.{name.lower()}"
        return Check(name=name, ok=False, problem="not configured", cure=cure, optional=True)
    try:
        answer = await ask(http, f"{address}/-/ready", within=timedelta(seconds=WITHIN), limit=0)
    except NoAnswer as error:
        return Check(
            name=name,
            ok=False,
            problem=f"{address}: {_first(error)}",
            cure=f"start it, or correct systems.{name.lower()}",
        )
    problem = "" if answer.good else f"{address}/-/ready answers {answer.status}"
    return Check(name=name, ok=answer.good, problem=problem)


async def _secret(name: str, ref: SecretRef, *, optional: bool = False) -> Check:
    try:
        resolve(ref)
    except SecretMissing as error:
        return Check(name=name, ok=False, problem=str(error), optional=optional)
    return Check(name=name, ok=True)


def _secrets_of(channel: Model) -> list[SecretRef]:
    return [value for _, value in channel if isinstance(value, SecretRef)]


def _first(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__
