"""The application's daily budget: what is spent of it, and whether it is reached; raised for a while, and
set back. What tells of another day says nothing about today.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator
from temporalio import activity

from activities.app.answers import ApiAnswer, Moment, Number, called, moment
from activities.app.api import ApiSeen, AppApi, NoUse
from activities.app.switches import Switches, final
from activities.support.redaction import clean
from models.actions.change import ActionResult, Perform
from models.actions.videos import RaiseBudget, RestoreBudget
from models.base import in_words
from models.evidence.evidence import Finding
from models.service.service import Service
from models.service.surroundings import SwitchCall
from models.service.videos import BudgetSwitch

SAME = 0.005
"""Dollars: half a cent less or more is the same budget."""
MOST_PROVIDERS = 30
A_DAY = timedelta(hours=26)
"""The longest day, in which the clocks are set back, and an hour for clocks that differ."""


def _by_provider(value: Any) -> Any:
    """`[{"provider": "pika", "dollars": 3}]` as `{"pika": 3}`."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return value
    found = {}
    for one in value:
        if isinstance(one, Mapping):
            name = one.get("provider") or one.get("name") or one.get("service")
            amount = next(
                (one[key] for key in ("dollars", "cost", "amount", "total", "spent") if key in one), None
            )
            if isinstance(name, str) and amount is not None:
                found[name] = amount
    return found


def _day(value: Any, info: ValidationInfo) -> date | None:
    """A date, or that of a moment in the time zone of the application. Raises `ValueError` for neither."""
    zone, now = (info.context or {})["zone"], (info.context or {})["now"]
    if isinstance(value, str) and re.fullmatch(r"\s*\d{4}-\d{2}-\d{2}\s*", value):
        return date.fromisoformat(value.strip())
    at = moment(value, zone, now)
    return at.astimezone(zone).date() if at else None


class OfADay(ApiAnswer):
    """What is told for one day; without a day it is of today."""

    day: Annotated[date | None, BeforeValidator(_day)] = Field(
        None, validation_alias=called("day", "date", "forDate", "asOf", "updatedAt")
    )

    def is_of(self, now: datetime, zone: str) -> bool:
        """Whether it is of today in this time zone, or of this very moment."""
        return self.day in (None, now.astimezone(ZoneInfo(zone)).date())


class DailySummary(OfADay):
    """`/api/cost-tracking/daily-summary`."""

    total: Number = Field(
        validation_alias=called(
            "totalDollars", "total", "totalCost", "totalUsd", "dailyTotal", "spent", "amount"
        )
    )
    by_provider: Annotated[dict[str, Number], BeforeValidator(_by_provider)] = Field(
        default_factory=dict,
        validation_alias=called("byProvider", "providers", "breakdown", "costs", "byService"),
    )


class BudgetStatus(OfADay):
    """`/api/cost-tracking/budget-status`. In cents where its names say so."""

    budget: Number | None = Field(
        None,
        validation_alias=called(
            "budgetDollars", "budget", "dailyBudget", "dailyLimit", "budgetLimit", "limit"
        ),
    )
    spent: Number | None = Field(
        None,
        validation_alias=called("spentDollars", "spent", "used", "currentSpend", "totalSpent", "current"),
    )
    budget_cents: Number | None = None
    spent_cents: Number | None = None
    reached: bool | None = Field(
        None,
        validation_alias=called(
            "reached", "exceeded", "limitReached", "budgetExceeded", "overBudget", "blocked"
        ),
    )
    resets_at: Moment = Field(None, validation_alias=called("resetsAt", "resetAt", "nextReset", "resetTime"))

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.reached is None and (self.dollars is None or self.dollars_spent is None):
            raise ValueError("has neither `reached`, nor both `budgetDollars` and `spentDollars`")
        return self

    @property
    def dollars(self) -> float | None:
        return self.budget if self.budget is not None else _of_cents(self.budget_cents)

    @property
    def dollars_spent(self) -> float | None:
        return self.spent if self.spent is not None else _of_cents(self.spent_cents)


class SummarySeen(ApiSeen):
    """What was spent today, by provider; `unknown` when it tells of another day."""

    total: float | None = None
    by_provider: dict[str, float] = Field(default_factory=dict)


class BudgetSeen(ApiSeen):
    """`bad` when the budget of today is reached; `unknown` when it tells of another day."""

    budget: float | None = None
    spent: float | None = None
    resets_at: datetime | None = None


class BudgetActivities:
    """Asks the application's API for its costs, and calls the switch of its budget."""

    def __init__(self, api: AppApi, switches: Switches) -> None:
        self._api = api
        self._switches = switches

    @activity.defn
    async def look_at_daily_summary(self, service: Service) -> SummarySeen:
        """What was spent today. Never raises for the application's trouble."""
        try:
            got = await self._api.get(service, "daily_summary", DailySummary)
        except NoUse as no_use:
            return no_use.seen(SummarySeen)
        said = got.content
        if not said.is_of(got.received_at, service.time_zone):
            reason = f"the daily summary is of {said.day}, and says nothing of today"
            return SummarySeen(reason=reason, observed_at=got.received_at)
        costs = sorted(said.by_provider.items(), key=lambda one: -one[1])[:MOST_PROVIDERS]
        named = ", ".join(f"{clean(name, 40)} ${dollars:.2f}" for name, dollars in costs[:4])
        return SummarySeen(
            finding=Finding.OK,
            reason=f"${said.total:.2f} were spent today" + (f": {named}" if named else ""),
            observed_at=got.received_at,
            total=said.total,
            by_provider={clean(name, 60): dollars for name, dollars in costs},
        )

    @activity.defn
    async def look_at_budget(self, service: Service) -> BudgetSeen:
        """Whether today's budget is reached. Never raises for the application's trouble."""
        try:
            got = await self._api.get(service, "budget_status", BudgetStatus)
        except NoUse as no_use:
            return no_use.seen(BudgetSeen)
        said, at = got.content, got.received_at
        if not said.is_of(at, service.time_zone):
            reason = f"the budget status is of {said.day}, and says nothing of today"
            return BudgetSeen(reason=reason, observed_at=at)
        budget, spent = said.dollars, said.dollars_spent
        over = bool(budget) and spent is not None and spent >= (budget or 0) - SAME
        reached = over if said.reached is None else said.reached
        told = "" if spent is None or budget is None else f": ${spent:.2f} of ${budget:.2f} are spent"
        seen = BudgetSeen(
            finding=Finding.BAD if reached else Finding.OK,
            reason=f"today's budget is {'reached' if reached else 'not reached'}{told}",
            observed_at=at,
            budget=budget,
            spent=spent,
            resets_at=said.resets_at if said.resets_at and said.resets_at > at else None,
        )
        if said.reached is False and over:
            reason = f"the application says that today's budget is not reached, but{told.removeprefix(':')}"
            return seen.model_copy(update={"finding": Finding.UNKNOWN, "reason": reason})
        if reached and seen.resets_at and seen.resets_at > at + A_DAY:
            in_days = in_words(seen.resets_at - at)
            reason = f"a budget is reached{told}, and reset in {in_days}: it is no budget of a day"
            return seen.model_copy(update={"finding": Finding.UNKNOWN, "reason": reason, "resets_at": None})
        return seen

    @activity.defn
    async def raise_budget(self, request: Perform[RaiseBudget]) -> ActionResult:
        """Done when the application tells the raised budget. Safe to repeat."""
        action = request.action
        return await self._set(
            _switch(action.service), action.service, action.from_dollars, action.to_dollars
        )

    @activity.defn
    async def restore_budget(self, request: Perform[RestoreBudget]) -> ActionResult:
        """Done when the raised budget is set back, or is no longer the budget. Safe to repeat."""
        action = request.action
        result = await self._set(
            _switch(action.service), action.service, action.from_dollars, action.to_dollars
        )
        if result.done or not result.before or result.before == _dollars(action.from_dollars):
            return result
        return result.model_copy(update={"done": True, "found": f"left as it is: {result.found}"})

    async def _set(
        self, switch: BudgetSwitch, service: Service, from_dollars: float, to_dollars: float
    ) -> ActionResult:
        """From one value to the other; a third one is somebody else's, and stays."""
        before = await self._budget(service)
        if _same(before, to_dollars):
            return _effect(True, f"nothing to do: the budget is {_dollars(before)}", before, before)
        if not _same(before, from_dollars):
            found = (
                f"the budget is {_dollars(before)}, and not {_dollars(from_dollars)}: somebody else set it"
            )
            return _effect(False, found, before, before)
        call = SwitchCall(
            url=switch.url, method=switch.method, body={switch.key: to_dollars}, token=switch.token
        )
        thrown = await self._switches.throw(call, f"the budget was set to {_dollars(to_dollars)}")
        after = await self._budget(service)
        if _same(after, to_dollars):
            return _effect(True, thrown.found, before, after)
        return _effect(False, f"the budget is {_dollars(after)} all the same: {thrown.found}", before, after)

    async def _budget(self, service: Service) -> float:
        """Raises `ApplicationError`, non-retryable, when it cannot be seen: it is changed by nobody blind."""
        try:
            told = (await self._api.get(service, "budget_status", BudgetStatus)).content.dollars
        except NoUse as no_use:
            raise final(f"the budget cannot be seen: {no_use.reason}", "Unreachable") from None
        if told is None:
            raise final("the budget cannot be seen: `budget_status` tells none", "Unreachable")
        return told


def _switch(service: Service) -> BudgetSwitch:
    if service.videos is None or service.videos.budget is None:
        raise final(f"no `videos.budget` is configured for {service.name}", "Unsupported")
    return service.videos.budget


def _of_cents(cents: float | None) -> float | None:
    return None if cents is None else cents / 100


def _same(one: float, other: float) -> bool:
    return abs(one - other) < SAME


def _dollars(amount: float) -> str:
    return f"${amount:g}"


def _effect(done: bool, found: str, before: float, after: float) -> ActionResult:
    return ActionResult(
        done=done, found=found, at=datetime.now(UTC), before=_dollars(before), after=_dollars(after)
    )
