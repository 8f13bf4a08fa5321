"""The most frequent errors of a project, from Sentry's REST API.

Shown to the person who decides; it decides nothing itself. The token needs `event:read` and
nothing else. Titles come from the application's errors: they are data, redacted.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator
from pydantic.alias_generators import to_camel
from temporalio import activity

from activities.support.http import Answer, NoAnswer, ask, retry_after
from activities.support.redaction import clean
from activities.support.secrets import SecretMissing, resolve
from models.base import Duration, Model, in_words
from models.evidence.evidence import Evidence, Finding
from models.service.request import ServiceRequest
from models.service.surroundings import Sentry

ANSWER_LIMIT = 2**20
READ = 25
"""Issues that are read at a time, because some of them may not count."""
MOST_COUNTED = 10**9
"""Events or users of one issue; what is told as more is written as this."""
SHORT_WAIT = timedelta(seconds=2)
"""If Sentry limits us for no longer, it is asked again once."""

_A_ROUTE = re.compile(r"(?:[A-Z]+ )?/")
_OPEN = ("", "unresolved", "reprocessing")


class TopIssues(ServiceRequest):
    """The most frequent issues of a project, and those first seen `since` the last deployment."""

    query: str = "is:unresolved"
    period: str = Field(default="24h", pattern=r"^\d+[hdw]$")
    since: datetime | None = None
    top: int = Field(default=3, ge=1, le=25)
    routes: tuple[str, ...] = ()
    """Only those of these routes: by their transaction, or by the culprit."""
    within: Duration = timedelta(seconds=5)


class Issue(Model):
    """One issue, its texts redacted. `count`: events within the asked period."""

    short_id: str
    title: str
    culprit: str = ""
    level: str = ""
    count: int
    users: int = 0
    first_seen: datetime
    last_seen: datetime
    link: str = ""


class SentrySeen(Evidence):
    """`bad` when there are issues, `ok` when Sentry has none."""

    top: tuple[Issue, ...] = ()
    new: tuple[Issue, ...] = ()
    """First seen since the given time, the most frequent first."""


class _Project(BaseModel):
    slug: str = ""


class _Issue(BaseModel):
    """The documented fields that are used; older servers leave some out. `count` comes as a string."""

    model_config = ConfigDict(alias_generator=to_camel)
    id: str
    short_id: str | None = None
    title: str
    culprit: str | None = None
    level: str | None = None
    status: str | None = None
    project: _Project | None = None
    count: int = 0
    user_count: int | None = None
    first_seen: datetime
    last_seen: datetime
    permalink: str | None = None

    @field_validator("first_seen", "last_seen")
    @classmethod
    def _in_utc(cls, value: datetime) -> datetime:
        return value if value.tzinfo else value.replace(tzinfo=UTC)

    def counts(self, project: str) -> bool:
        """It is open, and of this project."""
        others = self.project is not None and self.project.slug not in ("", project)
        return (self.status or "") in _OPEN and not others


_LIST = TypeAdapter(list[Any])


class NotSeen(Exception):
    """Why Sentry cannot be read, in one sentence without secrets."""


class RefusedQuery(NotSeen):
    """It does not know a term of the search."""


class SentryActivities:
    """Asks Sentry with one shared HTTP client."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @activity.defn
    async def top_issues(self, request: TopIssues) -> SentrySeen:
        """The top issues by frequency, and those first seen since the last deployment.

        Whatever keeps Sentry from being read is `unknown`; never raises for its trouble.
        """
        sentry, now = request.service.sentry, datetime.now(UTC)
        if sentry is None:
            reason = f"no Sentry is configured for {request.service.name}"
            return SentrySeen(reason=reason, observed_at=now)
        try:
            token = resolve(sentry.token)
            top = await self._top(sentry, request, token)
            new = await self._new(sentry, request, token, top) if request.since else ()
        except SecretMissing as missing:
            return SentrySeen(reason=f"Sentry cannot be asked: {missing}", observed_at=now)
        except NotSeen as not_seen:
            return SentrySeen(reason=str(not_seen), observed_at=now)
        if not top and not new:
            return SentrySeen(finding=Finding.OK, reason="Sentry has no such issues", observed_at=now)
        top, new = top[: request.top], new[: request.top]
        return SentrySeen(finding=Finding.BAD, reason=_in_words(top, new), top=top, new=new, observed_at=now)

    async def _top(self, sentry: Sentry, request: TopIssues, token: str) -> tuple[Issue, ...]:
        """Of some routes also those that are too rare to be among the most frequent of the project."""
        every = await self.issues(sentry, request, token, request.query)
        if not request.routes:
            return every
        try:
            query = f"{request.query} {_transactions(request.routes)}"
            theirs = await self.issues(sentry, request, token, query)
        except RefusedQuery:
            theirs = ()
        of_routes = (
            *(one for one in every if _names(one, request.routes)),
            *(one for one in theirs if not _of_another(one, request.routes)),
        )
        return tuple(sorted(dict.fromkeys(of_routes), key=lambda one: -one.count))

    async def _new(
        self, sentry: Sentry, request: TopIssues, token: str, top: tuple[Issue, ...]
    ) -> tuple[Issue, ...]:
        """First seen since the deployment; a server that cannot search for it has shown them already."""
        since = request.since or datetime.now(UTC)
        first_seen = f"firstSeen:>={since.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
        if request.routes:
            return tuple(one for one in top if one.first_seen >= since.replace(microsecond=0))
        try:
            found = await self.issues(sentry, request, token, f"{request.query} {first_seen}")
        except RefusedQuery:
            found = top
        return tuple(one for one in found if one.first_seen >= since.replace(microsecond=0))

    async def issues(
        self, sentry: Sentry, request: TopIssues, token: str, query: str, read: int = READ
    ) -> tuple[Issue, ...]:
        """The open issues of the project that a search finds, the most frequent first; at most 100.

        Raises `NotSeen`, of which `RefusedQuery` tells that it does not know a term of the search.
        """
        path = f"api/0/projects/{sentry.organization}/{sentry.project}/issues/"
        url = f"{sentry.url.rstrip('/')}/{path}"
        params = {"query": query, "sort": "freq", "statsPeriod": request.period}
        headers = {"Authorization": f"Bearer {token}"}
        params["limit"] = str(read)
        try:
            answer = await self._ask(url, request, params, headers)
            _must_serve_us(sentry, answer)
            listed = _LIST.validate_json(answer.whole(url))
        except NoAnswer as no_answer:
            raise NotSeen(f"Sentry cannot be asked: {no_answer.reason}") from None
        except ValidationError:
            raise NotSeen(f"the answer at {sentry.url} is not that of Sentry") from None
        issues = [one for one in map(_read, listed) if one is not None]
        if listed and not issues:
            raise NotSeen(f"the answer at {sentry.url} is not that of Sentry")
        counting = (_issue(one) for one in issues if one.counts(sentry.project))
        return tuple(sorted(counting, key=lambda one: -one.count))

    async def _ask(
        self, url: str, request: TopIssues, params: dict[str, str], headers: dict[str, str]
    ) -> Answer:
        for last in (False, True):
            answer = await ask(
                self._client, url, within=request.within, limit=ANSWER_LIMIT, params=params, headers=headers
            )
            wait = retry_after(answer.retry_after)
            if last or answer.status != 429 or wait is None or wait > SHORT_WAIT:
                break
            await asyncio.sleep(wait.total_seconds())
        return answer


def _must_serve_us(sentry: Sentry, answer: Answer) -> None:
    """Raises `NotSeen` for an answer that says why there is none."""
    if answer.status in (401, 403):
        raise NotSeen(f"Sentry refuses the token in {sentry.token}: it needs event:read")
    if answer.status == 404:
        raise NotSeen(f"Sentry knows no project {sentry.organization}/{sentry.project}")
    if answer.status == 400:
        raise RefusedQuery("Sentry refuses the search: answered 400")
    if answer.status == 429:
        wait = retry_after(answer.retry_after)
        raise NotSeen(f"Sentry limits our requests{f' for {in_words(wait)}' if wait else ''}")


def _read(one: Any) -> _Issue | None:
    """One issue; what cannot be read hides none of the others."""
    try:
        return _Issue.model_validate(one)
    except ValidationError:
        return None


def _issue(issue: _Issue) -> Issue:
    link = issue.permalink or ""
    return Issue(
        short_id=clean(issue.short_id or issue.id, 60),
        title=clean(issue.title, 200),
        culprit=clean(issue.culprit or "", 200),
        level=clean(issue.level or "", 20),
        count=_bounded(issue.count),
        users=_bounded(issue.user_count or 0),
        first_seen=issue.first_seen,
        last_seen=issue.last_seen,
        link=clean(link, 300) if link.startswith(("https://", "http://")) else "",
    )


def _bounded(count: int) -> int:
    return min(max(count, 0), MOST_COUNTED)


def _transactions(routes: Sequence[str]) -> str:
    """The term of the search for what is named by a route, with its method or without."""
    plain = [route for route in routes if not set(route) & set('"\\*,[]')]
    named = [name for route in plain for name in (route, f"GET {route}", f"POST {route}")]
    return f"transaction:[{', '.join(f'{chr(34)}{name}{chr(34)}' for name in named)}]"


def _names(issue: Issue, routes: Sequence[str]) -> bool:
    """Whether its culprit or title names one of them whole: `/api/videos` is not `/api/videos/ideas`."""
    text = f"{issue.culprit} {issue.title}"
    return any(re.search(rf"(?<![\w/.-]){re.escape(route)}(?![\w/-])", text) for route in routes)


def _of_another(issue: Issue, routes: Sequence[str]) -> bool:
    """Whether its culprit is a route, and another one: a server may not know the term."""
    return bool(_A_ROUTE.match(issue.culprit)) and not _names(issue, routes)


def _in_words(top: tuple[Issue, ...], new: tuple[Issue, ...]) -> str:
    often = ", ".join(f"{issue.title} ({issue.count})" for issue in top)
    fresh = f"; new since the deployment: {', '.join(issue.short_id for issue in new)}" if new else ""
    return f"most frequent: {often or 'none'}{fresh}"
