"""The one service that an incident holds: waited for in line, shared by its page and a revert, let go of."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.policy import Policy
    from models.incident.review import Doing
    from models.incident.stewardship import AllowedBy
    from models.service.service import Service
    from workflows.record.record import Record
    from workflows.record.timeline import Timeline
    from workflows.remediation.hold import ASKED_AGAIN_AFTER, LONGEST_PAUSE, ServiceHold

PAGE, REVERT = "page", "revert"
"""Who in an incident needs the hold."""
WAITS = "a revert that waits goes on in a new run"
"""Runs that began before it stay in theirs."""


class Holding:
    """Holds one service at a time, and none while it waits for another one."""

    _policy: Policy

    def __init__(self, record: Record, timeline: Timeline) -> None:
        self._record = record
        self._timeline = timeline
        self._hold: ServiceHold | None = None
        self.reverts_waiting = 0
        """How many reverts only wait, which may take days: a new run takes them up."""

    async def _granted(self, hold: ServiceHold, stop: Callable[[], bool], user: str = PAGE) -> None:
        """Wait in line. The steward is asked again now and then: somebody may have terminated it."""
        self._timeline.add(f"waiting for {hold.service}: {hold.taken_over_by}", by="steward")
        if user == PAGE:
            self._timeline.waits(Doing.OTHER)
        pause = ASKED_AGAIN_AFTER
        continuation = self._record.continuation
        while not (hold.held or stop()):
            try:
                with self._only_waits(user):
                    await workflow.wait_condition(
                        lambda: hold.held or stop() or (user == PAGE and continuation.due),
                        timeout=pause,
                        timeout_summary=f"asks the steward of {hold.service} again",
                    )
                if not (hold.held or stop()):
                    continuation.stop_if_due()
            except TimeoutError:
                await hold.ask_again(AllowedBy.REVERT if REVERT in hold.users else AllowedBy.POLICY)
                pause = min(2 * pause, LONGEST_PAUSE)
        if user == PAGE:
            self._timeline.goes_on()

    @contextlib.contextmanager
    def _only_waits(self, user: str) -> Iterator[None]:
        """A revert begins nothing within: it may be left, and its hold is handed on."""
        waits = user == REVERT and workflow.patched(WAITS)
        self.reverts_waiting += waits
        try:
            yield
        finally:
            self.reverts_waiting -= waits

    async def _hold_for(self, service: Service, user: str) -> ServiceHold:
        """The one hold, on this service: another is let go of first, so that nobody waits in a circle."""
        while self._hold and self._hold.service != service.name:
            await self._let_go(user)
            await workflow.wait_condition(lambda: self._hold is None)
        self._hold = self._hold or ServiceHold(
            service.name,
            self._policy.severity,
            self._timeline,
            dry_run=self._policy.only_records(service),
        )
        self._hold.users.add(user)
        return self._hold

    async def _let_go(
        self, user: str, release: Callable[[ServiceHold], Awaitable[None]] = ServiceHold.release
    ) -> None:
        hold = self._hold
        if hold is None or user not in hold.users:
            return
        hold.users.remove(user)
        if not hold.users:
            self._hold = None
            await release(hold)
