"""PostgreSQL behind a service: can somebody connect and get an answer?

`runbook.md`, DatabaseConnectionFailure: "Test connection", and the database row of ServiceDown.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.postgres.connection import Trouble, connected
from activities.postgres.database_seen import DatabaseKind, DatabaseSeen
from activities.support.stability import Pace, Patience
from activities.support.watch import watch
from models.evidence.evidence import Evidence, Finding, Watched, WatchService
from models.service.request import ServiceRequest
from models.service.service import Service

SAMPLE_EVERY = timedelta(seconds=2)
SETTLE = timedelta(minutes=1)
"""How long a database may take to accept connections after it was started."""

FOR_GOOD = timedelta(seconds=4)
"""Between shutting down and starting up nobody listens for a moment: that alone is no end of it."""


class WaitForRecovery(ServiceRequest):
    """Wait, for this long at most, until the database no longer says that it starts or recovers."""

    at_most: timedelta


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
        return seen.model_copy(update={"latency": latency, "observed_at": datetime.now(UTC)})

    @activity.defn
    async def watch_database(self, request: WatchService) -> Watched:
        """Connect again and again until the database answered without a break for the window."""
        service = request.service
        if service.database is None:
            reason = f"{service.name} is not configured as a database"
            return Watched(reason=reason, observed_at=datetime.now(UTC))
        pace = Pace(every=SAMPLE_EVERY, settle=SETTLE, stable_for=request.stable_for, well="reachable")
        return await watch(lambda: self.check_database(service), pace)

    @activity.defn
    async def wait_for_recovery(self, request: WaitForRecovery) -> Watched:
        """Ask again and again until it answers, or is in another trouble; `bad` when it still recovers."""

        async def sample() -> Evidence:
            seen = await self.check_database(request.service)
            over = Finding.BAD if seen.recovering else Finding.OK
            return Evidence(finding=over, reason=seen.reason, observed_at=seen.observed_at)

        return await watch(sample, Patience(every=SAMPLE_EVERY, stable_for=FOR_GOOD, at_most=request.at_most))


async def _select_1(service: Service) -> DatabaseSeen:
    try:
        async with connected(service) as database:
            await database.connection.execute("SELECT 1")
    except Trouble as trouble:
        return trouble.seen
    return DatabaseSeen(finding=Finding.OK, kind=DatabaseKind.HEALTHY, reason=f"{database.where} answers")
