"""The application's own HTTP API: one bounded request each, and what is wrong with an answer.

What only says that *we* cannot ask it (credentials, another path, a web page) is told with what to change.
What it answers of itself (5xx with a reason) is its own word.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Literal, TypeVar

import httpx

from activities.app.answers import SAME_TIME, A, ApiAnswer, Got, Unreadable, read, says_it_failed
from activities.health.body import content_of, decoded, is_markup, reasons
from activities.support.http import Answer, Cut, Fault, NoAnswer, Outgoing, retry_after, send, shown
from activities.support.redaction import clean
from activities.support.secrets import SecretMissing, resolve
from models.base import in_bytes, in_words
from models.evidence.evidence import Evidence
from models.service.application import ApplicationApi
from models.service.service import Service

ANSWER_LIMIT = 2**20
"""Bytes of an answer that are read, counted after it was decoded."""

USUAL_WAIT = timedelta(seconds=30)
"""For one who throttles us without saying for how long."""

PathName = Literal[
    "last_sync",
    "product_count",
    "sync_products",
    "last_generated",
    "queue_status",
    "generate_videos",
    "daily_summary",
    "budget_status",
    "revenue",
    "products_by_roi",
    "platform_comparison",
]
"""A key of `services.NAME.api.paths`."""


class Refused(StrEnum):
    """Why an answer is of no use."""

    NOT_CONFIGURED = "not-configured"
    NO_ANSWER = "no-answer"
    """Nothing came. Of a request that triggers something, this may be only its answer."""
    NOT_ALLOWED = "not-allowed"
    """401 or 403: of our credentials."""
    WRONG_ADDRESS = "wrong-address"
    """404, 405, a redirect, a web page: another address is meant."""
    THROTTLED = "throttled"
    BUSY = "busy"
    """409, 423 or 425: it is at it already."""
    FAILED = "failed"
    """5xx, a request that it does not take, or a 2xx that tells of a failure; `says` is its own word,
    where it gives one."""
    ODD = "odd"
    """It answers, and what it answers cannot be read."""


class ApiSeen(Evidence):
    """The base of evidence from the application's API."""

    refused: Refused | None = None
    says: str = ""
    """The application's own words for what is wrong."""


S = TypeVar("S", bound=ApiSeen)


class NoUse(Exception):
    """There is no usable answer. The text is one sentence with what to change, without secrets."""

    fault: Fault | None = None
    """Why nothing came, of `NO_ANSWER`."""
    retry_after: timedelta | None = None
    """When to come back, as it says itself, of `THROTTLED`."""

    def __init__(
        self, refused: Refused, reason: str, says: str = "", look_again_after: timedelta | None = None
    ) -> None:
        super().__init__(reason)
        self.refused = refused
        self.reason = reason
        self.says = says
        self.look_again_after = look_again_after

    def seen(self, result: type[S]) -> S:
        """As evidence: `unknown`, since an API that cannot be read says nothing of what it would tell."""
        return result(
            reason=self.reason,
            refused=self.refused,
            says=self.says,
            look_again_after=self.look_again_after,
            observed_at=datetime.now(UTC),
        )


@dataclass(frozen=True)
class Posted:
    """What a request that triggers something was answered: 2xx, and the body as JSON or text."""

    status: int
    content: object
    where: str


class AppApi:
    """Asks the application with one shared HTTP client."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, service: Service, path: PathName, model: type[A]) -> Got[A]:
        """One `GET`, over within the configured time. Raises `NoUse` for whatever is no usable answer."""
        asked = _Asked(service, path)
        answer = await self._ask(asked, "GET")
        content = asked.content(answer)
        if answer.status != 200:
            raise asked.no_use(Refused.ODD, f"answered {answer.status} in place of 200")
        if answer.cut is not None:
            most = f" of more than {in_bytes(ANSWER_LIMIT)}" if answer.cut is Cut.SIZE else ""
            why = f"gave an answer{most} that did not come whole ({answer.cut.value})"
            raise asked.no_use(Refused.ODD, why)
        if is_markup(content):
            raise asked.no_use(
                Refused.WRONG_ADDRESS, "answered a web page in place of JSON", asked.change_address()
            )
        asked.heed(content, answer.status, model)
        received_at = datetime.now(UTC)
        try:
            read_as = read(content, model, asked.api.time_zone, received_at)
        except Unreadable as unreadable:
            said = reasons(content).says
            raise asked.no_use(Refused.ODD, str(unreadable), says=said) from None
        return Got(read_as, received_at, _ahead(answer, received_at))

    async def post(self, service: Service, path: PathName, body: Mapping[str, object]) -> Posted:
        """One `POST` of a JSON object, sent once. Raises `NoUse`; after `NO_ANSWER` it may be done."""
        asked = _Asked(service, path)
        answer = await self._ask(asked, "POST", body)
        content = asked.content(answer)
        if not 200 <= answer.status < 300:
            raise asked.no_use(Refused.ODD, f"answered {answer.status} in place of 2xx")
        if is_markup(content):
            raise asked.no_use(
                Refused.WRONG_ADDRESS, "answered a web page in place of JSON", asked.change_address()
            )
        asked.heed(content, answer.status)
        return Posted(answer.status, content, asked.where)

    async def _ask(self, asked: _Asked, method: str, body: Mapping[str, object] | None = None) -> Answer:
        try:
            headers = {"Accept": "application/json", **asked.authorization()}
            request = Outgoing(asked.url, method, headers=headers, json=body)
            return await send(self._client, request, within=asked.api.timeout, limit=ANSWER_LIMIT)
        except NoAnswer as no_answer:
            change = asked.change_address() if no_answer.fault in _OUR_ADDRESS else ""
            reason = f"{no_answer.reason}{change and '; '}{change}"
            no_use = NoUse(Refused.NO_ANSWER, reason)
            no_use.fault = no_answer.fault
            raise no_use from no_answer


_OUR_ADDRESS = (Fault.UNREACHABLE, Fault.MISCONFIGURED, Fault.NOT_HTTP)


class _Asked:
    """One request: its address, and the sentences about its answer. Raises `NoUse` without an API."""

    def __init__(self, service: Service, path: PathName) -> None:
        if service.api is None:
            reason = f"no API is configured for {service.name}: set `services.{service.name}.api.url`"
            raise NoUse(Refused.NOT_CONFIGURED, reason)
        self.api: ApplicationApi = service.api
        self.url = self.api.url + getattr(self.api.paths, path)
        self.where = shown(self.url)
        self._keys = f"services.{service.name}.api"
        self._path = path

    def authorization(self) -> dict[str, str]:
        if self.api.token is None:
            return {}
        try:
            token = resolve(self.api.token)
        except SecretMissing as missing:
            raise self.no_use(Refused.NOT_ALLOWED, f"cannot be asked: {missing}") from None
        if not (token.isascii() and token.isprintable()):
            cure = f"write only the token into {self.api.token}"
            why = "cannot be asked: its token holds what no header may"
            raise self.no_use(Refused.NOT_ALLOWED, why, cure)
        return {"Authorization": f"Bearer {token}"}

    def content(self, answer: Answer) -> object:
        """What the body holds. Raises `NoUse` for a status that tells of a refusal or a failure."""
        content, status = content_of(decoded(answer.body)), answer.status
        if status in (401, 403, 407):
            raise self.no_use(Refused.NOT_ALLOWED, f"answered {status}", self._change_token(status))
        if status in (404, 405, 410) or 300 <= status < 400:
            to = f", which leads to {clean(answer.location, 200)}" if answer.location else ""
            raise self.no_use(Refused.WRONG_ADDRESS, f"answered {status}{to}", self.change_address())
        says = "" if is_markup(content) else reasons(content).says
        wait = retry_after(answer.retry_after)
        wait = _wait_in(content) if wait is None else wait
        if status == 429 or (status == 503 and wait is not None):
            when = f", and asks to come back in {in_words(wait)}" if wait is not None else ""
            why = f"is throttled: answered {status}{when}"
            no_use = self.no_use(Refused.THROTTLED, why, says=says, wait=USUAL_WAIT if wait is None else wait)
            no_use.retry_after = wait
            raise no_use
        if status in (409, 423, 425):
            raise self.no_use(Refused.BUSY, f"answered {status}", says=says)
        if status >= 400:
            raise self.no_use(Refused.FAILED, f"answered {status}", says=says)
        return content

    def heed(self, content: object, status: int, model: type[ApiAnswer] | None = None) -> None:
        """Raises `NoUse` for an answer that says of itself that it failed, whatever its status."""
        if says_it_failed(content, model):
            why = f"answered {status} that says that it failed"
            raise self.no_use(Refused.FAILED, why, says=reasons(content).says)

    def no_use(
        self, refused: Refused, why: str, change: str = "", says: str = "", wait: timedelta | None = None
    ) -> NoUse:
        said = f", and says: {says}" if says else ""
        return NoUse(refused, f"{self.where} {why}{said}{change and '; '}{change}", says, wait)

    def change_address(self) -> str:
        return f"correct `{self._keys}.url`, or `{self._keys}.paths.{self._path}`"

    def _change_token(self, status: int) -> str:
        if status == 407:
            return "a proxy stands in between: name this host in `NO_PROXY`"
        if self.api.token is None:
            return f"name a token that it takes in `{self._keys}.token`"
        return f"renew the token in {self.api.token}: it is not the one that the application takes"


def _wait_in(content: object) -> timedelta | None:
    """`{"retryAfter": 30}`: seconds."""
    if not isinstance(content, Mapping):
        return None
    keys = ("retryAfter", "retry_after", "retryAfterSeconds")
    value = next((content[key] for key in keys if key in content), "")
    return retry_after(json.dumps(value).strip('"').partition(".")[0])


def _ahead(answer: Answer, received_at: datetime) -> timedelta:
    """How far its clock is ahead of ours, by its `Date`; nothing where it is the same or not told."""
    try:
        date = parsedate_to_datetime(answer.date)
    except (ValueError, OverflowError):
        return timedelta()
    ahead = (date if date.tzinfo else date.replace(tzinfo=UTC)) - received_at
    return ahead if abs(ahead) > SAME_TIME else timedelta()
