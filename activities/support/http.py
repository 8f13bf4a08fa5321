"""One bounded HTTP request, for every activity that looks, or calls once.

Bounded are the whole time, and the size and the parts of what was unpacked; redirects are not followed.
Nothing in the product asks another system over HTTP in any other way. A failure is one of:

    NoAnswer
      · refused       nothing listens
      · closed        the connection was closed without an answer
      · timed-out     connected, but no answer in time
      · not-http      the answer is not HTTP
      · unreachable   no such host name, no route, no way through the proxy, no free connection: says
                      nothing about the service
      · misconfigured the address or TLS is invalid: says nothing about the service
      · no-use        the answer is incomplete or not 200 (only by `Answer.whole`)
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from urllib.parse import urlsplit

import httpx

from activities.support.redaction import clean
from activities.support.unpacking import unpacking
from models.base import in_words
from models.parts import MOST_OBJECTS, MOST_PARTS, end_of_most

BYTES_OF_A_PART = 8
"""A small body may not have as many parts as a large one: samples of Prometheus have one in eight bytes."""
FEW_PARTS = 50_000
"""Any body may have as many."""


class Fault(StrEnum):
    REFUSED = "refused"
    CLOSED = "closed"
    NOT_HTTP = "not-http"
    TIMED_OUT = "timed-out"
    UNREACHABLE = "unreachable"
    MISCONFIGURED = "misconfigured"
    NO_USE = "no-use"


class NoAnswer(Exception):
    """There was no HTTP status. The text is one sentence, without secrets."""

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason


class Cut(StrEnum):
    """Why a body is incomplete."""

    TIME = "time"
    SIZE = "size"
    PARTS = "too many parts"
    BROKEN = "broken"
    ENCODING = "encoding"


@dataclass(frozen=True)
class Answer:
    """A status, and the body up to its bound."""

    status: int
    body: bytes
    location: str = ""
    retry_after: str = ""
    date: str = ""
    """The server's clock, as its `Date` header tells it."""
    cut: Cut | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """As they came. They may hold secrets."""

    @property
    def good(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300

    def header(self, name: str) -> str:
        """The first of this name; empty without one. It may hold a secret."""
        return next((value for known, value in self.headers if known.lower() == name), "")

    @property
    def excerpt(self) -> str:
        """The beginning of the body, redacted, for evidence."""
        return clean(self.body[:4096].decode("utf-8", errors="replace"))

    def whole(self, url: str) -> bytes:
        """The body of a complete answer with status 200. Raises `NoAnswer` otherwise."""
        if self.status != 200:
            raise NoAnswer(Fault.NO_USE, f"answered {self.status} at {shown(url)}")
        if self.cut is not None:
            raise NoAnswer(Fault.NO_USE, f"the answer of {shown(url)} is incomplete ({self.cut.value})")
        return self.body


def shown(url: str) -> str:
    """An address without its possibly secret parts: user, password, query, fragment."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


@dataclass(frozen=True)
class Outgoing:
    """One request, before it is sent. With `json` its body is this object."""

    url: str
    method: str = "GET"
    params: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    json: object = None


@dataclass
class Passage:
    """How far a request came. The client's transport keeps it, in the extension `PASSAGE`."""

    at_proxy: bool = False
    """Whether a proxy in between has still to connect it: the server behind it knows nothing of it yet."""


PASSAGE = "passage"


async def ask(
    client: httpx.AsyncClient,
    url: str,
    *,
    within: timedelta,
    limit: int,
    error_limit: int | None = None,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """`GET url`: see `send`."""
    request = Outgoing(url, params=params, headers=headers)
    return await send(client, request, within=within, limit=limit, error_limit=error_limit)


async def send(
    client: httpx.AsyncClient,
    request: Outgoing,
    *,
    within: timedelta,
    limit: int,
    error_limit: int | None = None,
) -> Answer:
    """Send it on a fresh connection: at most `limit` bytes of the body, `within` in all.

    Of an answer that tells of an error, `error_limit` bytes, where that is another number.

    A fresh connection, because a pooled one may belong to a process that is gone.
    Raises `NoAnswer` when not even a status came.
    """
    seconds = within.total_seconds()
    asked_for = {"Connection": "close", "Accept-Encoding": "identity", **(request.headers or {})}
    response: httpx.Response | None = None
    body = bytearray()
    cut: Cut | None = None
    passage = Passage()
    try:
        async with (
            asyncio.timeout(seconds),
            client.stream(
                request.method,
                request.url,
                params=request.params,
                json=request.json,
                headers=asked_for,
                follow_redirects=False,
                # The total is bounded above; an exhausted pool is our own fault, and reported as that.
                timeout=httpx.Timeout(None, pool=seconds / 2),
                extensions={PASSAGE: passage},
            ) as response,
        ):
            if error_limit is not None and response.is_error:
                limit = error_limit
            unpack = unpacking(response.headers.get("content-encoding", ""))
            async for chunk in response.aiter_raw():
                body += unpack(chunk, limit + 1 - len(body))
                if len(body) > limit:
                    cut = Cut.SIZE
                    break
    except TimeoutError:
        if response is None:
            raise _late(passage, within, shown(request.url)) from None
        cut = Cut.TIME
    except zlib.error:
        cut = Cut.ENCODING
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        if response is None:
            raise _no_answer(error, shown(request.url)) from error
        cut = Cut.BROKEN
    most = min(MOST_PARTS, max(FEW_PARTS, limit // BYTES_OF_A_PART))
    if (end := end_of_most(body, MOST_OBJECTS, most)) is not None:
        cut, limit = Cut.PARTS, end
    assert response is not None  # noqa: S101 - without a status, it was raised above
    del body[limit:]
    return Answer(
        status=response.status_code,
        body=bytes(body),
        location=response.headers.get("location", ""),
        retry_after=response.headers.get("retry-after", ""),
        date=response.headers.get("date", ""),
        cut=cut,
        headers=tuple(response.headers.multi_items()),
    )


def retry_after(header: str) -> timedelta | None:
    """The value of `Retry-After`, in seconds or as a date; None without a valid one."""
    if header.isascii() and header.isdigit():
        return timedelta(seconds=min(int(header), 7 * 86400))
    try:
        at = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(timedelta(), at - datetime.now(UTC))


_MEANINGS: tuple[tuple[tuple[type[BaseException], ...], Fault, str], ...] = (
    ((ssl.SSLError,), Fault.MISCONFIGURED, "no trusted TLS connection to {where}"),
    ((httpx.ProxyError,), Fault.UNREACHABLE, "the proxy in between does not connect to {where}"),
    ((socket.gaierror,), Fault.UNREACHABLE, "no such host name: {where}"),
    ((ConnectionRefusedError,), Fault.REFUSED, "connection refused at {where}"),
    ((httpx.PoolTimeout,), Fault.UNREACHABLE, "this worker has no free connection for {where}"),
    ((httpx.ConnectError,), Fault.UNREACHABLE, "no route to {where}"),
    (
        (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError),
        Fault.CLOSED,
        "connection closed without a valid answer at {where}",
    ),
)
"""What a failure means, by the most telling error that led to it: the first row that fits."""


def _late(passage: Passage, within: timedelta, where: str) -> NoAnswer:
    if passage.at_proxy:
        reason = f"the proxy in between does not connect to {where} within {in_words(within)}"
        return NoAnswer(Fault.UNREACHABLE, reason)
    return NoAnswer(Fault.TIMED_OUT, f"no answer within {in_words(within)} at {where}")


def _no_answer(error: Exception, where: str) -> NoAnswer:
    causes = tuple(_causes(error))
    if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in str(error):
        return NoAnswer(Fault.NOT_HTTP, f"what answers at {where} does not speak HTTP")
    for kinds, fault, sentence in _MEANINGS:
        if any(isinstance(cause, kinds) for cause in causes):
            return NoAnswer(fault, sentence.format(where=where))
    # The text of these may quote a header, and so a token: only the kind is told.
    quoting = isinstance(error, httpx.LocalProtocolError | UnicodeError)
    why = type(error).__name__ if quoting else clean(str(error), 120)
    return NoAnswer(Fault.MISCONFIGURED, f"cannot ask {where}: {why}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that led to it: httpx wraps a refusal several layers deep."""
    yield error
    members = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for cause in (*members, error.__cause__ or error.__context__):
        if cause is not None:
            yield from _causes(cause)
