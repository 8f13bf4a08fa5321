"""The sessions of a PostgreSQL: seen with the rights of `pg_monitor`, ended with `pg_signal_backend`.

`runbook.md`, DatabaseConnectionFailure: the row "Connection limit", and "Check for blocking
queries", which there lists idle background workers: who waits for whom is `pg_blocking_pids`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import asyncpg
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.postgres.connection import Trouble, connected
from activities.postgres.database_seen import DatabaseKind
from activities.support.redaction import clean
from models.actions.change import Effect, Perform
from models.actions.database import Session, TerminateSessions
from models.base import Duration, Model, in_words
from models.evidence.evidence import Evidence, Finding
from models.service.request import ServiceRequest

MOST_LISTED = 100
"""Sessions of each kind that are listed; the counts are always of all."""

NEARLY_FULL = 0.1
"""Connections are running out when less than this share of them is free."""

_LOOKS, _LOOK_EVERY = 10, 0.1
"""Seconds, and how often: a session that is ended needs a moment to go."""

_LIMITS = """
SELECT current_setting('max_connections')::int AS max_connections,
       current_setting('superuser_reserved_connections')::int
       + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved,
       pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS may_see
"""

_SESSIONS = """
SELECT pid, backend_start, application_name AS application, coalesce(usename, '') AS user,
       coalesce(state, 'hidden') AS state,
       greatest(now() - CASE WHEN state = 'active' THEN query_start ELSE state_change END, '0 s') AS lasts,
       left(query, 2000) AS query, pg_blocking_pids(pid) AS waits_for
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
ORDER BY lasts DESC NULLS LAST, pid
"""

_TERMINATE = """
SELECT pg_terminate_backend(seen.pid)
FROM pg_stat_activity AS seen
JOIN unnest($1::int[], $2::timestamptz[]) AS planned (pid, backend_start) USING (pid, backend_start)
WHERE seen.backend_type = 'client backend' AND seen.state LIKE 'idle%'
  AND now() - seen.state_change > $3::interval
"""
"""Ends a planned session only if it is still that very one, and still idle for so long. To wait for
each in turn would take a tenth of a second a session."""

_LEFT = """
SELECT count(*) FROM pg_stat_activity
JOIN unnest($1::int[], $2::timestamptz[]) AS planned (pid, backend_start) USING (pid, backend_start)
"""


class LookAtSessions(ServiceRequest):
    """Which sessions count as idle and as long: the limits of the configuration."""

    idle_longer_than: Duration = timedelta(minutes=10)
    runs_longer_than: Duration = timedelta(minutes=1)
    application: str | None = None
    """Only its idle sessions are listed; None lists those of every application."""


class SessionGroup(Model):
    """Sessions of one application in one state, as PostgreSQL names it."""

    application: str
    state: str
    count: int


class SessionSeen(Session):
    """One session. `lasts`: how long it has been in its state; `query` is an excerpt, redacted."""

    state: str
    lasts: timedelta
    query: str = ""
    waits_for: tuple[int, ...] = ()
    """PIDs of the sessions whose locks it waits for."""

    @property
    def exactly(self) -> Session:
        """What names this very session, for an action."""
        return Session(
            pid=self.pid, backend_start=self.backend_start, application=self.application, user=self.user
        )


class SessionsSeen(Evidence):
    """`bad` when connections are running out, or when a session waits too long for a lock."""

    kind: DatabaseKind = DatabaseKind.NOT_CHECKED
    used: int = 0
    max_connections: int = 0
    reserved: int = 0
    """Of them, kept for superusers and monitoring."""
    groups: tuple[SessionGroup, ...] = ()
    """The largest first."""
    blocked: tuple[SessionSeen, ...] = ()
    blockers: tuple[SessionSeen, ...] = ()
    """The heads of the queues: they block others, and wait for nobody."""
    long_running: tuple[SessionSeen, ...] = ()
    idle: tuple[SessionSeen, ...] = ()
    """Idle for longer than the limit, the longest first."""

    @property
    def exhausted(self) -> bool:
        """No application may connect any more."""
        return self.max_connections > 0 and self.free == 0

    @property
    def free(self) -> int:
        """Connections that an application may still open."""
        return max(0, self.max_connections - self.reserved - self.used)


class SessionActivities:
    """Each look and each change has a connection of its own, closed at once."""

    @activity.defn
    async def look_at_sessions(self, request: LookAtSessions) -> SessionsSeen:
        """Who uses the connections, who blocks whom, what is idle or runs for long.

        A role that may not see others' sessions is `unknown`, with the cure. Never raises for the
        database's trouble.
        """
        now = datetime.now(UTC)
        try:
            async with connected(request.service) as database:
                limits = await database.connection.fetchrow(_LIMITS)
                rows = await database.connection.fetch(_SESSIONS)
        except Trouble as trouble:
            seen = trouble.seen
            return SessionsSeen(finding=seen.finding, kind=seen.kind, reason=seen.reason, observed_at=now)
        assert limits is not None  # noqa: S101 - a SELECT without FROM always has one row
        if not limits["may_see"]:
            reason = f"the role at {database.where} sees only its own sessions: GRANT pg_monitor to it"
            return SessionsSeen(kind=DatabaseKind.HEALTHY, reason=reason, observed_at=now)
        found = _sorted([_session(row) for row in rows], request).model_copy(
            update={
                "max_connections": limits["max_connections"],
                "reserved": limits["reserved"],
                "kind": DatabaseKind.HEALTHY,
                "observed_at": now,
            }
        )
        finding, reason = _judged(found, request)
        return found.model_copy(update={"finding": finding, "reason": reason})

    @activity.defn
    async def terminate_sessions(self, request: Perform[TerminateSessions]) -> Effect:
        """End the planned sessions that are still the same and still idle; asked twice, it ends no others.

        Raises, never to be retried: `DatabaseAway` when it cannot be reached or its answer was
        lost, `NotAllowed` when the role lacks the right, with the cure.
        """
        action, now = request.action, datetime.now(UTC)
        pids = [session.pid for session in action.sessions]
        starts = [session.backend_start for session in action.sessions]
        try:
            async with connected(action.service) as database:
                await database.connection.fetch(_TERMINATE, pids, starts, action.idle_longer_than)
                left = await _left(database.connection, pids, starts)
        except Trouble as trouble:
            raise _final(trouble) from trouble
        gone = len(pids) - left
        found = f"{gone} of {len(pids)} planned sessions are gone"
        if left:
            found += f"; {left} stayed, no longer idle for so long"
        return Effect(done=gone > 0, found=found, at=now, before=f"{len(pids)} idle", after=f"{left} left")


async def _left(connection: asyncpg.Connection, pids: list[int], starts: list[datetime]) -> int:
    """How many of them are still there, once they had the time to go."""
    left = len(pids)
    for _ in range(_LOOKS):
        left = await connection.fetchval(_LEFT, pids, starts)
        if not left:
            break
        await asyncio.sleep(_LOOK_EVERY)
    return left


def _final(trouble: Trouble) -> ApplicationError:
    if isinstance(trouble.__cause__, asyncpg.InsufficientPrivilegeError):
        cure = "the role may not end these sessions: GRANT pg_signal_backend to it"
        return ApplicationError(f"{cure} ({trouble})", type="NotAllowed", non_retryable=True)
    return ApplicationError(str(trouble), type="DatabaseAway", non_retryable=True)


def _session(row: asyncpg.Record) -> SessionSeen:
    texts = {name: clean(row[name], 120) for name in ("application", "user")}
    return SessionSeen(
        pid=row["pid"],
        backend_start=row["backend_start"],
        state=row["state"],
        lasts=row["lasts"] or timedelta(),
        query=clean(row["query"] or "", 200),
        waits_for=tuple(row["waits_for"]),
        **texts,
    )


def _sorted(sessions: list[SessionSeen], request: LookAtSessions) -> SessionsSeen:
    counts: dict[tuple[str, str], int] = {}
    for one in sessions:
        counts[one.application, one.state] = counts.get((one.application, one.state), 0) + 1
    groups = [SessionGroup(application=app, state=state, count=n) for (app, state), n in counts.items()]
    waited_for = {pid for one in sessions for pid in one.waits_for}
    ours = (one for one in sessions if request.application in (None, one.application))
    return SessionsSeen(
        used=len(sessions),
        groups=tuple(sorted(groups, key=lambda group: (-group.count, group.application, group.state))),
        blocked=_first(one for one in sessions if one.waits_for),
        blockers=_first(one for one in sessions if one.pid in waited_for and not one.waits_for),
        long_running=_first(
            one for one in sessions if one.state == "active" and one.lasts > request.runs_longer_than
        ),
        idle=_first(
            one for one in ours if one.state.startswith("idle") and one.lasts > request.idle_longer_than
        ),
    )


def _first(sessions: Iterable[SessionSeen]) -> tuple[SessionSeen, ...]:
    return tuple(sessions)[:MOST_LISTED]


def _judged(seen: SessionsSeen, request: LookAtSessions) -> tuple[Finding, str]:
    usage = f"{seen.used} of {seen.max_connections} connections are used, {seen.free} are free"
    if seen.free < NEARLY_FULL * seen.max_connections:
        return Finding.BAD, usage
    limit = request.runs_longer_than
    stuck = [one for one in seen.blocked if one.lasts > limit]
    holding = [one for one in seen.blockers if one.lasts > limit]
    if stuck or (seen.blocked and holding):
        heads = ", ".join(str(one.pid) for one in seen.blockers[:5])
        waits = f"{len(seen.blocked)} sessions wait for a lock, for over {in_words(limit)}"
        return Finding.BAD, f"{waits} in the hands of {heads or 'one another'}"
    return Finding.OK, usage
