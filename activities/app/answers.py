"""What the application's API answers, read as models that tolerate more fields and other spellings.

A field is found in camelCase and in snake_case, also inside `{"data": …}`; a time as ISO 8601 with or
without a zone, as an HTTP date, as seconds or milliseconds since 1970, or as an age. What cannot be read is
named exactly.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import (
    AliasChoices,
    AliasGenerator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.alias_generators import to_camel, to_snake

from activities.support.redaction import clean
from models.base import parse_duration

SAME_TIME = timedelta(seconds=2)
"""Two clocks that differ by less are the same: `Date` has whole seconds, and the answer took some time."""

_FRAMES = ("data", "result", "payload", "response")
"""Objects that only hold the answer."""
_FAILED = ("error", "fail", "failed")
_MOST_NAMED = 4

_NEVER = frozenset({"", "null", "none", "never", "n/a", "-"})
_FIRST_YEAR = 1971
"""What is earlier is a zero of some language, and means never."""
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (1e8, 1.0))
"""From this number on, so many a second have passed since 1970."""
_AGO = re.compile(
    r"(\d{1,9}|an?|one)\s*(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?) ago", re.IGNORECASE
)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_JAVASCRIPT = "%a %b %d %Y %H:%M:%S GMT%z"


def called(*names: str) -> AliasChoices:
    """The names of a field, each also in snake_case; the first is the one that an error tells."""
    return AliasChoices(*dict.fromkeys(one for name in names for one in (name, to_snake(name))))


class ApiAnswer(BaseModel):
    """The base of all answers. A field is called as in Python, or in camelCase, or as `called` says."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=AliasGenerator(validation_alias=lambda name: AliasChoices(to_camel(name), name)),
    )
    bare: ClassVar[str] = ""
    """The field that a bare value stands for, such as `12` in place of `{"count": 12}`."""


A = TypeVar("A", bound=ApiAnswer)


@dataclass(frozen=True)
class Got(Generic[A]):
    """An answer, when it came, and how far the application's clock is ahead of ours."""

    content: A
    received_at: datetime
    ahead: timedelta = timedelta()

    def age_of(self, at: datetime) -> timedelta:
        """How long ago that was by the application's own clock; negative for a time still to come."""
        return self.received_at + self.ahead - at


class Unreadable(Exception):
    """Why an answer is of no use: what is missing in it or odd, by its name."""


def read(content: object, model: type[A], zone: str, received_at: datetime) -> A:
    """The answer as its model. Raises `Unreadable`."""
    inner = _inner(content, model)
    if not isinstance(inner, Mapping):
        if not model.bare or inner is None:
            raise Unreadable(f"answers {_kind(inner)} in place of an object")
        inner = {model.bare: inner}
    try:
        return model.model_validate(inner, context={"zone": ZoneInfo(zone), "now": received_at})
    except ValidationError as error:
        raise Unreadable(_in_words(error, inner)) from None


def says_it_failed(content: object, model: type[ApiAnswer] | None = None) -> bool:
    """Whether a 2xx tells of a failure all the same: what else it holds is no answer then.

    A model with an `error` of its own reads it: there it belongs to what is told.
    """
    if not isinstance(content, Mapping) or (model and "error" in _names(model)):
        return False
    status = None if model and "status" in _names(model) else content.get("status")
    failed = content.get("success") is False or content.get("ok") is False
    return failed or bool(content.get("error")) or status in _FAILED


def moment(value: object, zone: tzinfo, now: datetime) -> datetime | None:
    """A time in any of the usual spellings; None for never. Raises `ValueError` for what is no time."""
    if isinstance(value, str):
        text = value.strip()
        if text.casefold() in _NEVER:
            return None
        try:
            value = float(text)
        except ValueError:
            at = _of_text(text, now)
            at = at if at.tzinfo else at.replace(tzinfo=zone)
            return at.astimezone(UTC) if at.year >= _FIRST_YEAR else None
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("is not a time")
    if value <= 0:
        return None
    unit = next((unit for least, unit in _UNITS if value >= least), None)
    if unit is None:
        raise ValueError("is too small a number for a time since 1970")
    try:
        return datetime.fromtimestamp(value / unit, UTC)
    except (OverflowError, ValueError, OSError):
        raise ValueError("is too large a number for a time since 1970") from None


def _of_text(text: str, now: datetime) -> datetime:
    if ago := _AGO.fullmatch(text):
        number = int(ago[1]) if ago[1].isdecimal() else 1
        return now - timedelta(seconds=number * _SECONDS[ago[2][0].lower()])
    if text.casefold() in ("now", "just now"):
        return now
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        raise ValueError("is a day without a time")
    # `…Z[Europe/Berlin]` of Java, `… (Central European Time)` of JavaScript, `… UTC`
    iso = re.sub(r"\s*(\[[\w/+-]{1,60}\]|\([^)]{1,60}\))$", "", text)
    iso = re.sub(r"\s*(UTC|GMT)$", "+00:00", iso)
    for parse in (
        datetime.fromisoformat,
        lambda one: datetime.strptime(one, _JAVASCRIPT),
        lambda _: parsedate_to_datetime(text),
    ):
        try:
            return parse(iso)
        except (ValueError, OverflowError):
            continue
    raise ValueError("is not a time")


def _moment(value: object, info: ValidationInfo) -> datetime | None:
    context = info.context or {"zone": UTC, "now": datetime.now(UTC)}
    try:
        return moment(value, context["zone"], context["now"])
    except OverflowError:
        raise ValueError("is too far away for a time") from None


def _number(value: object) -> object:
    """`"1,234"` and `"12.50"` as numbers; neither yes nor no is one."""
    if isinstance(value, bool):
        raise ValueError("is not a number")  # noqa: TRY004  pydantic takes no TypeError
    if isinstance(value, str):
        return value.strip().replace(",", "") if re.fullmatch(r"\s*-?[\d,]*\d(\.\d+)?\s*", value) else value
    return value


Moment = Annotated[datetime | None, BeforeValidator(_moment)]
"""A time; None for never."""
Number = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Count = Annotated[int, BeforeValidator(_number), Field(ge=0)]
Age = Annotated[timedelta, BeforeValidator(parse_duration)]


class LastTime(ApiAnswer):
    """When something last happened: its time, its age, or both; None for never.

    A subclass says by which names the time is known. An age that is told is believed: it is by one clock.
    """

    at: Moment = None
    age_seconds: Number | None = Field(None, validation_alias=called("ageSeconds", "secondsAgo", "ageSec"))
    age_ms: Number | None = Field(None, validation_alias=called("ageMs", "ageMillis", "millisecondsAgo"))
    age_minutes: Number | None = Field(None, validation_alias=called("ageMinutes", "minutesAgo"))
    age: Age | None = None

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if not self.model_fields_set & set(LastTime.model_fields):
            alias = type(self).model_fields["at"].validation_alias
            first = alias.choices[0] if isinstance(alias, AliasChoices) else "at"
            raise ValueError(f"has no `{first}`")
        return self

    def told_age(self) -> timedelta | None:
        """Its age as the application tells it."""
        for value, seconds in ((self.age_seconds, 1), (self.age_ms, 0.001), (self.age_minutes, 60)):
            if value is not None and abs(value * seconds) < 1e10:
                return timedelta(seconds=value * seconds)
        return self.age


L = TypeVar("L", bound=LastTime)


def age_of(got: Got[L]) -> timedelta | None:
    """How long ago it last happened; None for never."""
    told, at = got.content.told_age(), got.content.at
    if told is not None:
        return told
    return None if at is None else got.age_of(at)


def _inner(content: object, model: type[ApiAnswer]) -> object:
    """The answer itself where it stands alone in a frame."""
    if isinstance(content, Mapping) and not _names(model) & content.keys():
        framed = next((content[frame] for frame in _FRAMES if frame in content), content)
        return framed if isinstance(framed, Mapping) or model.bare else content
    return content


def _names(model: type[ApiAnswer]) -> set[str]:
    aliases = (field.validation_alias for field in model.model_fields.values())
    choices = (alias.choices for alias in aliases if isinstance(alias, AliasChoices))
    return {one for every in choices for one in every if isinstance(one, str)}


def _kind(content: object) -> str:
    if content is None or content == "":
        return "nothing"
    return "a list" if isinstance(content, list) else "a bare value"


def _in_words(error: ValidationError, content: Mapping[str, Any]) -> str:
    has = clean(", ".join(map(str, list(content)[:8])), 160) or "no field"
    wrong = []
    for one in error.errors(include_url=False)[:_MOST_NAMED]:
        name = ".".join(str(part) for part in one["loc"])
        if one["type"] == "missing":
            wrong.append(f"has no `{name}` (it has {has})")
            continue
        why = one["msg"].removeprefix("Value error, ").removeprefix("Input ")
        value = clean(repr(one["input"]), 60)
        wrong.append(f"has `{name}` {value}, which {why}" if name else f"{why} (it has {has})")
    return "; ".join(dict.fromkeys(wrong))
