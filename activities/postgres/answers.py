"""What PostgreSQL, or a pooler before it, answers instead of a connection: read by SQLSTATE and words.

A pooler invents its own errors under codes of PostgreSQL, so that its words are read first. What
says only that *we* cannot ask (our parameter, right, time-out, password) is `unknown`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import asyncpg

from activities.postgres.database_seen import DatabaseKind, DatabaseSeen
from activities.support.redaction import clean
from models.evidence.evidence import Finding

BAD, UNKNOWN = Finding.BAD, Finding.UNKNOWN

_STARTS = (
    r"the database system is (starting up|shutting down|in recovery mode|not (yet )?accepting connections)"
)
_FULL_POOLER = (
    r"no more connections allowed|query_wait_timeout|max_client_conn"  # PgBouncer
    r"|[Mm]ax client connections reached|MaxClientsInSessionMode|max clients reached|checkout timeout"
    r"|could not get connection from the pool|AllServersDown"  # pgcat
    r"|[Tt]imed-out waiting to acquire database connection"  # RDS Proxy
)
_CUT_OFF_POOLER = (
    r"pgbouncer cannot connect to server|server_login_retry|server login has been failing"
    r"|server login failed|server conn crashed|[Cc]ircuit ?[Bb]reaker"
    r"|odyssey: .*(failed to connect|server connection)|target database .*(unavailable|not available)"
)
_STRANGE_POOLER = (
    r"unsupported startup parameter|[Tt]enant or user not found|No pool configured"
    r"|odyssey: .*route .*not found|RDS proxy has no credentials"
    r"|bouncer config error|client_login_timeout|no such database: "
)


class _Row(NamedTuple):
    """An error whose SQLSTATE has one of these prefixes, if given, and whose text has these words."""

    codes: tuple[str, ...]
    says: str
    finding: Finding
    kind: DatabaseKind
    words: str


_ANSWERS = (
    _Row(
        (),
        r"to avoid wraparound",
        BAD,
        DatabaseKind.WRAPAROUND,
        "{where} takes no writes, to avoid transaction ID wraparound: {said}; its DBA must VACUUM",
    ),
    _Row(("57P03", "57P02"), "", BAD, DatabaseKind.RECOVERING, "{where} is not ready yet: {said}"),
    _Row((), _STARTS, BAD, DatabaseKind.RECOVERING, "{where} is not ready yet: {said}"),
    _Row(
        (),
        r"connection is insecure|This RDS [Pp]roxy requires TLS|SSL connection is required",
        UNKNOWN,
        DatabaseKind.NOT_ADMITTED,
        "{where} does not admit this machine without TLS: {said}; ask for it (sslmode=require)",
    ),
    _Row(
        (),
        _FULL_POOLER,
        BAD,
        DatabaseKind.POOLER,
        "the pooler at {where} gives no connection: {said}; all of its own are in use, or it cannot reach its"
        " database",
    ),
    _Row(
        (),
        _CUT_OFF_POOLER,
        BAD,
        DatabaseKind.POOLER,
        "the pooler at {where} cannot reach its database: {said}",
    ),
    _Row(
        (),
        _STRANGE_POOLER,
        UNKNOWN,
        DatabaseKind.POOLER,
        "the pooler at {where} does not take this connection string: {said}",
    ),
    _Row(("53300",), "", BAD, DatabaseKind.TOO_MANY_CONNECTIONS, "no connection left at {where}: {said}"),
    _Row(
        ("28",),
        r"pg_hba\.conf.*(no encryption|SSL off)",
        UNKNOWN,
        DatabaseKind.NOT_ADMITTED,
        "{where} does not admit this machine without TLS: {said}; ask for it (sslmode=require), or add an"
        " entry for plain connections to pg_hba.conf",
    ),
    _Row(
        ("28",),
        r"pg_hba\.conf",
        UNKNOWN,
        DatabaseKind.NOT_ADMITTED,
        "{where} does not admit this machine: {said}; add an entry for this address, role and database to"
        " pg_hba.conf, and reload it",
    ),
    _Row(
        ("55000",),
        r"not currently accepting connections|invalid database",
        BAD,
        DatabaseKind.NOT_ADMITTED,
        "{where} is closed to everybody: {said}",
    ),
    _Row(
        ("28000",),
        r"does not exist|not permitted to log in",
        UNKNOWN,
        DatabaseKind.WRONG_CREDENTIALS,
        "{where} refuses the credentials, and not for the password: {said}",
    ),
    _Row(("28",), "", UNKNOWN, DatabaseKind.WRONG_CREDENTIALS, "{where} refuses the credentials: {said}"),
    _Row(
        ("08P01", "XX000"),
        r"authentication failed",
        UNKNOWN,
        DatabaseKind.WRONG_CREDENTIALS,
        "the pooler at {where} refuses the credentials: {said}",
    ),
    _Row(
        ("3D000",),
        "",
        UNKNOWN,
        DatabaseKind.NO_SUCH_DATABASE,
        "{where} has no such database: {said} ({code}); a wrong connection string, or it was dropped",
    ),
    _Row(("53100",), "", BAD, DatabaseKind.DISK_FULL, "disk full at {where}: {said}"),
    _Row(("53200",), "", BAD, DatabaseKind.OUT_OF_MEMORY, "{where} has no memory left: {said}"),
    _Row(("25006",), "", UNKNOWN, DatabaseKind.READ_ONLY, "{where} is read-only: {said}"),
    _Row(
        ("58030", "58P01", "XX001", "XX002"),
        "",
        BAD,
        DatabaseKind.DAMAGED,
        "{where} cannot read its files: {said} ({code}); no restart mends that",
    ),
    _Row(
        ("57P01", "57P05", "57014", "25P", "55P03"),
        "",
        UNKNOWN,
        DatabaseKind.FAILED,
        "{where} ended our own session, which says nothing of others: {said} ({code})",
    ),
    _Row(
        ("08P01", "0A", "22", "26", "42"), "", UNKNOWN, DatabaseKind.FAILED, "{where} said: {said} ({code})"
    ),
    _Row(("08003",), "", BAD, DatabaseKind.REFUSED, "connection closed without an answer at {where}"),
    _Row((), "", BAD, DatabaseKind.FAILED, "{where} said: {said} ({code})"),
)
"""In this order. The last takes what nothing else explains."""


def answered(error: asyncpg.PostgresError, where: str) -> DatabaseSeen:
    """What it means that the server answered with this error."""
    detail = getattr(error, "detail", None)
    text = f"{error.args[0] if error.args else error}{f' ({detail})' if detail else ''}"
    code = error.sqlstate or ""
    row = next(row for row in _ANSWERS if _is(row, code, text))
    reason = row.words.format(where=where, said=clean(text, 160), code=code)
    return DatabaseSeen(finding=row.finding, kind=row.kind, reason=reason)


def _is(row: _Row, code: str, text: str) -> bool:
    return (not row.codes or code.startswith(row.codes)) and re.search(row.says, text, re.DOTALL) is not None
