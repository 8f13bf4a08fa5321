"""Whether a service is there under its configured name, and its health check fits it."""

from __future__ import annotations

import asyncio

import httpx

from activities.health.health_seen import HealthKind
from activities.health.probe import HealthActivities
from activities.managers import DockerEngine, ManagerError, Managers, ManagerUnreachable
from activities.managers.process_seen import ProcessState
from activities.managers.supervisord_socket import all_checked, supervisor_of
from activities.managers.systemd import services_of
from activities.postgres.address import verifies_no_server
from activities.postgres.check import PostgresActivities
from activities.postgres.database_seen import DatabaseKind
from activities.support.redaction import clean
from activities.support.secrets import resolve
from models.configuration.consistency import closest
from models.examined import Check, Kind
from models.service.secret import SecretRef
from models.service.service import (
    DockerManager,
    Manager,
    Service,
    SupervisordManager,
    SystemdManager,
)

_NO_WORD = (HealthKind.REFUSED, HealthKind.RESET, HealthKind.TIMED_OUT, HealthKind.UNREACHABLE)
_CANNOT_BE_ASKED = (
    DatabaseKind.NOT_CHECKED,
    DatabaseKind.WRONG_CREDENTIALS,
    DatabaseKind.NO_SUCH_DATABASE,
    DatabaseKind.NOT_ADMITTED,
)


async def check_manager(service: Service, managers: Managers) -> Check:
    """The container or program of this name exists, and its engine answers."""
    manager = service.manager
    what, key, where = _told(manager)
    name = f"{what} of {service.name}"
    try:
        seen = await asyncio.to_thread(managers.of(service).state)
        if seen.state is not ProcessState.MISSING:
            return Check(name=f"{name}{await asyncio.to_thread(_engine, service)}", ok=True)
        known = await asyncio.to_thread(_known, service)
    except ManagerUnreachable as error:
        cure = f"start it, let the worker use it, or {where}"
        return Check(name=name, ok=False, problem=str(error), cure=cure)
    except ManagerError as error:
        return Check(name=name, ok=False, problem=str(error), cure=where)
    wanted = what.partition(" ")[2]
    hint = closest(wanted, known) or (f"there are: {', '.join(sorted(known)[:8])}" if known else "")
    cure = f"create it, or correct services.{service.name}.manager.{key}"
    problem = "; ".join(filter(None, (seen.reason, clean(hint, 300))))
    return Check(name=name, ok=False, problem=problem.rstrip("?"), cure=cure, kind=Kind.MISTAKE)


def _told(manager: Manager) -> tuple[str, str, str]:
    """What it is, the key that names it, and how its manager is reached."""
    match manager:
        case DockerManager():
            return f"container {manager.container}", "container", "set DOCKER_HOST for the worker"
        case SupervisordManager():
            return f"program {manager.program}", "program", "set manager.socket"
        case SystemdManager(user=True):
            return f"unit {manager.unit}", "unit", "set XDG_RUNTIME_DIR for the worker"
        case SystemdManager():
            return f"unit {manager.unit}", "unit", "run a worker on the machine itself"


def _engine(service: Service) -> str:
    """Which engine it is, where it is not the usual one."""
    engine = DockerEngine().name() if isinstance(service.manager, DockerManager) else ""
    return "" if engine.startswith("Docker") or not engine else f" ({engine})"


def _known(service: Service) -> set[str]:
    manager = service.manager
    if isinstance(manager, SystemdManager):
        return {name for name, *_ in services_of(manager)}
    if isinstance(manager, SupervisordManager):
        with supervisor_of(manager) as supervisor:
            programs = all_checked(supervisor.getAllProcessInfo())
        return {
            one["name"] if one["name"] == one["group"] else f"{one['group']}:{one['name']}"
            for one in programs
        }
    with DockerEngine().client() as client:
        found = client.api.containers(all=True)
    return {str(name).lstrip("/") for one in found for name in one.get("Names") or ()}


async def check_health(service: Service, http: httpx.AsyncClient) -> Check:
    """It answers, in a form that the configured check can read. A service that is not well is no mistake."""
    name, place = f"health of {service.name}", f"services.{service.name}.health"
    seen = await HealthActivities(http).probe_health(service)
    if seen.ok:
        return Check(name=name, ok=True)
    if seen.does_not_fit:
        cure = f"correct {place}"
        return Check(name=name, ok=False, problem=seen.reason, cure=cure, kind=Kind.MISTAKE)
    if seen.kind in _NO_WORD:
        cure = f"start the service, or correct {place}.url"
        return Check(name=name, ok=False, problem=seen.reason, cure=cure)
    cure = "the check fits; the service itself says so"
    return Check(name=name, ok=False, problem=seen.reason, cure=cure, kind=Kind.TROUBLE, optional=True)


async def check_postgres(service: Service, url: SecretRef) -> Check:
    """Connected and asked as the runbooks do it."""
    name = f"PostgreSQL of {service.name}"
    seen = await PostgresActivities().check_database(service)
    if seen.ok:
        return _its_server_is_known(name, url)
    kind = Kind.MISTAKE if seen.kind in _CANNOT_BE_ASKED else Kind.AWAY
    cure = f"start it, or correct the connection string in {url} (services.{service.name}.database.url)"
    return Check(name=name, ok=False, problem=seen.reason, cure=cure, kind=kind)


def _its_server_is_known(name: str, url: SecretRef) -> Check:
    if not verifies_no_server(resolve(url)):
        return Check(name=name, ok=True)
    problem = "TLS does not verify that it is this server: who stands in for it gets the password"
    cure = f"add sslmode=verify-full and sslrootcert=… to the connection string in {url}"
    return Check(name=name, ok=False, problem=problem, cure=cure, kind=Kind.TROUBLE, optional=True)
