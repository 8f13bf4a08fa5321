"""Checks whether the PostgreSQL of a service accepts a connection and answers a query."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import asyncpg
from temporalio import activity

from activities.postgres.connection import Trouble, connected, port_of
from activities.postgres.database_seen import DatabaseKind, DatabaseSeen
from activities.postgres.room import Room, look_at_room
from activities.support.stability import Pace, Patience
from activities.support.watch import watch
from models.evidence.evidence import Evidence, Finding, VerificationRequest, VerificationResult
from models.service.request import ServiceRequest
from models.service.service import Service

SAMPLE_EVERY = timedelta(seconds=2)
SETTLE = timedelta(minutes=1)
"""How long a database may take to accept connections after it was started."""

NOT_THERE = (DatabaseKind.REFUSED, DatabaseKind.TIMED_OUT)
"""As a container is until its database listens."""

COUNTED_WITHIN = 1.0
"""Seconds for the numbers, once it answered."""

FOR_GOOD = timedelta(seconds=4)
"""Between shutting down and starting up nobody listens for a moment: that alone is no end of it."""


class WaitForRecovery(ServiceRequest):
    """Wait, for this long at most, until the database no longer says that it starts or recovers."""

    at_most: timedelta
    starting: bool = False
    """It was started a moment ago: that it does not answer at all is part of that."""


class PostgresActivities:
    """Looks at PostgreSQL through a connection of its own, so that the service's pool is left alone."""

    @activity.defn
    async def check_database(self, service: Service) -> DatabaseSeen:
        """Connect and `SELECT 1` within the configured time-out. Never raises for the database's trouble.

        `bad` is what the database did (refused, hung, full, wrong credentials); what says nothing
        about it (no such host name, no route, a missing secret) is `unknown`.
        """
        began = time.monotonic()
        seen = await _select_1(service)
        latency = None if seen.kind is DatabaseKind.NOT_CHECKED else round(time.monotonic() - began, 4)
        told = {"latency": latency, "observed_at": datetime.now(UTC), "port": port_of(service)}
        return seen.model_copy(update=told)

    @activity.defn
    async def watch_database(self, request: VerificationRequest) -> VerificationResult:
        """Connect again and again until the database answered without a break for the window."""
        service = request.service
        if service.database is None:
            reason = f"{service.name} is not configured as a database"
            return VerificationResult(reason=reason, observed_at=datetime.now(UTC))
        pace = Pace(every=SAMPLE_EVERY, settle=SETTLE, stable_for=request.stable_for, well="reachable")
        return await watch(lambda: self.check_database(service), pace)

    @activity.defn
    async def wait_for_recovery(self, request: WaitForRecovery) -> VerificationResult:
        """Ask again and again until it answers, or is in another trouble; `bad` when it still recovers."""

        async def sample() -> Evidence:
            seen = await self.check_database(request.service)
            silent = request.starting and seen.kind in NOT_THERE
            over = Finding.BAD if seen.recovering or silent else Finding.OK
            return Evidence(finding=over, reason=seen.reason, observed_at=seen.observed_at)

        return await watch(sample, Patience(every=SAMPLE_EVERY, stable_for=FOR_GOOD, at_most=request.at_most))


async def _select_1(service: Service) -> DatabaseSeen:
    try:
        async with connected(service) as database:
            await database.connection.execute("SELECT 1")
            room = await _room(database.connection)
    except Trouble as trouble:
        return trouble.seen
    return _judged(database.where, room)


async def _room(connection: asyncpg.Connection) -> Room:
    """What answers may be no PostgreSQL that counts, or too busy to: that is no trouble of its own."""
    try:
        async with asyncio.timeout(COUNTED_WITHIN):
            return await look_at_room(connection)
    except (asyncpg.PostgresError, TimeoutError):
        return Room()


def _judged(where: str, room: Room) -> DatabaseSeen:
    if room.refuses_writes:
        reason = f"{where} takes no writes, to avoid transaction ID wraparound: {room.ids_left} are left"
        return DatabaseSeen(finding=Finding.BAD, kind=DatabaseKind.WRAPAROUND, reason=reason)
    if room.full:
        reason = f"{where} answers us, who may use what is reserved, and no application any more: {room.full}"
        return DatabaseSeen(finding=Finding.BAD, kind=DatabaseKind.TOO_MANY_CONNECTIONS, reason=reason)
    reason = f"{where} answers{', and is a read-only standby' if room.standby else ''}"
    return DatabaseSeen(finding=Finding.OK, kind=DatabaseKind.HEALTHY, reason=reason)
