"""One bounded question over HTTP, for every read-only activity that asks a system on the web.

The time for the whole answer and its size are bounded, redirects are not followed, and a
system that does not answer is told apart by how it failed:

    NoAnswer
      · refused       nobody listens
      · closed        the connection was closed without an answer
      · timed-out     the connection stands and nothing comes
      · not-http      an answer came, in another protocol
      · unreachable   no such name, no route, no free connection: we cannot see
      · misconfigured the address cannot be asked at all: we cannot see
      · no-use        an answer came, but not a whole one with status 200 (only by `Answer.whole`)
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from urllib.parse import urlsplit

import httpx

from activities.support.redaction import clean
from models.base import in_words


class Fault(StrEnum):
    REFUSED = "refused"
    CLOSED = "closed"
    NOT_HTTP = "not-http"
    TIMED_OUT = "timed-out"
    UNREACHABLE = "unreachable"
    MISCONFIGURED = "misconfigured"
    NO_USE = "no-use"


class NoAnswer(Exception):
    """Not even a status line came. The text is one sentence for a person, without secrets."""

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason


class Cut(StrEnum):
    """Why a body is not whole."""

    TIME = "time"
    SIZE = "size"
    BROKEN = "broken"
    ENCODING = "encoding"


@dataclass(frozen=True)
class Answer:
    """A status, and as much of the body as fitted into the bounds."""

    status: int
    body: bytes
    location: str = ""
    retry_after: str = ""
    cut: Cut | None = None

    @property
    def excerpt(self) -> str:
        """The beginning of the body, redacted, for evidence."""
        return clean(self.body[:4096].decode("utf-8", errors="replace"))

    def whole(self, url: str) -> bytes:
        """The body of a good answer that came whole. Raises `NoAnswer` for anything less."""
        if self.status != 200:
            raise NoAnswer(Fault.NO_USE, f"answered {self.status} at {shown(url)}")
        if self.cut is not None:
            raise NoAnswer(Fault.NO_USE, f"the answer of {shown(url)} did not come whole ({self.cut.value})")
        return self.body


def shown(url: str) -> str:
    """An address without what may be secret in it: user, password, query and fragment."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


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
    """`GET url` on a fresh connection: at most `limit` bytes of the body, `within` in all.

    Of an answer that tells of an error, `error_limit` bytes, where that is another number.

    A fresh connection, because a kept one may belong to a process that is long gone.
    Raises `NoAnswer` when not even a status came.
    """
    seconds = within.total_seconds()
    asked_for = {"Connection": "close", "Accept-Encoding": "identity", **(headers or {})}
    response: httpx.Response | None = None
    body = bytearray()
    cut: Cut | None = None
    try:
        async with (
            asyncio.timeout(seconds),
            client.stream(
                "GET",
                url,
                params=params,
                headers=asked_for,
                follow_redirects=False,
                # The whole is bounded above; a pool without room is our own fault, and said so.
                timeout=httpx.Timeout(None, pool=seconds / 2),
            ) as response,
        ):
            if error_limit is not None and response.is_error:
                limit = error_limit
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > limit:
                    cut = Cut.SIZE
                    break
    except TimeoutError:
        if response is None:
            reason = f"no answer within {in_words(within)} at {shown(url)}"
            raise NoAnswer(Fault.TIMED_OUT, reason) from None
        cut = Cut.TIME
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        if response is None:
            raise _no_answer(error, shown(url)) from error
        cut = Cut.ENCODING if isinstance(error, httpx.DecodingError) else Cut.BROKEN
    return Answer(
        status=response.status_code,
        body=bytes(body[:limit]),
        location=response.headers.get("location", ""),
        retry_after=response.headers.get("retry-after", ""),
        cut=cut,
    )


def retry_after(header: str) -> timedelta | None:
    """How long a server asks us to wait: it says seconds or a date. None when it does not say."""
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
    ((socket.gaierror,), Fault.UNREACHABLE, "no such host name: {where}"),
    ((ssl.SSLError,), Fault.MISCONFIGURED, "no trusted TLS connection to {where}"),
    ((ConnectionRefusedError,), Fault.REFUSED, "connection refused at {where}"),
    ((httpx.PoolTimeout,), Fault.UNREACHABLE, "this worker has no free connection to ask {where}"),
    ((httpx.ConnectError,), Fault.UNREACHABLE, "no route to {where}"),
    (
        (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError),
        Fault.CLOSED,
        "connection closed without a valid answer at {where}",
    ),
)
"""What a failure means, by the most telling error that led to it: the first row that fits."""


def _no_answer(error: Exception, where: str) -> NoAnswer:
    causes = tuple(_causes(error))
    if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in str(error):
        return NoAnswer(Fault.NOT_HTTP, f"what answers at {where} does not speak HTTP")
    for kinds, fault, sentence in _MEANINGS:
        if any(isinstance(cause, kinds) for cause in causes):
            return NoAnswer(fault, sentence.format(where=where))
    return NoAnswer(Fault.MISCONFIGURED, f"cannot ask {where}: {clean(str(error), 120)}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that led to it: httpx wraps a refusal several layers deep."""
    yield error
    members = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for cause in (*members, error.__cause__ or error.__context__):
        if cause is not None:
            yield from _causes(cause)
