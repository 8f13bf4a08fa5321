"""The verbs of a page that are done, so that a new run goes on where the last one stood.

A page is code: its position cannot be handed on, but what its verbs found can. The page is followed
again from its top, and each verb that is done already answers with what it found then.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from models.evidence.evidence import Evidence
    from models.evidence.seen import Seen
    from models.incident.so_far import Evidences, Passed
    from workflows.diagnosis.look import LOOKS_BROUGHT, Look
    from workflows.record.endings import Escalated
    from workflows.record.record import Record

TYPES = {one.name: one.result for one in vars(looks).values() if isinstance(one, Look)}


class Path:
    """What one page has done so far."""

    def __init__(self, record: Record, done: tuple[Passed, ...] = ()) -> None:
        self._record = record
        self._done = list(done)
        self._at = 0
        self._seen: Mapping[str, Evidence] = {} if done else record.seen.by_name
        if done:
            record.seen = Seen()

    @property
    def done(self) -> tuple[Passed, ...]:
        return tuple(self._done)

    @property
    def now(self) -> datetime:
        """When the verb before this place was done: the same in every run, for what a page counts from."""
        at = self._done[self._at - 1].at if self._at else None
        return at or self._record.began_at

    def passed(self, verb: str) -> Passed | None:
        """This verb as an earlier run did it; None when it is to be done now.

        Raises `Escalated` when the page has another one here: its code has changed meanwhile.
        Raises `Cancelled`: no verb is begun any more then.
        """
        self._record.stop_if_cancelled()
        if self._at == len(self._done):
            return None
        done = self._done[self._at]
        if done.verb != verb:
            raise Escalated(f"its runbook was changed while it was open: {verb} is not {done.verb}")
        self._at += 1
        self._record.seen = Seen({**self._record.seen.by_name, **read_evidence(done.seen)})
        self._seen = self._record.seen.by_name
        return done

    def did(
        self, verb: str, cause: str = "", *, well: bool = False, throttled: timedelta | None = None
    ) -> None:
        """A verb is done, with what was seen since the one before."""
        seen = self._record.seen.by_name
        new = {name: one for name, one in seen.items() if self._seen.get(name) is not one}
        self._done.append(
            Passed(
                verb=verb,
                cause=cause,
                seen=written_evidence(new),
                well=well,
                at=workflow.now(),
                throttled=throttled,
            )
        )
        self._at, self._seen = len(self._done), seen


def written_evidence(seen: Mapping[str, Evidence]) -> Evidences:
    """Evidence as JSON."""
    return {name: one.model_dump(mode="json") for name, one in seen.items()}


def _type_of(look: str) -> type[Evidence]:
    brought = LOOKS_BROUGHT.get(look)
    return brought.result if brought else TYPES.get(look, Evidence)


def read_evidence(written: Evidences) -> dict[str, Evidence]:
    """The same, as each look's own kind of evidence."""
    return {name: _type_of(name).model_validate(one) for name, one in written.items()}
