"""What the body of a health check says, in the shapes that frameworks give it.

One walk reads them all: Spring Boot's `components`, the `checks` of MicroProfile and of
`application/health+json`, `entries` of ASP.NET, `details` of Terminus, the lines of Kubernetes,
and flat objects of name and state. Keys and texts are redacted and bounded here.
"""

from __future__ import annotations

import codecs
import contextlib
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic_core import from_json

from activities.health.health_seen import words_of
from activities.support.redaction import clean


def _words(listed: str) -> frozenset[str]:
    return frozenset(word.strip() for word in listed.split(","))


NOT_WELL = _words(
    "error, errors, down, fail, failed, failing, failure, fatal, unhealthy, critical, dead, unavailable"
    ", service unavailable, offline, outage, major outage, broken, red, ko, nok, not ok, not healthy"
    ", not ready, out of service, disconnected, unreachable, timeout"
)
"""Words by which a service says that it, or a part of it, is not well."""

YES = "yes"
"""The word of a field that is true."""
DEGRADED = _words("degraded, warn, warning, yellow, partial, impaired, partial outage")
_STARTING = re.compile(r"(re)?(starting|initiali[sz]ing|booting|warming|loading)\b")
_NEGATIVE = _words("error, errors, failed, failing, down, degraded, broken, maintenance")
"""Fields of which `true` is no good news."""

_STATE_KEYS = ("status", "state", "health", "healthy", "ok", "up", "available", "result")
_TEXT_KEYS = ("error", "message", "reason", "output", "detail", "description", "cause", "title", "data")
_NAME_KEYS = ("name", "component", "service", "id")
_FRAMES = _words(
    "components, details, checks, check, entries, error, errors, info, dependencies, services, results"
    ", data, report, status, health, healthchecks, subsystems, probes"
)
"""Keys that hold parts, and are none."""
_LISTS = _words(
    "components, details, checks, check, entries, dependencies, services, results, healthchecks, subsystems"
    ", probes"
)
"""Of these, the ones in which every key is a part."""
_TROUBLE = re.compile(
    r" (not (reach\w*|connect\w*|available|respond\w*|ready|accept\w*|found|open)|cannot|can t|couldn t"
    r"|unable|fail\w*|refus\w*|timeout|time out|timed out|errors?|econn\w+|denied|lost|closed|unreachable"
    r"|unavailable|exhausted|too many|reset|rejected|terminat\w+|exception) "
)
_NO_TROUBLE = re.compile(r" (no|0|without|zero) (errors?|failures?|fail\w*|timeouts?) ")

_DATABASE = re.compile(
    r" (databases?|db\d*|postgres\w*|pg|pgsql|pgbouncer|sql\w*|mysql|jdbc|datasources?|data source|prisma"
    r"|sequelize|typeorm|hikari\w*|connection pool|too many clients|connection slots) "
)
_ANOTHER_STORE = re.compile(
    r" (redis|valkey|memcached?|cache|kafka|rabbit\w*|amqp|mongo\w*|elastic\w*|opensearch|s3|smtp|queue) "
)
_KUBERNETES = re.compile(r"^\[-\] ?(\S+)", re.MULTILINE)
_GZIP = b"\x1f\x8b"
_MOST_NAMES = 8
_DEEPEST = 6
_MOST_PARTS = 500


@dataclass(frozen=True)
class Part:
    """A part of the service that is not well; without a name it is the service itself."""

    name: str
    says: str

    @property
    def is_database(self) -> bool:
        name, says = words_of(self.name), words_of(self.says)
        if _DATABASE.search(name):
            return True
        return bool(_DATABASE.search(says)) and not _ANOTHER_STORE.search(name + says)


@dataclass(frozen=True)
class Reasons:
    """Why the service is not well, as its body says."""

    names: tuple[str, ...] = ()
    says: str = ""
    database: bool = False

    def __bool__(self) -> bool:
        return bool(self.names) or self.database


def decoded(body: bytes) -> str:
    """The text, whatever its encoding: by its byte order mark, else UTF-8, else Latin-1."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if body.startswith(mark):
            return body.decode(encoding, errors="replace").strip()
    if body.startswith(_GZIP):  # packed, and its headers do not say so
        with contextlib.suppress(zlib.error):
            body = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(body, 4 * len(body))
    try:
        return body.decode().strip()
    except UnicodeDecodeError:
        return body.decode("latin-1").strip()


def content_of(text: str) -> object:
    """The JSON value, or the text itself where it is none."""
    try:
        return from_json(text)
    except ValueError:  # also what is nested too deeply to be looked at
        return text


def is_markup(content: object) -> bool:
    return isinstance(content, str) and content.startswith("<")


def plain_word(value: object) -> str | None:
    """A state in one spelling: `OUT_OF_SERVICE` is `out of service`. None for a structure."""
    if not isinstance(value, str | int | float):
        return None
    return re.sub(r"[\s_-]+", " ", str(value).strip(" \t\r\n\"'.!")).casefold()


def is_starting(words: str | None) -> bool:
    """`starting`, `warming up`, `Loading model`."""
    return bool(words and _STARTING.match(words))


def yes_or_no(field: str, value: bool) -> str | None:
    """What `"healthy": false` says; None where the name of the field makes `true` bad news."""
    if plain_word(field.rpartition(".")[2]) in _NEGATIVE:
        return None
    return YES if value else "down"


def reasons(content: object) -> Reasons:
    """What the body blames: each part that is not well, and the service's own sentence."""
    if isinstance(content, str):
        parts = [] if is_markup(content) else _lines(content)
    else:
        parts = [part for _, part in zip(range(_MOST_PARTS), _parts(content, ""), strict=False)]
    names = dict.fromkeys(clean(part.name, 60) for part in parts if part.name)
    says = dict.fromkeys(clean(part.says, 120) for part in parts if part.says)
    return Reasons(
        names=tuple(names)[:_MOST_NAMES],
        says=clean("; ".join(says), 240),
        database=any(part.is_database for part in parts),
    )


def _lines(text: str) -> list[Part]:
    """A plain text; Kubernetes lists what failed, a line each."""
    failed = [Part(name, "") for name in _KUBERNETES.findall(text)]
    return failed or [Part("", text[:1000])]


def _parts(content: object, name: str, depth: int = 0) -> Iterator[Part]:
    if depth > _DEEPEST:
        return
    if isinstance(content, list):
        for one in content:
            yield from _parts(one, name, depth + 1)
    if isinstance(content, Mapping):
        yield from _parts_of(content, name, depth)


def _parts_of(content: Mapping[str, object], name: str, depth: int) -> Iterator[Part]:
    called = next((str(content[key]) for key in _NAME_KEYS if isinstance(content.get(key), str)), name)
    states = [content[key] for key in _STATE_KEYS if key in content]
    if depth == 0 or any(_is_bad(one) for one in states) or (not states and not name):
        texts = (content.get(key) for key in _TEXT_KEYS)
        yield Part(called if depth else "", "; ".join(one for one in texts if isinstance(one, str)))
    for key, value in content.items():
        if key in _STATE_KEYS and not isinstance(value, Mapping | list):
            continue
        if isinstance(value, Mapping | list):
            if key.lower() in _LISTS and isinstance(value, Mapping):
                yield from _sentences(value)
            yield from _parts(value, name if key.lower() in _FRAMES else key, depth + 1)
        elif key not in _TEXT_KEYS and key not in _NAME_KEYS and _is_bad_part(key, value):
            yield Part(key, value if isinstance(value, str) else "")


def _sentences(parts: Mapping[str, object]) -> Iterator[Part]:
    """`"checks": {"database": "connect ECONNREFUSED 10.0.0.5:5432"}`: a part that tells its trouble."""
    for key, value in parts.items():
        if not isinstance(value, str) or key in _TEXT_KEYS or key in _NAME_KEYS or _is_bad_part(key, value):
            continue
        words = words_of(value)
        if _TROUBLE.search(words) and not _NO_TROUBLE.search(words):
            yield Part(key, value)


def _is_bad(value: object) -> bool:
    return value is False or (plain_word(value) or "") in NOT_WELL


def _is_bad_part(key: str, value: object) -> bool:
    """`"redis": "down"`, `"queue": "unavailable: no route"`; of plain `false`, only the database's."""
    if value is False:
        return bool(_DATABASE.search(words_of(key)))
    first = re.split(r"[:,(]", value, maxsplit=1)[0] if isinstance(value, str) else value
    return _is_bad(first)
