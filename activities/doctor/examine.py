"""Everything that one process of the product uses, looked at with its own code; read-only, and bounded.

The worker of each task queue runs it as an activity, and `doctor` runs the same from where it is typed.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import structlog
from temporalio import activity

from activities.doctor.answers import check_answers
from activities.doctor.channels import check_channels
from activities.doctor.clocks import judged
from activities.doctor.files import check_certificates, check_directories, check_files
from activities.doctor.packages import check_packages
from activities.doctor.secrets import check_secrets
from activities.doctor.services import check_health, check_manager, check_postgres
from activities.doctor.signing import check_signing, names_of_keys
from activities.doctor.slack import check_slack_bot
from activities.doctor.systems import (
    addresses_of,
    check_api,
    check_costs,
    check_heap,
    check_monitoring,
    check_prometheus,
    check_schedules,
    check_sentry,
    check_temporal_of,
)
from activities.managers import Managers
from activities.support.heartbeats import beating
from models.base import in_words
from models.configuration.channels import SlackBotChannel
from models.configuration.configuration import Configuration
from models.examined import Check, Examine, Examined, Grade, Kind
from models.service.service import Service
from models.text import shorten

WITHIN = timedelta(seconds=12)
"""For one check."""
AT_ONCE = 20
MOST = 500
"""Checks that travel, those with a problem first: a payload of Temporal has at most 2 MB."""
LONGEST = 600
"""Characters of one text."""

Found = Check | Iterable[Check]

logger = structlog.get_logger(__name__)


class DoctorActivities:
    """Looks from a worker, with the clients of its other activities."""

    def __init__(
        self, http: httpx.AsyncClient, managers: Managers, configuration: Callable[[], Configuration]
    ) -> None:
        self._http = http
        self._managers = managers
        self._configuration = configuration

    @activity.defn
    async def examine(self, request: Examine) -> Examined:
        """What this worker sees. Never raises for what it looks at."""
        clock = datetime.now(UTC)
        ahead = clock - activity.info().started_time
        now = self._configuration()
        async with beating():
            found = await examined(now, request.host, self._http, self._managers)
        name = f"clock of the worker of {request.host}" if request.host else "clock of the worker"
        return Examined(
            host=request.host,
            checks=tuple([judged(name, ahead, "Temporal's"), *found][:MOST]),
            configuration=digest_of(now),
            keys=await asyncio.to_thread(names_of_keys, now),
            clock=clock,
        )


async def examined(
    configuration: Configuration, host: str | None, http: httpx.AsyncClient, managers: Managers
) -> list[Check]:
    """The checks of what the activities of this host use, those with a problem first."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def bounded(name: str, look: Coroutine[Any, Any, Found]) -> list[Check]:
        async with slots:
            return await _bounded(name, look)

    looks = list(_looks(configuration, host, http, managers))
    found = [one for several in await asyncio.gather(*(bounded(*look) for look in looks)) for one in several]
    worst = (Grade.PROBLEM, Grade.ATTENTION, Grade.OK)
    return sorted((_short(one) for one in found), key=lambda one: worst.index(one.grade))


def digest_of(configuration: Configuration) -> str:
    """The same for two processes that have the same file; the intake's token may come from a variable that
    only the intake has."""
    said = configuration.model_dump_json(exclude={"intake": {"token"}})
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _looks(
    configuration: Configuration, host: str | None, http: httpx.AsyncClient, managers: Managers
) -> Iterator[tuple[str, Coroutine[Any, Any, Found]]]:
    yield "secrets", _threaded(lambda: check_secrets(configuration, host))
    yield "certificates", _threaded(lambda: list(check_certificates()))
    yield "packages", _threaded(lambda: list(check_packages(configuration)))
    yield "answers", _threaded(lambda: list(check_answers(configuration, host)))
    for service in configuration.services.values():
        if service.host == host:
            yield from _looks_at(service, configuration.time_zone, http, managers)
    if host is not None:
        return
    yield "signing key", _threaded(lambda: check_signing(configuration))
    yield "directories", _threaded(lambda: check_directories(configuration))
    yield "channels", _threaded(lambda: check_channels(configuration, http))
    for name, channel in configuration.channels.items():
        if isinstance(channel, SlackBotChannel):
            yield f"Slack bot of {name}", check_slack_bot(name, channel, http)
    yield "monitoring", check_monitoring(configuration.systems, http)
    for place, address in addresses_of(configuration):
        yield place, check_prometheus(place, address, http)


def _looks_at(
    service: Service, time_zone: str, http: httpx.AsyncClient, managers: Managers
) -> Iterator[tuple[str, Coroutine[Any, Any, Found]]]:
    name = service.name
    yield f"manager of {name}", check_manager(service, managers)
    if service.health:
        yield f"health of {name}", check_health(service, http)
    if service.database:
        yield f"PostgreSQL of {name}", check_postgres(service, service.database.url)
    if service.api:
        yield f"API of {name}", check_api(service, http)
    if service.temporal:
        yield f"Temporal of {name}", check_temporal_of(service)
        if service.temporal.schedules:
            yield f"schedules of {name}", check_schedules(service)
    if service.sentry:
        yield f"Sentry of {name}", check_sentry(service, http)
    if service.costs:
        yield f"costs of {name}", check_costs(service, time_zone, http)
    if service.metrics:
        yield f"heap of {name}", check_heap(service, http)
    yield f"files of {name}", _threaded(lambda: list(check_files(service)))


async def _threaded(look: Callable[[], Found]) -> Found:
    return await asyncio.to_thread(look)


async def _bounded(name: str, look: Coroutine[Any, Any, Found]) -> list[Check]:
    """No check hides another: one that hangs, or fails in its own code, is a problem by its name."""
    try:
        async with asyncio.timeout(WITHIN.total_seconds()):
            found = await look
    except TimeoutError:
        problem = f"no answer within {in_words(WITHIN)}"
        return [Check(name=name, ok=False, problem=problem)]
    except Exception as error:
        logger.exception("a check of doctor failed in its own code", check=name)
        problem = f"could not be checked, for our own code failed: {type(error).__name__}"
        cure = "the log of the process that looked has the traceback"
        return [Check(name=name, ok=False, problem=problem, cure=cure, kind=Kind.TROUBLE)]
    return [found] if isinstance(found, Check) else list(found)


def _short(one: Check) -> Check:
    return one.model_copy(
        update={"problem": shorten(one.problem, LONGEST), "cure": shorten(one.cure, LONGEST)}
    )
