"""How much may be tried on one service unasked: restarts an hour, pauses, and failures that block it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from models.base import Configured, Duration, Interval, in_words

LONGEST_COOLDOWN = timedelta(days=1)
WINDOW = timedelta(hours=1)
"""Restarts and failures within this time count together."""


class Limits(Configured):
    """What the steward of a service refuses, whichever incident asks.

    Raises `ValueError` when `longest_back_off` is shorter than `back_off`.
    """

    restarts_per_hour: int = Field(default=3, ge=0, le=20)
    """So many starts and restarts within an hour; 0 means that a person is asked for each."""
    cooldown: Annotated[Duration, Field(le=LONGEST_COOLDOWN)] = timedelta(minutes=5)
    """Between the same action twice, unless a recovery was proved meanwhile."""
    back_off: Annotated[Duration, Field(le=LONGEST_COOLDOWN)] = timedelta(minutes=1)
    """After a failed attempt; doubled by each further one until a recovery is proved."""
    longest_back_off: Annotated[Duration, Field(le=LONGEST_COOLDOWN)] = timedelta(minutes=10)
    failures: int = Field(default=3, ge=1, le=20)
    """So many failed plans within an hour block the service."""
    blocked_for: Annotated[Interval, Field(le=LONGEST_COOLDOWN)] = timedelta(hours=1)
    denied_for: Annotated[Duration, Field(le=LONGEST_COOLDOWN)] = timedelta(hours=1)
    """So long a plan that a person denied is neither asked for nor done by another incident."""

    @model_validator(mode="after")
    def _longest_is_longest(self) -> Self:
        if self.longest_back_off < self.back_off:
            least, most = in_words(self.back_off), in_words(self.longest_back_off)
            raise ValueError(f"longest_back_off ({most}) must be at least back_off ({least})")
        return self

    def back_off_after(self, failed: int) -> timedelta:
        """How long nothing is done after so many failed attempts in a row."""
        doublings = min(failed - 1, 20)  # more would overflow, and are far beyond any longest pause
        return min(self.back_off * 2**doublings, self.longest_back_off) if failed > 0 else timedelta()
