"""Asks one endpoint of the configuration, record by record, for its whole answer.

What its users get as well (5xx, no answer, another body than expected) is `bad`. What says only that *we*
cannot ask it (credentials, method, address, throttling) is `unknown`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
from pydantic_core import from_json
from temporalio import activity

from activities.endpoints.seen import (
    EndpointKind,
    EndpointSeen,
    LookAtEndpoint,
    RecordSeen,
    WatchEndpoint,
)
from activities.health.body import content_of, decoded, is_markup, reasons
from activities.service.matching import searched
from activities.support.http import Answer, Cut, Fault, NoAnswer, Outgoing, retry_after, send, shown
from activities.support.redaction import clean
from activities.support.secrets import SecretMissing, resolve
from activities.support.stability import Pace, Patience
from activities.support.watch import watch
from models.base import in_words
from models.evidence.evidence import Evidence, Finding, VerificationResult
from models.redaction.shapes import REDACTED
from models.service.endpoints import Endpoint, Endpoints, Expected
from models.service.service import Service

BODY_LIMIT = 64 * 1024
"""Bytes of an answer that are read."""
PATTERN = timedelta(seconds=3)
"""For the search of a body."""
_SEARCHES_AT_ONCE = 8
_TOO_SLOW = "expects.pattern takes too long on its body: write it without repetitions of repetitions"
EXCERPT = 2000
MOST_HEADERS = 30

TELLING = frozenset(
    {"age", "allow", "cache-control", "cf-cache-status", "connection", "content-encoding", "content-length"}
    | {"content-type", "date", "location", "retry-after", "server", "transfer-encoding", "vary", "via"}
    | {"x-cache", "x-powered-by", "x-request-id"}
)
"""Headers whose values may be told. Of all others only the name is."""

_USERS_GET_IT_TOO = (Fault.REFUSED, Fault.CLOSED, Fault.TIMED_OUT)
_CHANGE = {
    401: "name a token that it takes in `{place}.token`",
    403: "name a token that has the rights for it in `{place}.token`",
    405: "write the method that it takes in `{place}.method`, or another path: it is never asked by POST",
    407: "a proxy stands in between: name this host in `NO_PROXY`",
}
_EVERY = timedelta(seconds=5)
_SETTLE = timedelta(minutes=1)


class EndpointActivities:
    """Probes endpoints with one shared HTTP client."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        # Its own threads: those of asyncio also resolve host names, which must not wait for a search.
        self._judges = ThreadPoolExecutor(_SEARCHES_AT_ONCE, thread_name_prefix="judges")

    @activity.defn
    async def look_at_endpoint(self, request: LookAtEndpoint) -> EndpointSeen:
        """Its whole answer, for each configured record. Never raises for the endpoint's trouble."""
        return await self._look(request)

    @activity.defn
    async def watch_endpoint(self, request: WatchEndpoint) -> VerificationResult:
        """Probe until it answered as expected without a break for the window, or cannot become so."""
        health = request.service.health
        every = min(health.every if health else _EVERY, request.stable_for / 3)
        settle = health.settle if health else _SETTLE
        pace: Pace | Patience = Pace(
            every=every, settle=settle, stable_for=request.stable_for, well="as expected"
        )
        if request.at_most is not None:
            pace = Patience(every=every, stable_for=request.stable_for, at_most=request.at_most)
        return await watch(lambda: self._sample(request), pace)

    async def _sample(self, request: WatchEndpoint) -> Evidence:
        """A probe that must prove a recovery: what is out of service, or gone, proves none."""
        if request.at_most is not None and not _passes_the_switch(request):
            return Evidence(
                reason="without `bypass` nobody sees what is behind the switch", observed_at=_now()
            )
        seen = await self._look(request)
        unproved = seen.kind in (EndpointKind.SWITCHED_OFF, EndpointKind.GONE)
        return seen.model_copy(update={"finding": Finding.BAD}) if unproved else seen

    async def _look(self, request: LookAtEndpoint) -> EndpointSeen:
        now, service = _now(), request.service
        named = clean(", ".join(request.named), 200)
        if service.endpoints is None:
            place = f"services.{service.name}.endpoints"
            reason = f"no endpoint may be probed: name those that may under `{place}`"
            return EndpointSeen(reason=reason, named=named, kind=EndpointKind.NOT_ASKED, observed_at=now)
        endpoint = service.endpoints.called(request.named)
        if endpoint is None:
            reason = _not_known(service.endpoints, named)
            return EndpointSeen(reason=reason, named=named, kind=EndpointKind.NOT_ASKED, observed_at=now)
        behind = isinstance(request, WatchEndpoint) and request.at_most is not None
        seen = await asyncio.gather(*(self._ask(service, endpoint, one, behind) for one in endpoint.paths))
        return _judged(endpoint, named, tuple(seen), now)

    async def _ask(
        self, service: Service, endpoint: Endpoint, path: str, behind: bool
    ) -> tuple[RecordSeen, object]:
        """One request, `behind` the switch or as users see it, and what its body holds."""
        assert service.endpoints is not None, "an endpoint is one of them"  # noqa: S101
        place = f"services.{service.name}.endpoints"
        began = time.monotonic()
        try:
            request = Outgoing(
                service.endpoints.url + path, endpoint.method, headers=_headers(endpoint, behind)
            )
            answer = await send(self._client, request, within=endpoint.timeout, limit=BODY_LIMIT)
        except SecretMissing as missing:
            return RecordSeen(path=path, kind=EndpointKind.OUR_PROBE, says=f"cannot be asked: {missing}"), ""
        except NoAnswer as no_answer:
            theirs = no_answer.fault in _USERS_GET_IT_TOO
            kind = EndpointKind.NO_ANSWER if theirs else EndpointKind.OUR_PROBE
            return RecordSeen(path=path, kind=kind, says=no_answer.reason, took=_since(began)), ""
        took, content = _since(began), content_of(decoded(answer.body))
        loop = asyncio.get_running_loop()
        kind, says = await loop.run_in_executor(self._judges, _judge, endpoint, answer, content, place)
        record = RecordSeen(
            path=path,
            kind=kind,
            says=f"answered {answer.status} at {shown(request.url)}{says}",
            status=answer.status,
            headers=_told(answer.headers),
            body=clean(decoded(answer.body[:EXCERPT]), EXCERPT),
            took=took,
        )
        return record, content


def _judged(
    endpoint: Endpoint, named: str, seen: tuple[tuple[RecordSeen, object], ...], now: datetime
) -> EndpointSeen:
    records = tuple(record for record, _ in seen)
    worst = min(seen, key=lambda one: _BY_WEIGHT.index(one[0].kind))
    why = reasons(worst[1]) if worst[0].failed and not is_markup(worst[1]) else reasons("")
    failing = [one for one in records if one.failed]
    reason = worst[0].says
    if failing and len(records) > 1:
        reason = f"{len(failing)} of {len(records)} records fail: {reason}"
    if why.says and worst[0].failed:
        reason = f"{reason}, and says: {why.says}"
    well = worst[0].kind is EndpointKind.AS_EXPECTED
    return EndpointSeen(
        finding=Finding.BAD if failing else Finding.OK if well else Finding.UNKNOWN,
        reason=reason,
        observed_at=now,
        path=endpoint.path,
        named=named,
        routes=endpoint.routes,
        kind=worst[0].kind,
        records=records,
        names=why.names,
        says=why.says,
        names_database=why.database,
    )


_BY_WEIGHT = (
    EndpointKind.ERROR,
    EndpointKind.NO_ANSWER,
    EndpointKind.ODD,
    EndpointKind.SWITCHED_OFF,
    EndpointKind.GONE,
    EndpointKind.OUR_PROBE,
    EndpointKind.NOT_ASKED,
    EndpointKind.AS_EXPECTED,
)


def _judge(endpoint: Endpoint, answer: Answer, content: object, place: str) -> tuple[EndpointKind, str]:
    """How it ended, and what follows the status in the sentence about it."""
    status, expects = answer.status, endpoint.expects
    if status in expects.status or (not expects.status and 200 <= status < 300):
        return _of_body(expects, answer, content)
    if status >= 500:
        wait = retry_after(answer.retry_after) if status == 503 else None
        asks = f", and asks to come back in {in_words(wait)}" if wait is not None else ""
        return EndpointKind.SWITCHED_OFF if asks else EndpointKind.ERROR, asks
    if status in (404, 410):
        return EndpointKind.GONE, f": it was removed, or `path` under `{place}` is wrong"
    if status >= 300:
        return EndpointKind.OUR_PROBE, f"{_leads_to(answer)}: {_change(status).format(place=place)}"
    return EndpointKind.ODD, f", and {' or '.join(map(str, expects.status))} is expected"


def _leads_to(answer: Answer) -> str:
    return f", which leads to {clean(answer.location, 200)}" if answer.location else ""


def _change(status: int) -> str:
    other = "write the path that answers itself under `{place}`" if status < 400 else ""
    return _CHANGE.get(status, other or "it does not take our request; correct it under `{place}`")


def _of_body(expects: Expected, answer: Answer, content: object) -> tuple[EndpointKind, str]:
    if answer.cut in (Cut.TIME, Cut.BROKEN):
        return EndpointKind.NO_ANSWER, ", and the answer did not come whole"
    has = content if isinstance(content, Mapping) and _is_strict(answer) else {}
    if lacks := [field for field in expects.has if field not in has]:
        return EndpointKind.ODD, f" without {', '.join(lacks)} in its body"
    found = searched({"pattern": expects.pattern} if expects.pattern else {}, [decoded(answer.body)], PATTERN)
    if found.too_slow:
        return EndpointKind.OUR_PROBE, f", and {_TOO_SLOW}"
    if found.not_searched:
        return EndpointKind.OUR_PROBE, f", and its body was not searched: {found.not_searched}"
    if expects.pattern and not found.places["pattern"]:
        return EndpointKind.ODD, f" without {expects.pattern!r} in its body"
    return EndpointKind.AS_EXPECTED, ""


def _is_strict(answer: Answer) -> bool:
    """JSON has no word for NaN, and a strict reader refuses such an answer."""
    try:
        from_json(answer.body, allow_inf_nan=False)
    except ValueError:
        return False
    return True


def _not_known(endpoints: Endpoints, named: str) -> str:
    known = ", ".join(one.routes[0] for one in endpoints.known[:10])
    if not named:
        return f"the alert names no endpoint: give it the label `route`; those that may be probed: {known}"
    return f"{named} is no endpoint that may be probed; those that may: {known}"


def _headers(endpoint: Endpoint, behind: bool) -> dict[str, str]:
    headers = {"Accept": "application/json, */*"}
    if endpoint.token:
        headers["Authorization"] = f"Bearer {resolve(endpoint.token)}"
    if endpoint.bypass and behind:
        headers[endpoint.bypass.header] = resolve(endpoint.bypass.value)
    return headers


def _told(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Each header by its name; the value only where it holds no secret."""
    told: dict[str, str] = {}
    for name, value in list(headers)[:MOST_HEADERS]:
        known = name.lower() in TELLING
        told[clean(name.lower(), 64)] = clean(value, 200) if known else REDACTED
    return told


def _passes_the_switch(request: LookAtEndpoint) -> bool:
    endpoints = request.service.endpoints
    endpoint = endpoints.called(request.named) if endpoints else None
    return endpoint is not None and endpoint.bypass is not None


def _now() -> datetime:
    return datetime.now(UTC)


def _since(began: float) -> timedelta:
    return timedelta(seconds=round(time.monotonic() - began, 4))
