"""What the external APIs cost a service, and what lowers the bill."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from models.base import Configured, Interval
from models.service.addresses import WebAddress

WINDOW = "$window"
"""What `spent` writes where the time goes that it is asked for."""

SettingKey = Annotated[str, StringConstraints(pattern=r"^[A-Z_][A-Z0-9_]*$")]


class Driver(StrEnum):
    """What makes the bill of a provider high."""

    TOKENS = "tokens"
    GENERATION = "generation"
    VIDEOS = "videos"
    LOOPS = "loops"


class Limit(Configured):
    """How far a setting may be changed to save: down to `at_most`, or up to `at_least`.

    It is never changed the other way, and never where its value is not known.
    """

    at_most: float | None = None
    at_least: float | None = None
    default: float | None = None
    """What the application takes when the setting stands nowhere."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("write at_most for what saves when it is lower, or at_least; one of them")
        return self

    def saves(self, value: float) -> float | None:
        """What the value is changed to; None when it saves as much already."""
        if self.at_most is not None:
            return self.at_most if value > self.at_most else None
        assert self.at_least is not None  # noqa: S101 - one of the two is there
        return self.at_least if value < self.at_least else None


class PaidApi(Configured):
    """One provider that is paid by use."""

    names: tuple[str, ...] = ()
    """Further values of the label by which the metric names it."""
    because_of: Driver | None = None
    workflows: tuple[str, ...] = ()
    """Workflow types of the application that call it."""
    settings: dict[SettingKey, Limit] = Field(default_factory=dict)
    """The settings of `env_file` that lower its bill."""


class Costs(Configured):
    """By what the spend is judged. Dollars, or whatever else the metric counts in.

    `spent` gives the spend of the last `$window`, one series a provider. `increase` does for a counter,
    also over restarts, and for a gauge that begins anew at midnight.
    """

    prometheus: WebAddress
    spent: str = (
        "sum by (api) (label_replace(label_replace(label_replace("
        "increase(affiliate_api_cost_dollars[$window])"
        ', "api", "$1", "service", "(.+)"), "api", "$1", "exported_service", "(.+)")'
        ', "api", "$1", "provider", "(.+)"))'
    )
    total: str = ""
    """The spend of the time that the budget is for, where `spent` cannot say it: a gauge that holds it."""
    label: str = Field(default="api", pattern=r"^[a-zA-Z_]\w*$")
    """The label of `spent` that names the provider."""
    samples: str = "affiliate_api_cost_dollars"
    fresh_for: Interval = timedelta(minutes=5)
    budget: float = Field(default=100.0, gt=0)
    per: Interval = timedelta(days=1)
    """What the budget is for. A day begins at midnight in the configuration's time zone."""
    pace_over: Interval = timedelta(hours=1)
    """Over which the pace is measured, and after a change is proved."""
    retried: int = Field(default=20, ge=2)
    """So many lines of retries in the log are many."""
    retry_lines: str = (
        r"(?i)(?<!\bno )(?<!\bnot )(?<!n't )(?<!\bmore )(?<!\bmax )\bretr(y|ies|ying)\b|exponential.*backoff"
    )
    apis: dict[str, PaidApi] = Field(default_factory=dict)
    settings: dict[SettingKey, Limit] = Field(default_factory=dict)
    """What saves whichever provider it is."""

    @field_validator("spent")
    @classmethod
    def _asks_for_a_time(cls, value: str) -> str:
        if WINDOW not in value:
            raise ValueError(f"write [{WINDOW}] where the time goes, as in increase(cost_dollars[{WINDOW}])")
        return value

    @field_validator("retry_lines")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"this is not a regular expression: {error}") from None
        return value

    @property
    def budget_pace(self) -> float:
        """For one hour, if all hours are alike."""
        return self.budget / (self.per / timedelta(hours=1))

    def named(self, label: str) -> str:
        """The provider that a value of the label names; the value itself where none is configured."""
        said = label.casefold()
        for name, api in self.apis.items():
            if said in (one.casefold() for one in (name, *api.names)):
                return name
        return label
