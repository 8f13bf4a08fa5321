"""Passes an open incident to a new run, and takes it from the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.evidence.seen import Seen
    from models.incident.so_far import Known, SoFar, Stage
    from workflows.incident.path import Path, read_evidence, written_evidence
    from workflows.record.record import Record

if TYPE_CHECKING:
    from workflows.incident.parts import Parts

LARGEST = 1_500_000
"""Bytes as JSON; with the alert beside it, it must be one payload of Temporal."""


def everything_known(incident: Parts, stage: Stage) -> SoFar:
    """Everything that the incident knows, made to fit."""
    whole = SoFar(
        stage=stage,
        known=_known(incident.record),
        path=incident.path.done if stage is Stage.PAGE else (),
        timeline=incident.timeline.so_far(),
        phases=incident.timeline.phases,
        alert=incident.alert_state.so_far(),
        ladder=incident.escalation.so_far(),
        question=incident.approval.so_far(),
        heard=incident.people.so_far(),
        hold=incident.remediation.so_far(),
        promises=incident.undoing.so_far(),
        others=incident.others.so_far(),
        proposals=incident.record.proposals,
    )
    return fitted(whole)


def fitted(whole: SoFar) -> SoFar:
    """The same within `LARGEST`: the annotations go first, then the instances that were heard first."""
    alert = whole.alert
    if _size(whole) > LARGEST:
        alert = alert.model_copy(update={"newest": alert.newest.model_copy(update={"annotations": {}})})
    while _size(fits := whole.model_copy(update={"alert": alert})) > LARGEST and len(alert.instances) > 1:
        newest = list(alert.instances.items())[len(alert.instances) // 2 :]
        alert = alert.model_copy(update={"instances": dict(newest)})
    return fits


def resume(incident: Parts, so_far: SoFar) -> None:
    """Know all of it before the first message of the new run is heard."""
    _take(incident.record, so_far.known)
    incident.record.proposals = so_far.proposals
    incident.path = Path(incident.record, so_far.path)
    incident.timeline.resume(so_far.timeline, so_far.phases, so_far.known.phase)
    incident.alert_state.resume(so_far.alert)
    incident.approval.policy = so_far.known.policy.approval
    incident.approval.resume(so_far.question)
    incident.people.resume(so_far.heard)
    incident.remediation.resume(so_far.hold)
    incident.others.resume(so_far.others)
    incident.begin_to_escalate()
    incident.escalation.resume(so_far.ladder)


def _size(so_far: SoFar) -> int:
    return len(so_far.model_dump_json().encode())


def _known(record: Record) -> Known:
    assert record.policy is not None, "an incident takes its policy first"  # noqa: S101
    known = {name: getattr(record, name) for name in Known.model_fields if name != "seen"}
    return Known.model_validate({**known, "seen": written_evidence(record.seen.by_name)})


def _take(record: Record, known: Known) -> None:
    for name in Known.model_fields:
        value = getattr(known, name)
        setattr(record, name, list(value) if isinstance(getattr(record, name), list) else value)
    record.seen = Seen(read_evidence(known.seen))
    record.resumed(known.done)
