"""What every model shares: it is frozen; durations and sizes are read and written with their units."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    field_validator,
)


class Model(BaseModel):
    """A value that travels: frozen, and tolerant of fields that a newer sender added.

    A time without a zone is taken as UTC: one that could not be compared would break what it gets into.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    @field_validator("*", mode="after")
    @classmethod
    def _in_a_zone(cls, value: Any) -> Any:
        if isinstance(value, datetime) and value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        if isinstance(value, tuple) and any(isinstance(one, datetime) for one in value):
            return tuple(cls._in_a_zone(one) for one in value)
        if isinstance(value, dict) and any(isinstance(one, datetime) for one in value.values()):
            return {key: cls._in_a_zone(one) for key, one in value.items()}
        return value


class Configured(Model):
    """A part of `runbooks.yaml`: an unknown key is a mistake, and is named as one."""

    model_config = ConfigDict(frozen=True, extra="forbid")


_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)", re.ASCII)
_SIZE_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.ASCII | re.IGNORECASE)
_LONGEST_TEXT = 32
"""No real duration or size needs more characters; a longer text is a mistake, or an overflow."""

LONGEST_DURATION = timedelta(days=365)
_TOO_LONG = f"must be at most {LONGEST_DURATION.days} days"


def parse_duration(value: Any) -> Any:
    """Read `5m`, `1h30m` or `250ms`; leave everything else to pydantic."""
    if not isinstance(value, str) or value.startswith(("P", "-P")):
        return value
    if len(value) > _LONGEST_TEXT:
        raise ValueError("this is too long for a duration: write it like 30s, 5m, 4h or 1h30m")
    text = value.replace(" ", "")
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{value!r} is not a duration: write it like 30s, 5m, 4h or 1h30m")
    seconds = sum(float(number) * _DURATION_UNITS[unit] for number, unit in parts)
    if seconds > LONGEST_DURATION.total_seconds():  # asked here: a timedelta would overflow
        raise ValueError(_TOO_LONG)
    return timedelta(seconds=seconds)


def parse_size(value: Any) -> Any:
    """Read `512m` or `4g` as bytes (powers of two); leave everything else to pydantic."""
    if not isinstance(value, str):
        return value
    if len(value) > _LONGEST_TEXT:
        raise ValueError("this is too long for a size: write it like 512m or 4g")
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise ValueError(f"{value!r} is not a size: write it like 512m or 4g")
    return int(float(match[1]) * _SIZE_UNITS[match[2].lower()])


def in_words(duration: timedelta) -> str:
    """A duration as a person says it: `5 min`, `1 h 30 min`, `12 s`."""
    total = max(0.0, duration.total_seconds())
    if total < 10 and total != int(total):
        return f"{total:.1f} s"
    seconds = round(total)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    parts = [f"{n} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (seconds, "s")) if n]
    return " ".join(parts) or "0 s"


def in_days(duration: timedelta) -> str:
    """A long duration as a person says it: `15 days`; what is shorter than two as any other."""
    days = duration / timedelta(days=1)
    return (
        in_words(duration) if days < 2 else f"{days:.0f} days" if days == round(days) else f"{days:.1f} days"
    )


def roughly(duration: timedelta) -> str:
    """A duration by its two largest units: `3 d 4 h`, `5 h 12 min`, `40 s`."""
    seconds = max(0, round(duration.total_seconds()))
    if seconds < 86400:
        return in_words(timedelta(seconds=seconds - seconds % 60 if seconds >= 3600 else seconds))
    days, hours = divmod(seconds // 3600, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def in_number(number: int, thing: str) -> str:
    """`1 alert`, `3 alerts`: for what has a plain plural."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def in_bytes(size: int) -> str:
    """A size as a person says it: `512 MiB`, `1.5 GiB`."""
    amount, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}" if amount == round(amount) else f"{amount:.1f} {unit}"


def _in_bounds(duration: timedelta) -> timedelta:
    if duration < timedelta(0):
        raise ValueError("this must not be negative: write a time of 0s or more")
    if duration > LONGEST_DURATION:
        raise ValueError(_TOO_LONG)
    return duration


def _greater_than_zero(duration: timedelta) -> timedelta:
    if not duration:
        raise ValueError("must be greater than 0: write it like 30s or 5m")
    return duration


Duration = Annotated[timedelta, BeforeValidator(parse_duration), AfterValidator(_in_bounds)]
"""From 0 to 365 days."""
Interval = Annotated[Duration, AfterValidator(_greater_than_zero)]
"""A duration greater than 0: a timeout, or the time between two checks."""
Size = Annotated[int, BeforeValidator(parse_size), PlainSerializer(int, return_type=int)]

Short = Annotated[str, Field(max_length=300)]
"""What a long run remembers of a message. Anybody who reaches Temporal can send one, and what is remembered
must fit into one payload: else the run could never go on in a new one."""
