"""The sessions of a PostgreSQL: counted, lock waits found, idle ones terminated.

Reading needs `pg_monitor`, terminating `pg_signal_backend`. `pg_blocking_pids` says who blocks whom;
who waits for an advisory lock waits for its turn on purpose, and is not blocked.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import asyncpg
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.postgres.connection import Trouble, connected
from activities.postgres.database_seen import DatabaseKind
from activities.postgres.room import Room, look_at_room
from activities.support.redaction import clean
from models.actions.change import ActionResult, Perform
from models.actions.database import Session, TerminateSessions
from models.base import Duration, Model, in_words
from models.evidence.evidence import Evidence, Finding
from models.service.request import ServiceRequest

MOST_LISTED = 100
"""Sessions of each kind that are listed; the counts are always of all."""

NEARLY_FULL = 0.1
"""Connections are running out when less than this share of them is free."""

_PREPARED = 0
"""The PID that PostgreSQL gives a prepared transaction."""

_LOOKS, _LOOK_EVERY = 10, 0.1
"""Seconds, and how often: a session that is ended needs a moment to go."""

_SESSIONS = """
SELECT pid, backend_start, application_name AS application, coalesce(usename, '') AS user,
       coalesce(datname, '') AS database, coalesce(state, 'hidden') AS state,
       greatest(now() - CASE WHEN state = 'active' THEN query_start ELSE state_change END, '0 s') AS lasts,
       left(query, 2000) AS query,
       CASE WHEN wait_event = 'advisory' THEN '{}' ELSE pg_blocking_pids(pid) END AS waits_for,
       coalesce(rolsuper OR NOT pg_has_role(usesysid, 'pg_monitor', 'MEMBER'), true) AS works
FROM pg_stat_activity LEFT JOIN pg_roles ON pg_roles.oid = usesysid
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
    """Sessions of one application and role in one state, as PostgreSQL names it."""

    application: str
    user: str = ""
    state: str
    count: int


class SessionSeen(Session):
    """One session. `lasts`: how long it has been in its state; `query` is an excerpt, redacted."""

    state: str
    lasts: timedelta
    query: str = ""
    waits_for: tuple[int, ...] = ()
    """PIDs of the sessions whose locks it waits for."""
    works: bool = True
    """Whether its role does more than monitoring."""

    @property
    def exactly(self) -> Session:
        """What names this very session, for an action."""
        return Session(
            pid=self.pid,
            backend_start=self.backend_start,
            application=self.application,
            user=self.user,
            database=self.database,
            in_transaction=self.state.startswith("idle in transaction"),
        )


class SessionsSeen(Room, Evidence):
    """`bad` when connections are running out, or when a session waits too long for a lock.

    Locks and long queries are those of the service's own database; the connections of a server
    are shared, so that idle sessions are listed of every database.
    """

    kind: DatabaseKind = DatabaseKind.NOT_CHECKED
    groups: tuple[SessionGroup, ...] = ()
    """The largest first."""
    connected: int = 0
    """Sessions in the service's database of others than monitoring."""
    blocked: tuple[SessionSeen, ...] = ()
    blockers: tuple[SessionSeen, ...] = ()
    """The heads of the queues: they block others, and wait for nobody."""
    long_running: tuple[SessionSeen, ...] = ()
    idle: tuple[SessionSeen, ...] = ()
    """Idle for longer than the limit, the longest first."""
    elsewhere: tuple[str, ...] = ()
    """Other databases of the server in which sessions wait for locks: no trouble of this service."""

    @property
    def held_by_prepared(self) -> bool:
        """A prepared transaction has the lock: it outlives every session, and a restart."""
        return not self.blockers and any(_PREPARED in one.waits_for for one in self.blocked)

    def frees(self, session: SessionSeen) -> bool:
        """Whether the end of this session makes room where there is none."""
        names = {(limit.of, limit.name) for limit in self.limits}
        return (
            self.exhausted
            or not names
            or bool({("role", session.user), ("database", session.database)} & names)
        )


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
                room = await look_at_room(database.connection)
                rows = await database.connection.fetch(_SESSIONS)
        except Trouble as trouble:
            seen = trouble.seen
            return SessionsSeen(finding=seen.finding, kind=seen.kind, reason=seen.reason, observed_at=now)
        if not room.may_see:
            reason = f"the role at {database.where} sees only its own sessions: GRANT pg_monitor to it"
            return SessionsSeen(kind=DatabaseKind.HEALTHY, reason=reason, observed_at=now)
        found = _sorted([_session(row) for row in rows], request, room)
        found = found.model_copy(update={"kind": DatabaseKind.HEALTHY, "observed_at": now})
        finding, reason = _judged(found, request)
        return found.model_copy(update={"finding": finding, "reason": reason})

    @activity.defn
    async def terminate_sessions(self, request: Perform[TerminateSessions]) -> ActionResult:
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
        return ActionResult(
            done=gone > 0, found=found, at=now, before=f"{len(pids)} idle", after=f"{left} left"
        )


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
    texts = {name: clean(row[name], 120) for name in ("application", "user", "database")}
    return SessionSeen(
        pid=row["pid"],
        backend_start=row["backend_start"],
        state=row["state"],
        lasts=row["lasts"] or timedelta(),
        query=clean(row["query"] or "", 200),
        waits_for=tuple(row["waits_for"]),
        works=row["works"],
        **texts,
    )


def _sorted(sessions: list[SessionSeen], request: LookAtSessions, room: Room) -> SessionsSeen:
    counts = Counter((one.application, one.user, one.state) for one in sessions)
    groups = [
        SessionGroup(application=app, user=user, state=state, count=n)
        for (app, user, state), n in counts.items()
    ]
    here = [one for one in sessions if one.database == room.database]
    waited_for = {pid for one in here for pid in one.waits_for}
    ours = (one for one in sessions if request.application in (None, one.application))
    waits_elsewhere = {one.database for one in sessions if one.waits_for and one not in here}
    return SessionsSeen(
        **dict(room),
        groups=tuple(sorted(groups, key=lambda one: (-one.count, one.application, one.user, one.state))),
        connected=sum(one.works for one in here),
        blocked=_first(one for one in here if one.waits_for),
        blockers=_first(one for one in sessions if one.pid in waited_for and not one.waits_for),
        long_running=_first(
            one for one in here if one.state == "active" and one.lasts > request.runs_longer_than
        ),
        idle=_first(
            one for one in ours if one.state.startswith("idle") and one.lasts > request.idle_longer_than
        ),
        elsewhere=tuple(sorted(waits_elsewhere)),
    )


def _first(sessions: Iterable[SessionSeen]) -> tuple[SessionSeen, ...]:
    return tuple(sessions)[:MOST_LISTED]


def _judged(seen: SessionsSeen, request: LookAtSessions) -> tuple[Finding, str]:
    usage = f"{seen.used} of {seen.max_connections} connections are used, {seen.free} are free"
    usage = "; ".join([usage, *(limit.says for limit in seen.limits), *seen.large_slots])
    if seen.full or seen.free < NEARLY_FULL * seen.max_connections:
        return Finding.BAD, f"{usage}; most by {_most(seen.groups)}"
    limit = request.runs_longer_than
    stuck = [one for one in seen.blocked if one.lasts > limit]
    holding = [one for one in seen.blockers if one.lasts > limit]
    if stuck or (seen.blocked and holding):
        heads = ", ".join(str(one.pid) for one in seen.blockers[:5])
        others = "a prepared transaction, which no restart ends" if seen.held_by_prepared else "one another"
        waits = f"{len(seen.blocked)} sessions wait for a lock, for over {in_words(limit)}"
        return Finding.BAD, f"{waits} held by {heads or others}"
    if seen.elsewhere:
        usage += f"; sessions wait for locks in other databases of the server: {', '.join(seen.elsewhere)}"
    return Finding.OK, usage


def _most(groups: Iterable[SessionGroup]) -> str:
    """Who has the connections: the three largest groups."""
    return ", ".join(
        f"{one.application or 'unnamed'} as {one.user} ({one.count} {one.state})" for one in tuple(groups)[:3]
    )
