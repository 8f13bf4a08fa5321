"""The webhook of Alertmanager (version 4), read without trust.

The envelope must be right; every alert in it is then read by itself, so that one bad alert never
takes a good one with it. Unknown fields are ignored: newer versions add some.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    WrapValidator,
    field_validator,
)
from pydantic_core import to_json

from models.base import Model, in_bytes
from models.incident.alert import AlertStatus
from models.text import plain

MAX_LABELS = 64
MAX_LABEL = 4096
MAX_ANNOTATION = 16_384
MAX_ALERTS = 10_000
MAX_WORDS = 256 * 2**10
"""Bytes of an alert's labels and annotations together, as they travel: JSON in UTF-8. Temporal takes
no value above 2 MiB, and a run hands its alert on with almost everything that it does."""
SAID_FIRST = ("summary", "description")
"""What people read first is the last to be left out."""
YEAR_ONE = datetime(1, 1, 2, tzinfo=UTC)
"""`endsAt` of an alert that fires is Go's zero time; nothing before this is a date."""

LabelName = Annotated[str, StringConstraints(min_length=1, max_length=256)]
LabelValue = Annotated[str, StringConstraints(max_length=MAX_LABEL)]


def _bounded(value: Any) -> Any:
    """Cut a long annotation short: it is prose, and its alert is worth more than its end."""
    if isinstance(value, str) and len(value) > MAX_ANNOTATION:
        return value[: MAX_ANNOTATION - 1] + "…"
    return value


def _without_zero_time(value: Any) -> Any:
    """Go's zero time means `not yet`. It is dropped before any time zone can overflow on it."""
    return None if value == "" or (isinstance(value, str) and value.startswith("0001-01-01")) else value


def _in_utc(value: datetime | None) -> datetime | None:
    """Every time in UTC from here on. A time that only exists in its own zone is refused."""
    try:
        return None if value is None else value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is not a time in UTC") from error


AnnotationValue = Annotated[str, BeforeValidator(_bounded)]


class ReceivedAlert(Model):
    """One alert as Alertmanager sends it, and as its API returns it (there without a status)."""

    status: AlertStatus = AlertStatus.FIRING
    labels: dict[LabelName, LabelValue] = Field(min_length=1, max_length=MAX_LABELS)
    annotations: dict[LabelName, AnnotationValue] = Field(default_factory=dict, max_length=MAX_LABELS)
    starts_at: Annotated[AwareDatetime, AfterValidator(_in_utc)] = Field(alias="startsAt", gt=YEAR_ONE)
    ends_at: Annotated[AwareDatetime | None, BeforeValidator(_without_zero_time), AfterValidator(_in_utc)] = (
        Field(default=None, alias="endsAt")
    )
    fingerprint: str = Field(default="", max_length=256)

    @field_validator("labels", mode="after")
    @classmethod
    def _labels_fit(cls, labels: dict[str, str]) -> dict[str, str]:
        """Labels say what the alert is about: without one of them it would be another alert."""
        if _size(labels) > MAX_WORDS:
            raise ValueError(f"are larger than {in_bytes(MAX_WORDS)} together: let the rule attach fewer")
        return labels

    @field_validator("annotations", mode="after")
    @classmethod
    def _annotations_fit(cls, annotations: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        """Annotations are prose: their alert is worth more than all that does not fit beside its labels."""
        return _as_many_as_fit(annotations, MAX_WORDS - _size(info.data.get("labels", {})))


class Envelope(Model):
    """What surrounds the alerts. `truncatedAlerts` counts those that did not fit in."""

    group_labels: dict[LabelName, LabelValue] = Field(
        default_factory=dict, alias="groupLabels", max_length=MAX_LABELS
    )
    truncated_alerts: int = Field(default=0, ge=0, le=2**31, alias="truncatedAlerts")
    alerts: list[Annotated[ReceivedAlert, WrapValidator(lambda value, _: value)]] = Field(
        max_length=MAX_ALERTS
    )
    """As they came: each is validated by itself."""


class Refused(Model):
    """An alert that was not taken: its place in the batch, and why."""

    index: int | None
    """None for one that was fetched because the batch was cut."""
    reason: str


class Batch(Model):
    """A webhook as it was read: what is good, by its place, and what is not."""

    good: tuple[tuple[int, ReceivedAlert], ...]
    refused: tuple[Refused, ...]
    truncated: int = 0
    group_labels: dict[str, str] = Field(default_factory=dict)


class Unreadable(Exception):
    """The body is not a webhook of Alertmanager. Sending it again would not help."""


def read_webhook(body: bytes) -> Batch:
    """Read the body of `POST /v1/alertmanager`.

    Raises Unreadable for what is no webhook at all: not UTF-8, not JSON, nested too deep, no `alerts`.
    """
    try:
        envelope = Envelope.model_validate_json(body)
    except ValidationError as error:
        raise Unreadable(why(error)) from error
    good: list[tuple[int, ReceivedAlert]] = []
    refused: list[Refused] = []
    for index, received in enumerate(envelope.alerts):
        try:
            good.append((index, ReceivedAlert.model_validate(received)))
        except ValidationError as error:
            refused.append(Refused(index=index, reason=why(error)))
    return Batch(
        good=tuple(good),
        refused=tuple(refused),
        truncated=envelope.truncated_alerts,
        group_labels=envelope.group_labels,
    )


def _size(words: dict[str, str]) -> int:
    return sum(len(to_json(name)) + len(to_json(text)) for name, text in words.items())


def _as_many_as_fit(annotations: dict[str, str], room: int) -> dict[str, str]:
    """The annotations of at most `room` bytes, in their own order. What does not fit is left out whole."""
    kept: set[str] = set()
    for name in sorted(annotations, key=lambda name: name not in SAID_FIRST):
        size = _size({name: annotations[name]})
        if size <= room:
            kept.add(name)
            room -= size
    return {name: text for name, text in annotations.items() if name in kept}


def why(error: ValidationError) -> str:
    """The first mistake in one line. Names the field, never repeats what was sent."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    return plain(f"{field}: {first['msg']}" if field else first["msg"])
