"""The patterns of errors that are new within a week, and those that came back, by Sentry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.monitoring.sentry import Issue, NotSeen, RefusedQuery, SentryActivities, TopIssues
from activities.support.heartbeats import beating
from activities.support.secrets import SecretMissing, resolve
from models.base import Duration, Interval, in_days, in_number
from models.checks.item import Figure, ItemResult, ItemState, Table
from models.incident.report import Chart, Series
from models.service.request import ServiceRequest
from models.service.surroundings import Sentry

PERIOD = "14d"
"""Sentry counts the events of a day or of 14 days, and refuses every other time."""
MOST = 100
"""As many as it gives at a time."""
MOST_ROWS = 25
MOST_BARS = 10


class LookAtPatterns(ServiceRequest):
    """What a service's project in Sentry has first seen, or seen again, within the last `over`."""

    over: Interval = timedelta(days=7)
    within: Duration = timedelta(seconds=10)


class PatternActivities:
    """Asks Sentry."""

    def __init__(self, sentry: SentryActivities) -> None:
        self._sentry = sentry

    @activity.defn
    async def look_at_patterns(self, request: LookAtPatterns) -> ItemResult:
        """New issues and regressions, by events and users: attention when there are any.

        Whatever keeps Sentry from being read is `unknown`, with the cure.
        """
        now = datetime.now(UTC)
        sentry, name = request.service.sentry, request.service.name
        if sentry is None:
            return ItemResult(
                reason=f"no Sentry is configured for {name}: configure its sentry", observed_at=now
            )
        try:
            token = resolve(sentry.token)
            async with beating():
                new = await self._new(sentry, request, token, now - request.over)
                regressed = await self._regressed(sentry, request, token)
        except SecretMissing as missing:
            return ItemResult(reason=f"Sentry cannot be asked: {missing}", observed_at=now)
        except NotSeen as not_seen:
            return ItemResult(reason=f"{not_seen}{_cure(str(not_seen))}", observed_at=now)
        return _result(new, regressed, request, now, sentry)

    async def _new(
        self, sentry: Sentry, request: LookAtPatterns, token: str, since: datetime
    ) -> tuple[Issue, ...]:
        """Searched for; what a server that ignores the term gives is left out."""
        query = f"is:unresolved firstSeen:>={since:%Y-%m-%dT%H:%M:%S}"
        found = await self._sentry.issues(sentry, _asked(request, query), token, query, MOST)
        return tuple(one for one in found if one.first_seen >= since.replace(microsecond=0))

    async def _regressed(
        self, sentry: Sentry, request: LookAtPatterns, token: str
    ) -> tuple[Issue, ...] | None:
        """None where the server is too old to tell."""
        query = "is:unresolved is:regressed"
        try:
            return await self._sentry.issues(sentry, _asked(request, query), token, query, MOST)
        except RefusedQuery:
            return None


def _asked(request: LookAtPatterns, query: str) -> TopIssues:
    return TopIssues(service=request.service, query=query, period=PERIOD, within=request.within)


def _cure(reason: str) -> str:
    if "limits our requests" in reason:
        return ": run the check again later"
    if "is not that of Sentry" in reason:
        return (
            ": write the address of Sentry itself under sentry.url, not that of a login or a proxy before it"
        )
    return ""


def _result(
    new: tuple[Issue, ...],
    regressed: tuple[Issue, ...] | None,
    request: LookAtPatterns,
    now: datetime,
    sentry: Sentry,
) -> ItemResult:
    fresh = {one.short_id for one in new}
    again = tuple(one for one in regressed or () if one.short_id not in fresh)
    return ItemResult(
        state=ItemState.ATTENTION if new or again else ItemState.OK,
        reason=_reason(new, again, request),
        threshold="none is new, none came back",
        link=_link(sentry),
        observed_at=now,
        details=_details(new, again, regressed is None),
        figures=(
            Figure(name="new patterns", value=len(new)),
            Figure(name="regressions", value=None if regressed is None else len(again)),
            Figure(name="events of new patterns", value=sum(one.count for one in new)),
        ),
        tables=tuple(
            _table(title, issues)
            for title, issues in (("New within the week", new), ("Came back after they were resolved", again))
            if issues
        ),
        charts=(_chart(new, request.service.name),) if new else (),
        services=(request.service.name,),
    )


def _reason(new: Sequence[Issue], again: Sequence[Issue], request: LookAtPatterns) -> str:
    if not new and not again:
        return f"no new pattern of errors within {in_days(request.over)}"
    many = f"{MOST} or more new patterns" if len(new) >= MOST else in_number(len(new), "new pattern")
    most = (*new, *again)[0]
    named = (
        f"{most.short_id} {most.title} ({in_number(most.count, 'event')}, {in_number(most.users, 'user')})"
    )
    back = f", {len(again)} came back" if again else ""
    return f"{many} of errors{back}; most often {named}"


def _details(new: Sequence[Issue], again: Sequence[Issue], old_server: bool) -> tuple[str, ...]:
    told = [
        f"{one.short_id} {one.title}, in {one.culprit or 'an unknown place'}" for one in (*new, *again)[:5]
    ]
    if old_server:
        told.append("this Sentry does not know is:regressed, so what came back is not told")
    return tuple(told)


def _link(sentry: Sentry) -> str:
    query = "is%3Aunresolved+firstSeen%3A-7d"
    return f"{sentry.url.rstrip('/')}/organizations/{sentry.organization}/issues/?query={query}"


def _table(title: str, issues: Sequence[Issue]) -> Table:
    shown = issues[:MOST_ROWS]
    left = len(issues) - len(shown)
    return Table(
        title=f"{title}{f', without {left} more' if left else ''}",
        columns=("issue", "what", "where", "events", "users", "first seen", "link"),
        rows=tuple(
            (
                one.short_id,
                one.title,
                one.culprit,
                str(one.count),
                str(one.users),
                f"{one.first_seen:%Y-%m-%d %H:%M} UTC",
                one.link,
            )
            for one in shown
        ),
    )


def _chart(new: Sequence[Issue], service: str) -> Chart:
    shown = new[:MOST_BARS]
    return Chart(
        name="new-patterns",
        title=f"New patterns of errors of {service}",
        says=", ".join(f"{one.short_id} {one.count} events, {one.users} users" for one in shown),
        labels=tuple(one.short_id for one in shown),
        series=(
            Series(name="events", values=tuple(float(one.count) for one in shown)),
            Series(name="users", values=tuple(float(one.users) for one in shown)),
        ),
    )
