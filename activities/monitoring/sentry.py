"""The most frequent errors of a project, from Sentry's REST API.

`runbook.md`, HighErrorRate: "Find error patterns in Sentry". The token needs `event:read` and
nothing else. Titles come from the application's errors: they are data, redacted.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from temporalio import activity

from activities.support.http import NoAnswer, ask
from activities.support.redaction import clean
from activities.support.secrets import SecretMissing, resolve
from models.base import Duration, Model
from models.evidence.evidence import Evidence, Finding
from models.service.request import ServiceRequest
from models.service.surroundings import Sentry

ANSWER_LIMIT = 2 * 2**20


class TopIssues(ServiceRequest):
    """The most frequent issues of a project, and those first seen `since` the last deployment."""

    query: str = "is:unresolved"
    period: str = Field(default="24h", pattern=r"^\d+[hdw]$")
    since: datetime | None = None
    top: int = Field(default=3, ge=1, le=25)
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


class _Issue(BaseModel):
    """The documented fields that are used; `count` comes as a string."""

    model_config = ConfigDict(alias_generator=to_camel)
    short_id: str
    title: str
    culprit: str | None = None
    level: str = ""
    count: int
    user_count: int = 0
    first_seen: AwareDatetime
    last_seen: AwareDatetime
    permalink: str | None = None


_ISSUES = TypeAdapter(list[_Issue])


class _NotSeen(Exception):
    """Why Sentry cannot be read, in one sentence without secrets."""


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
            top = await self._issues(sentry, request, token, request.query)
            new: tuple[Issue, ...] = ()
            if request.since is not None:
                first_seen = f"firstSeen:>={request.since.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
                new = await self._issues(sentry, request, token, f"{request.query} {first_seen}")
        except SecretMissing as missing:
            return SentrySeen(reason=f"Sentry cannot be asked: {missing}", observed_at=now)
        except _NotSeen as not_seen:
            return SentrySeen(reason=str(not_seen), observed_at=now)
        if not top and not new:
            return SentrySeen(finding=Finding.OK, reason="Sentry has no such issues", observed_at=now)
        return SentrySeen(finding=Finding.BAD, reason=_in_words(top, new), top=top, new=new, observed_at=now)

    async def _issues(self, sentry: Sentry, request: TopIssues, token: str, query: str) -> tuple[Issue, ...]:
        path = f"api/0/projects/{sentry.organization}/{sentry.project}/issues/"
        url = f"{sentry.url.rstrip('/')}/{path}"
        params = {"query": query, "sort": "freq", "statsPeriod": request.period, "limit": str(request.top)}
        headers = {"Authorization": f"Bearer {token}"}
        try:
            answer = await ask(
                self._client, url, within=request.within, limit=ANSWER_LIMIT, params=params, headers=headers
            )
            if answer.status in (401, 403):
                raise _NotSeen(f"Sentry refuses the token in {sentry.token}: it needs event:read")
            if answer.status == 404:
                raise _NotSeen(f"Sentry knows no project {sentry.organization}/{sentry.project}")
            if answer.status == 429:
                raise _NotSeen("Sentry limits our requests")
            issues = _ISSUES.validate_json(answer.whole(url))
        except NoAnswer as no_answer:
            raise _NotSeen(f"Sentry cannot be asked: {no_answer.reason}") from None
        except ValidationError:
            raise _NotSeen(f"the answer at {sentry.url} is not that of Sentry") from None
        return tuple(_issue(one) for one in issues[: request.top])


def _issue(issue: _Issue) -> Issue:
    link = issue.permalink or ""
    return Issue(
        short_id=clean(issue.short_id, 60),
        title=clean(issue.title, 200),
        culprit=clean(issue.culprit or "", 200),
        level=clean(issue.level, 20),
        count=issue.count,
        users=issue.user_count,
        first_seen=issue.first_seen,
        last_seen=issue.last_seen,
        link=clean(link, 300) if link.startswith(("https://", "http://")) else "",
    )


def _in_words(top: tuple[Issue, ...], new: tuple[Issue, ...]) -> str:
    often = ", ".join(f"{issue.title} ({issue.count})" for issue in top)
    fresh = f"; new since the deployment: {', '.join(issue.short_id for issue in new)}" if new else ""
    return f"most frequent: {often or 'none'}{fresh}"
