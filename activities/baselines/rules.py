"""The alert rules of the running Prometheus, and what each measures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import httpx
from pydantic import BaseModel, Field, ValidationError

from activities.baselines.comparison import Comparison, comparison
from activities.support.http import NoAnswer, ask, shown
from activities.support.redaction import clean

LIMIT = 8 * 2**20
WITHIN = timedelta(seconds=15)


class _Rule(BaseModel):
    type: str = ""
    name: str = ""
    query: str = ""
    duration: float = Field(0, ge=0, le=1e8)
    state: str = ""


class _Group(BaseModel):
    rules: list[_Rule] = []


class _Groups(BaseModel):
    groups: list[_Group]


class _Answer(BaseModel):
    data: _Groups


@dataclass(frozen=True)
class AlertRule:
    """One alert that Prometheus raises; without a comparison it is not measured."""

    name: str
    lasts: timedelta
    compares: Comparison | None
    fires: bool = False


class NoRules(Exception):
    """Why the rules are not known, in one sentence."""


async def alert_rules(client: httpx.AsyncClient, prometheus: str) -> tuple[AlertRule, ...]:
    """Every alerting rule, those that fire now first. Raises `NoRules`."""
    url = f"{prometheus.rstrip('/')}/api/v1/rules"
    try:
        answer = await ask(client, url, within=WITHIN, limit=LIMIT, params={"type": "alert"})
        groups = _Answer.model_validate_json(answer.whole(url)).data.groups
    except NoAnswer as no_answer:
        raise NoRules(f"Prometheus cannot be asked for its rules: {no_answer.reason}") from None
    except ValidationError:
        raise NoRules(f"the answer at {shown(url)} is not that of Prometheus") from None
    found = (
        AlertRule(
            name=clean(rule.name, 120),
            lasts=timedelta(seconds=rule.duration),
            compares=comparison(rule.query),
            fires=rule.state == "firing",
        )
        for group in groups
        for rule in group.rules
        if rule.type == "alerting"
    )
    return tuple(sorted(found, key=lambda one: not one.fires))
