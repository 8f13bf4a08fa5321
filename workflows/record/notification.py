"""The alerts of one signal, read without trust: no message may break a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import ValidationError
from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.alert import Alert
    from workflows.record.timeline import Timeline

UNREADABLE = "a notification was ignored: its input is not an alert"


def read_alerts(said: Sequence[object], timeline: Timeline) -> Iterator[Alert]:
    """Each in the order in which it was said. What is none is noted."""
    for one in said or (None,):
        try:
            yield Alert.model_validate(one)
        except ValidationError:
            timeline.add(UNREADABLE, by="alert_changed")
