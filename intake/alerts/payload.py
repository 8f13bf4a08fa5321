"""The webhook of Alertmanager (version 4), read without trust, and what others send in its shape.

Only what is no webhook at all is refused as a whole. Every alert is read by itself: what does not
fit is left out or cut, and the alert is taken with the rest. Unknown fields are ignored.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    WrapValidator,
    field_validator,
    model_validator,
)
from pydantic_core import to_json

from intake.alerts.fingerprint import fingerprint_of
from intake.alerts.patience import current, patience
from intake.sources.grafana import understood
from models.base import Model
from models.configuration.configuration import USUAL_LABELS
from models.incident.alert import AlertStatus
from models.incident.alert_life import shortened
from models.parts import MOST_PARTS, end_of_most
from models.redaction.known import KNOWN
from models.redaction.redact import redact, redact_named
from models.redaction.shapes import REDACTED
from models.text import plain

MAX_LABEL = 4096
MAX_ANNOTATION = 16_384
MAX_ALERTS = 10_000
MAX_LABELS = 32 * 2**10
MAX_ANNOTATIONS = 32 * 2**10
"""Bytes of an alert's labels, and of its annotations, as they travel: JSON in UTF-8. A run passes
its alert on with almost every activity, and gets notifications of some alerts for months."""
SAID_FIRST = ("summary", "description")
"""What people read first is the last to be left out."""
NAMES_A_SECRET = ("secret",)
"""Labels by which exporters name a secret, and do not tell it."""
BEYOND = 1024
"""Characters behind a cut that are looked through for the end of a secret."""
SHORT_LABEL = 128
"""As long as a label may be where there are too many long ones."""
LONGEST_NAME = 256

_TIME: TypeAdapter[datetime] = TypeAdapter(datetime)


def _texts(value: Any) -> dict[str, str]:
    """Names with a text each. A number is its own text; what has none, such as null, is left out."""
    if not isinstance(value, Mapping):
        return {}
    told = ((name, _text(one)) for name, one in value.items())
    return {name: text for name, text in told if 0 < len(name) <= LONGEST_NAME and text is not None}


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None


def _time(value: Any) -> datetime | None:
    """A time in UTC; None for none, for Go's zero time, and for what cannot be read as one."""
    try:
        read = _TIME.validate_python(value)
        read = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValidationError, OverflowError):
        return None
    return read if read.year > 1 else None


def _cut(text: str, most: int, whole: str = "") -> str:
    """Cut short, and still another than what begins like the `whole`, of which `text` may be a part."""
    whole = whole or text
    if len(whole) <= most:
        return text
    digits = hashlib.sha256(whole.encode(errors="backslashreplace")).hexdigest()[:8]
    return f"{text[: most - 10]}… {digits}"


def _deciding(service_labels: Sequence[str]) -> tuple[str, ...]:
    """The labels that decide what is done: they are never left out, and stay as they are."""
    return ("alertname", *USUAL_LABELS, *service_labels, "severity")


def _hidden(labels: Mapping[str, str], deciding: Sequence[str], most: int = MAX_LABEL) -> dict[str, str]:
    return {
        name: _cut(text, most) if name in deciding else _without_secrets(name, text, most)
        for name, text in labels.items()
    }


def _without_secrets(name: str, text: str, most: int) -> str:
    """The text without secrets, cut to `most` characters. They are looked for in a little more than is kept:
    half of one would not be known any more, and to look through all that is sent would take long."""
    looks = current()
    if looks.ended:
        return REDACTED
    beyond = BEYOND + KNOWN.longest
    with looks.looking():
        near = KNOWN.hide(text[: most + beyond])
        hidden = redact(near) if name in NAMES_A_SECRET else redact_named(name, near)
    if len(text) > most + beyond and hidden != REDACTED:
        hidden = hidden[:-beyond]  # its end may be half of one
    return _cut(hidden, most, text)


def _status(value: Any) -> Any:
    return AlertStatus.FIRING if value is None else value.lower() if isinstance(value, str) else value


Texts = Annotated[dict[str, str], BeforeValidator(_texts)]
Time = Annotated[datetime | None, BeforeValidator(_time)]


class ReceivedAlert(Model):
    """One alert as Alertmanager sends it, and as its API returns it (there without a status).

    The context of its validation names the labels by which the configuration finds a service.
    """

    status: Annotated[AlertStatus, BeforeValidator(_status)] = AlertStatus.FIRING
    labels: Texts = Field(default_factory=dict)
    annotations: Texts = Field(default_factory=dict)
    starts_at: Time = Field(default=None, alias="startsAt")
    """None where the sender names no start."""
    ends_at: Time = Field(default=None, alias="endsAt")
    fingerprint: str = ""
    """The sender's; made of the labels, as they came, where it names none."""

    @model_validator(mode="before")
    @classmethod
    def _told_apart(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        value = understood(value)
        given = _text(value.get("fingerprint"))
        told_apart = shortened(given) if given else fingerprint_of(_texts(value.get("labels")))
        return {**value, "fingerprint": told_apart}

    @field_validator("labels", mode="after")
    @classmethod
    def _labels_fit(cls, labels: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        """Labels say what the alert is about: long ones are cut before any is left out."""
        deciding = _deciding(info.context or ())
        for most in (MAX_LABEL, SHORT_LABEL):
            cut = {name: _cut(text, most) for name, text in labels.items()}
            if _size(cut) <= MAX_LABELS:
                break
        kept = _as_many_as_fit(cut, MAX_LABELS, deciding)
        return _as_many_as_fit(
            _hidden({name: labels[name] for name in kept}, deciding, most), MAX_LABELS, deciding
        )

    @field_validator("annotations", mode="after")
    @classmethod
    def _annotations_fit(cls, annotations: dict[str, str]) -> dict[str, str]:
        """Annotations are prose: their alert is worth more than all that does not fit."""
        cut = {name: _cut(text, MAX_ANNOTATION) for name, text in annotations.items()}
        kept = _as_many_as_fit(cut, MAX_ANNOTATIONS, SAID_FIRST)
        hidden = {name: _without_secrets(name, annotations[name], MAX_ANNOTATION) for name in kept}
        return _as_many_as_fit(hidden, MAX_ANNOTATIONS, SAID_FIRST)


def _count(value: Any) -> int:
    return min(value, 2**31) if isinstance(value, int) and value > 0 else 0


class Envelope(Model):
    """What surrounds the alerts. `truncatedAlerts` counts those that did not fit in."""

    group_labels: Texts = Field(default_factory=dict, alias="groupLabels")
    truncated_alerts: Annotated[int, BeforeValidator(_count)] = Field(default=0, alias="truncatedAlerts")
    alerts: list[Annotated[ReceivedAlert, WrapValidator(lambda value, _: value)]]
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
    """Alerts of the group that are not in it."""
    group_labels: dict[str, str] = Field(default_factory=dict)

    @cached_property
    def statuses(self) -> Counter[str]:
        """How many of the good ones fire, and how many are over."""
        return Counter(one.status.value for _, one in self.good)


class Unreadable(Exception):
    """The body is not a webhook of Alertmanager. Sending it again would not help."""


def read_webhook(body: bytes, service_labels: Sequence[str] = ()) -> Batch:
    """Read the body of `POST /v1/alertmanager`; the values of `service_labels` stay as they are.

    Raises Unreadable for what is no webhook at all: not UTF-8, not JSON, nested too deep, no `alerts`, or
    more parts than any answer has.
    """
    if end_of_most(body) is not None:
        raise Unreadable(f"it has more than {MOST_PARTS:,} values and keys")
    try:
        envelope = Envelope.model_validate_json(body)
    except ValidationError as error:
        raise Unreadable(why(error)) from error
    with patience():
        return _batch(envelope, service_labels)


def _batch(envelope: Envelope, service_labels: Sequence[str]) -> Batch:
    good: list[tuple[int, ReceivedAlert]] = []
    refused: list[Refused] = []
    beyond = max(0, len(envelope.alerts) - MAX_ALERTS)
    del envelope.alerts[MAX_ALERTS:]
    for index, received in enumerate(_let_go(envelope.alerts)):
        try:
            good.append((index, ReceivedAlert.model_validate(received, context=service_labels)))
        except ValidationError as error:
            refused.append(Refused(index=index, reason=why(error)))
    return Batch(
        good=tuple(good),
        refused=tuple(refused),
        truncated=envelope.truncated_alerts + beyond,
        group_labels=_hidden(envelope.group_labels, _deciding(service_labels)),
    )


def _let_go(alerts: list[ReceivedAlert]) -> Iterator[ReceivedAlert]:
    """Each in its order, and held here no longer: thousands, as they came and as they were read, are many."""
    alerts.reverse()
    while alerts:
        yield alerts.pop()


def _size(texts: Mapping[str, str]) -> int:
    return sum(len(to_json(name)) + len(to_json(text)) for name, text in texts.items())


def _as_many_as_fit(texts: Mapping[str, str], room: int, first: Sequence[str]) -> dict[str, str]:
    """Those of at most `room` bytes together, in their own order. What does not fit is left out whole."""
    kept: set[str] = set()
    for name in sorted(texts, key=lambda name: name not in first):
        size = _size({name: texts[name]})
        if size <= room:
            kept.add(name)
            room -= size
    return {name: text for name, text in texts.items() if name in kept}


def why(error: ValidationError) -> str:
    """The first mistake in one line. Names the field, never repeats what was sent."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    return plain(f"{field}: {first['msg']}" if field else first["msg"])
