"""Active alerts minus those that are expected.

An expectation has a last day and a reason. One that is over, or for which nothing fires any more, is
named, so that it can be removed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
from temporalio import activity

from activities.active_alerts.arrival import never_arrived
from activities.active_alerts.listed import Heard, ListedAlert, NotAlertmanager, listed
from activities.monitoring.prometheus import Prometheus
from activities.support.heartbeats import beating
from activities.support.http import NoAnswer
from activities.support.redaction import clean
from models.base import Model, in_words, roughly
from models.checks.item import Figure, ItemResult, ItemState, Table, worst_of
from models.checks.naming import Naming
from models.configuration.checks import ExpectedAlert
from models.names import Severity, alert_name, severity_said

RELEARNS_WITHIN = timedelta(minutes=2)
"""Prometheus sends a firing alert again every minute: only after this does a restarted Alertmanager know."""
NOT_FOR_PEOPLE = "none"
"""The severity of an alert that fires for ever to prove that alerts arrive, or that only inhibits others."""
MOST_NAMED = 4
MOST_ROWS = 50


class LookAtAlerts(Model):
    """The alerts of one Alertmanager, and what is expected on this day in this zone."""

    url: str
    prometheus: str = ""
    """What sends it its alerts, if that can be asked."""
    expected: tuple[ExpectedAlert, ...] = ()
    naming: Naming = Naming()
    time_zone: str = "UTC"


class ActiveAlertActivities:
    """Asks Alertmanager with one shared HTTP client."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._prometheus = Prometheus(http)

    @activity.defn
    async def find_unexpected_alerts(self, request: LookAtAlerts) -> ItemResult:
        """`bad` when a critical alert is active that nobody expects, `attention` for any other."""
        now = datetime.now(UTC)
        link = f"{request.url.rstrip('/')}/#/alerts"
        async with beating():
            found = await self._found(request, now)
        return found.model_copy(update={"observed_at": now, "link": link})

    async def _found(self, request: LookAtAlerts, now: datetime) -> ItemResult:
        try:
            alerts, started_at = await listed(self._http, request.url)
        except NoAnswer as no_answer:
            return ItemResult(reason=f"Alertmanager cannot be asked: {no_answer.reason}")
        except NotAlertmanager as other:
            return ItemResult(reason=str(other))
        found = judged(alerts, request, now, now - started_at)
        return await self._with_missing(found, request, {one.name for one in alerts})

    async def _with_missing(
        self, found: ItemResult, request: LookAtAlerts, arrived: Collection[str]
    ) -> ItemResult:
        """The same, with what Prometheus fires and Alertmanager does not have."""
        if found.state is ItemState.UNKNOWN or not request.prometheus:
            return found
        missing = await never_arrived(self._prometheus, request.prometheus, arrived)
        if not missing:
            return found
        return found.model_copy(
            update={
                "state": worst_of([found.state, ItemState.ATTENTION]),
                "reason": f"{found.reason}; {missing}",
            }
        )


def judged(
    alerts: Sequence[ListedAlert], request: LookAtAlerts, now: datetime, up_for: timedelta
) -> ItemResult:
    """What is active, and what of it nobody expects."""
    today = now.astimezone(ZoneInfo(request.time_zone)).date()
    for_people = [one for one in alerts if one.labels.get("severity", "").lower() != NOT_FOR_PEOPLE]
    active = [one for one in for_people if one.heard is Heard.ACTIVE]
    expected = [one for one in active if _expectation(one, request, today)]
    unexpected = sorted(
        (one for one in active if not _expectation(one, request, today)),
        key=lambda one: (severity_said(one.labels).rank, one.starts_at),
    )
    over = [one for one in request.expected if one.until < today]
    if not unexpected and up_for < RELEARNS_WITHIN:
        reason = f"Alertmanager started {in_words(up_for)} ago and may not have heard of every alert yet"
        return ItemResult(reason=reason)
    heard = _counted(for_people, len(expected), len(alerts) - len(for_people))
    return ItemResult(
        state=_state(unexpected, over),
        reason=f"{_said(unexpected, request.naming, now)}{heard}",
        threshold="no alert that is not expected",
        details=(*_overdue(over, active, request), *_unneeded(for_people, request, today)),
        figures=(
            Figure(name="unexpected alerts", value=len(unexpected)),
            Figure(name="silenced alerts", value=sum(one.heard is Heard.SILENCED for one in for_people)),
        ),
        tables=_tables(for_people, request, now, today),
    )


def _state(unexpected: Sequence[ListedAlert], over: Sequence[ExpectedAlert]) -> ItemState:
    if any(severity_said(one.labels) is Severity.CRITICAL for one in unexpected):
        return ItemState.BAD
    return ItemState.ATTENTION if unexpected or over else ItemState.OK


def _expectation(alert: ListedAlert, request: LookAtAlerts, today: date) -> ExpectedAlert | None:
    """The expectation that holds for it today."""
    fitting = (one for one in request.expected if _is_about(one, alert, request.naming))
    return next((one for one in fitting if one.until >= today), None)


def _is_about(expected: ExpectedAlert, alert: ListedAlert, naming: Naming) -> bool:
    if not _has_its_name(expected, alert):
        return False
    return expected.service in (None, naming.service_of(alert.labels), naming.called(alert.labels))


def _has_its_name(expected: ExpectedAlert, alert: ListedAlert) -> bool:
    return expected.alert in (alert.name, alert_name(alert.name))


def _without_service(
    expected: ExpectedAlert, alerts: Sequence[ListedAlert], request: LookAtAlerts, today: date
) -> bool:
    """Whether an alert of its name cannot be told to be of its service, and nothing else expects it."""
    return expected.service is not None and any(
        _has_its_name(expected, one)
        and not request.naming.called(one.labels)
        and _expectation(one, request, today) is None
        for one in alerts
    )


def _overdue(
    over: Sequence[ExpectedAlert], active: Sequence[ListedAlert], request: LookAtAlerts
) -> list[str]:
    said = []
    for one in over:
        fires = any(_is_about(one, alert, request.naming) for alert in active)
        cure = "it still fires: mend it, or give it a new day" if fires else "remove it: it does not fire"
        said.append(f"{_named(one)} was expected until {one.until} ({one.why}); {cure}")
    return said


def _unneeded(alerts: Sequence[ListedAlert], request: LookAtAlerts, today: date) -> list[str]:
    """Of what is expected: for which nothing fires, silenced or not, and what names a service in vain."""
    labels = " or ".join(request.naming.labels) or "that names a service"
    said = []
    for one in request.expected:
        if one.until < today:
            continue
        if _without_service(one, alerts, request, today):
            cure = (
                f"but {one.alert} fires without a label that names a service, so it is not expected: have "
                f"its rule set the label {labels}, or leave service out of this entry"
            )
        elif any(_is_about(one, alert, request.naming) for alert in alerts):
            continue
        else:
            cure = "and does not fire: remove it once it is mended"
        said.append(f"{_named(one)} is expected until {one.until} ({one.why}), {cure}")
    return said


def _named(expected: ExpectedAlert) -> str:
    return f"{expected.alert} of {expected.service}" if expected.service else expected.alert


def _said(unexpected: Sequence[ListedAlert], naming: Naming, now: datetime) -> str:
    if not unexpected:
        return "no alert is active that is not expected"
    alike: dict[str, list[ListedAlert]] = {}
    for one in unexpected:
        alike.setdefault(_title(one, naming), []).append(one)
    named = []
    for title, same in alike.items():
        times = f"{len(same)} times, " if len(same) > 1 else ""
        since = roughly(now - min(one.starts_at for one in same))
        named.append(f"{title} ({times}{severity_said(same[0].labels)}, for {since})")
    more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return f"{len(unexpected)} alerts are active that nobody expects: {', '.join(named[:MOST_NAMED])}{more}"


def _title(alert: ListedAlert, naming: Naming) -> str:
    about = naming.service_of(alert.labels) or naming.called(alert.labels)
    return clean(f"{alert.name} of {about}" if about else alert.name, 120)


def _counted(alerts: Sequence[ListedAlert], expected: int, never_told: int) -> str:
    counts = {"expected": expected}
    counts |= {one.value: sum(alert.heard is one for alert in alerts) for one in Heard if one != Heard.ACTIVE}
    counts["not meant for people (severity none)"] = never_told
    said = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
    return f"; {said}" if said else ""


def _tables(
    alerts: Sequence[ListedAlert], request: LookAtAlerts, now: datetime, today: date
) -> tuple[Table, ...]:
    if not alerts:
        return ()
    rows = []
    for one in sorted(alerts, key=lambda one: (list(Heard).index(one.heard), one.starts_at))[:MOST_ROWS]:
        expectation = _expectation(one, request, today)
        how = f"expected: {expectation.why}" if expectation else one.heard.value
        rows.append(
            (
                _title(one, request.naming),
                severity_said(one.labels).value,
                roughly(now - one.starts_at),
                how,
            )
        )
    return (Table(title="Alerts", columns=("alert", "severity", "for", "heard of"), rows=tuple(rows)),)
