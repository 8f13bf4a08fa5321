"""The application's connection string, as asyncpg takes it.

The same string is read by Prisma, libpq, JDBC or SQLAlchemy, and each knows parameters of its own. asyncpg
would hand those to the server, which refuses them: only what asyncpg understands is kept.
"""

from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode

_SCHEME = re.compile(r"(?:jdbc:)?(?:postgres|postgresql|pgsql|postgis)(?:\+\w+)?://", re.IGNORECASE)
_FILES = ("sslcert", "sslkey", "sslrootcert", "sslcrl")
_WHERE = ("host", "port", "dbname", "database", "service", "target_session_attrs")
_WHO = ("user", "password", "passfile", "krbsrvname", "gsslib")
_HOW = (
    "sslmode",
    "sslpassword",
    "sslnegotiation",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "options",
)
_UNDERSTOOD = {*_FILES, *_WHERE, *_WHO, *_HOW}
_SSL_MODES = {
    **dict.fromkeys(("true", "1", "on", "no-verify"), "require"),
    **dict.fromkeys(("false", "0", "off"), "disable"),
}
"""What JDBC, node-postgres and SQLAlchemy write for `sslmode`, or as `ssl=true`."""


class FileMissing(Exception):
    """A parameter names a file that this machine does not have."""


def for_asyncpg(url: str) -> str:
    """The address with the scheme and the parameters of asyncpg. Raises `FileMissing`."""
    base, _, query = url.partition("?")
    given = dict(parse_qsl(query))
    kept = {key: value for key, value in given.items() if key in _UNDERSTOOD}
    if "hostaddr" in given:
        kept.setdefault("host", given["hostaddr"])
    if mode := given.get("sslmode", given.get("ssl")):
        kept["sslmode"] = _SSL_MODES.get(mode.lower(), mode)
    for key in _FILES:
        if key in kept and not Path(kept[key]).is_file():
            raise FileMissing(f"{key} names a file that is not on this machine")
    address = _user_kept_apart(_SCHEME.sub("postgresql://", base, count=1))
    return f"{address}?{urlencode(kept)}" if kept else address


def verifies_no_server(url: str) -> bool:
    """Whether it leaves this machine, and one who stands in for the server would get the password.

    PostgreSQL's manual, "SSL Mode Descriptions": only the `verify` modes look whose certificate it is.
    """
    address, _, query = for_asyncpg(url).partition("?")
    given = dict(parse_qsl(query))
    named = given.get("host") or address.partition("://")[2].partition("/")[0].rpartition("@")[2]
    return not given.get("sslmode", "").startswith("verify-") and not all(map(_is_here, named.split(",")))


def _is_here(host: str) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    with suppress(ValueError):
        return ip_address(name).is_loopback
    return name in ("", "localhost") or unquote(name).startswith("/")


def _user_kept_apart(address: str) -> str:
    """The last @ stands before the host, as other clients have it: any other belongs to the password."""
    scheme, _, rest = address.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    return f"{scheme}://{user.replace('@', '%40')}{at}{host}{slash}{path}" if at else address
