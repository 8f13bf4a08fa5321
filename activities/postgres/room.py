"""How much room a PostgreSQL has: connections by each of its limits, and transaction IDs.

Somebody who may use a reserved connection still gets in when the application does not: only the
numbers tell. Those of sessions need `pg_read_all_stats`, which `pg_monitor` includes.
"""

from __future__ import annotations

import asyncpg

from models.base import Model, in_bytes

REFUSES_WRITES_BELOW = 3_000_000
"""Transaction IDs: with fewer left PostgreSQL takes no more writes."""

_ALL_IDS = 2**31

_ROOM = """
WITH clients AS (
  SELECT datname FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
)
SELECT current_setting('max_connections')::int AS max_connections,
       current_setting('superuser_reserved_connections')::int
       + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved,
       (SELECT count(*) FROM clients) AS used,
       current_database()::text AS database,
       (SELECT datconnlimit FROM pg_database WHERE datname = current_database()) AS allowed,
       (SELECT count(*) FROM clients WHERE datname = current_database()) AS used_here,
       (SELECT greatest(max(age(datfrozenxid)), max(mxid_age(datminmxid))) FROM pg_database) AS oldest,
       pg_is_in_recovery() AS standby,
       pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS may_see
"""

_FULL_ROLES = """
SELECT rolname::text AS name, rolconnlimit AS allowed, count(pid) AS used
FROM pg_roles JOIN pg_stat_activity ON usesysid = pg_roles.oid
WHERE rolconnlimit >= 0 AND NOT rolsuper AND backend_type = 'client backend' AND pid <> pg_backend_pid()
GROUP BY rolname, rolconnlimit HAVING count(pid) >= rolconnlimit ORDER BY rolname
"""

_UNUSED_SLOTS = """
SELECT slot_name::text AS name,
       (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END
        - restart_lsn)::bigint AS keeps
FROM pg_replication_slots WHERE NOT active AND restart_lsn IS NOT NULL ORDER BY keeps DESC, name LIMIT 10
"""

MUCH_WAL = 2**30
"""Bytes: a slot that keeps more is named."""


class UnusedSlot(Model):
    """A replication slot that nobody reads, and how many bytes of WAL it keeps on the disk."""

    name: str
    keeps: int

    @property
    def says(self) -> str:
        return f"the unused replication slot {self.name} keeps {in_bytes(self.keeps)} of WAL"


class Limit(Model):
    """A limit that is reached: of a `role`, or of a `database`, by its name."""

    of: str
    name: str
    used: int
    allowed: int

    @property
    def says(self) -> str:
        return f"the {self.of} {self.name} uses {self.used} of the {self.allowed} connections that it may"


class Room(Model):
    """What is used and what there is; nothing is `full` for who may not see it."""

    used: int = 0
    max_connections: int = 0
    reserved: int = 0
    """Of them, kept for superusers and monitoring."""
    database: str = ""
    limits: tuple[Limit, ...] = ()
    """The limits of roles, and of this database, that are reached."""
    ids_left: int = _ALL_IDS
    slots: tuple[UnusedSlot, ...] = ()
    standby: bool = False
    may_see: bool = False

    @property
    def free(self) -> int:
        """Connections that an application may still open, as far as the server decides."""
        return max(0, self.max_connections - self.reserved - self.used)

    @property
    def exhausted(self) -> bool:
        """No application may connect any more, whatever its role and database."""
        return self.max_connections > 0 and self.free == 0

    @property
    def full(self) -> str:
        """Why nobody but the privileged gets a connection to this database; empty when somebody does."""
        if not self.may_see:
            return ""
        if self.exhausted:
            return f"{self.used} of {self.max_connections} connections are used, {self.reserved} are reserved"
        return next((limit.says for limit in self.limits if limit.of == "database"), "")

    @property
    def large_slots(self) -> tuple[str, ...]:
        """What fills the disk with WAL that nobody reads."""
        return tuple(slot.says for slot in self.slots if slot.keeps >= MUCH_WAL)

    @property
    def refuses_writes(self) -> bool:
        return self.ids_left < REFUSES_WRITES_BELOW


async def look_at_room(connection: asyncpg.Connection) -> Room:
    """Count. Raises what asyncpg raises, also for a server that only resembles PostgreSQL."""
    row = await connection.fetchrow(_ROOM)
    assert row is not None  # noqa: S101 - a SELECT without FROM always has one row
    roles = await connection.fetch(_FULL_ROLES)
    slots = await connection.fetch(_UNUSED_SLOTS)
    limits = [Limit(of="role", **role) for role in roles]
    if 0 <= row["allowed"] <= row["used_here"]:
        limits.append(
            Limit(of="database", name=row["database"], used=row["used_here"], allowed=row["allowed"])
        )
    counted = {name: row[name] for name in ("used", "max_connections", "reserved", "database", "standby")}
    return Room(
        **counted,
        limits=limits,
        slots=[UnusedSlot(**slot) for slot in slots],
        ids_left=_ALL_IDS - row["oldest"],
        may_see=row["may_see"],
    )
