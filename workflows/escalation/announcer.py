"""Sends announcements in the background, so that none delays the fix."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.notify.announce import ChannelActivities
    from models.incident.announcement import Announcement, Delivered, Occasion
    from models.incident.incident import EntryKind
    from models.incident.policy import Policy, Rung
    from workflows.record.continuation import began_in
    from workflows.record.mistakes import Mistakes, raise_temporals_own
    from workflows.record.timeline import Timeline

DRY_RUN = "This is a dry run: nothing is done, whatever is answered. What is broken, a person must repair."
DELIVERY = RetryPolicy(maximum_attempts=3, initial_interval=timedelta(seconds=1))


class Announcer:
    """Sends announcements in the background and writes in the timeline whom they reached."""

    def __init__(self, timeline: Timeline, mistakes: Mistakes, unreachable: Callable[[Rung], None]) -> None:
        self._timeline = timeline
        self._mistakes = mistakes
        self._unreachable = unreachable
        self._under_way: list[asyncio.Task[None]] = []

    def page(self, policy: Policy, rung: Rung, title: str, text: str) -> None:
        """Page one rung; if none of its channels delivers, the next rung is paged."""
        self._send(policy, Occasion.PAGE, title, text, rung)

    def ask(self, policy: Policy, rung: Rung, title: str, text: str) -> None:
        """Tell a rung that a decision is waiting."""
        self._send(policy, Occasion.APPROVAL, title, text, rung)

    def notice(self, policy: Policy, title: str, text: str) -> None:
        """Tell the broadcast channels; nobody is paged."""
        self._send(policy, Occasion.NOTICE, title, text, None)

    def report(self, policy: Policy, rung: Rung | None, title: str, text: str) -> None:
        """Tell the owner of the alert, and the broadcast channels, what is to be read; nobody is paged."""
        self._send(policy, Occasion.NOTICE, title, text, rung)

    def resolved(self, policy: Policy, rung: Rung | None, title: str, text: str) -> None:
        """Tell everybody who was told before that it is over."""
        self._send(policy, Occasion.RESOLVED, title, text, rung)

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return any(not task.done() for task in self._under_way)

    async def finish(self) -> None:
        """Wait for what is under way; each delivery is bounded by its own time-out."""
        await asyncio.gather(*self._under_way)
        self._under_way.clear()

    def _send(self, policy: Policy, occasion: Occasion, title: str, text: str, rung: Rung | None) -> None:
        if policy.dry_run:
            title, text = f"dry run: {title}", f"{DRY_RUN}\n{text}"
        message = Announcement(
            incident=workflow.info().workflow_id,
            run_id=began_in(),
            occasion=occasion,
            severity=policy.severity,
            role=rung.role if rung else "everybody",
            title=title,
            text=text,
            link=policy.links.get("workflow", ""),
            first_of=rung.channels if rung else (),
            also_to=policy.ladder.broadcast,
        )
        if rung or message.also_to:
            self._under_way.append(asyncio.create_task(self._deliver(message, rung)))

    async def _deliver(self, message: Announcement, rung: Rung | None) -> None:
        try:
            delivered: Delivered = await workflow.execute_activity_method(
                ChannelActivities.announce,
                message,
                start_to_close_timeout=timedelta(minutes=1),
                schedule_to_close_timeout=timedelta(minutes=3),
                heartbeat_timeout=timedelta(seconds=15),
                retry_policy=DELIVERY,
                summary=f"tell {message.role}: {message.title}",
            )
        except ActivityError as error:
            raise_temporals_own(error)
            delivered = Delivered(receipts=(), reached=False)
        except Exception as error:
            self._mistakes.note(f"telling {message.role}", error)
            delivered = Delivered(receipts=(), reached=False)
        through = ", ".join(receipt.channel for receipt in delivered.receipts if receipt.delivered)
        down = "; ".join(f"{r.channel}: {r.why}" for r in delivered.receipts if not r.delivered)
        if delivered.reached:
            self._timeline.add(f"{message.occasion} to {message.role} through {through}: {message.title}")
            if down:
                self._timeline.add(f"not delivered through {down}", kind=EntryKind.NOT_TOLD)
        else:
            text = f"{message.role} could not be reached ({down or 'no channel answered'})"
            self._timeline.add(text, kind=EntryKind.NOT_TOLD)
            if rung and message.occasion in (Occasion.PAGE, Occasion.APPROVAL):
                self._unreachable(rung)
