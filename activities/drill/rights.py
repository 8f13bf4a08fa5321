"""Whether a dump that is restored as a user could act outside of its database: it runs what is in it."""

from __future__ import annotations

import asyncpg

from models.configuration.backups import BackupLocation

_ACT_OUTSIDE = (
    "pg_execute_server_program",
    "pg_write_server_files",
    "pg_read_server_files",
    "pg_create_subscription",
    "pg_signal_backend",
    "pg_read_all_data",
    "pg_write_all_data",
)
"""Roles of PostgreSQL itself by which statements reach programs, files, other servers or databases."""
_MAY_GRANT_ITSELF = 160_000
"""Before PostgreSQL 16, who may create roles may grant themselves each of these."""
_RIGHTS = """
SELECT coalesce((SELECT rolsuper FROM pg_roles WHERE rolname = session_user), true) AS is_superuser,
       EXISTS (SELECT FROM pg_roles WHERE (rolcreaterole OR rolreplication) AND NOT rolsuper
               AND pg_has_role(session_user, oid, 'MEMBER') AND (rolreplication OR $2)) AS grants,
       ARRAY(SELECT rolname::text FROM pg_roles
             WHERE (rolsuper OR rolname = ANY($1)) AND rolname <> session_user
             AND pg_has_role(session_user, oid, 'MEMBER') ORDER BY rolname) AS roles
"""


class TooPowerful(Exception):
    """A dump could act outside of its database. The text says by which right, and has the cure."""


async def refuse_powerful(server: asyncpg.Connection, location: BackupLocation) -> None:
    """By what the server says of the user who is signed in, whatever role they would set. Raises
    `TooPowerful`."""
    old = server.get_server_version().major * 10_000 < _MAY_GRANT_ITSELF
    found = await server.fetchrow(_RIGHTS, list(_ACT_OUTSIDE), old)
    if found is None or found["is_superuser"]:
        which = "is a superuser"
    elif found["roles"]:
        which = f"may act as {', '.join(found['roles'])}"
    elif found["grants"]:
        which = "may create roles or replicate"
    else:
        return
    raise TooPowerful(
        f"not restored: the user of drill.server {which}, so that a dump could run programs, read files or "
        f"reach other databases there. Create one that may create databases and nothing else (CREATE ROLE "
        f"drill LOGIN CREATEDB PASSWORD '…'), and write it under drill.server of {location.name}"
    )
