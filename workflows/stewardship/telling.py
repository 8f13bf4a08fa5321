"""What the control room tells: incidents, that they must look at it; people, once for all of them."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.incidents.control_room import Broadcast, Concerned, ControlRoomActivities
    from models.base import in_number, roughly
    from models.incident.announcement import Announcement, Occasion
    from models.incident.stewardship import Announced, ControlRoomState
    from models.names import Severity
    from workflows.escalation.sending import send
    from workflows.record.failures import in_short
    from workflows.record.mistakes import raise_temporals_own

LISTED_LATE = timedelta(seconds=20)
"""An incident that has just begun is listed by then."""
TELLING = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
WITHIN = timedelta(minutes=3)
"""So long it is tried; an incident that was not told finds it out by itself."""


class Telling:
    """Tells what begins, what ends, and what lasts for long."""

    async def begun(self, one: Announced) -> None:
        """Incidents first, so that they are quiet."""
        told = await self._incidents(one)
        stands = "stands" if told == 1 else "stand"
        end = f"To end it: {one.ended_by}"
        counted = f"{in_number(told, 'open incident')} {stands} still. " if told else ""
        text = f"{counted}Alerts are taken and looked at; nothing is done, and nobody is called.\n{end}"
        await self._everybody(f"Begins: {one.says}", text)

    async def once_more(self, one: Announced) -> None:
        """For incidents that had just begun, and were not listed yet."""
        await workflow.sleep(LISTED_LATE, summary="until every incident is listed")
        await self._incidents(one)

    async def over(self, one: Announced, ended_by: str) -> None:
        """What still fires is looked at again, and goes on."""
        await self._incidents(one)
        by = f"Ended by {ended_by}.\n" if ended_by else ""
        await self._everybody(f"Over: {one.says}", f"{by}What still fires is looked at again, and goes on.")

    async def suspended_still(self, state: ControlRoomState) -> None:
        """Nobody forgets it."""
        since = f"for {roughly(workflow.now() - state.since)}" if state.since else "still"
        text = "Nothing is repaired, and nobody is called. Allow it again: starter.py resume"
        await self._everybody(f"All actions are suspended {since}", f"{state.suspended_words}\n{text}")

    async def terminated(self, incident: str) -> None:
        """Nothing runs in it that could tell."""
        text = (
            "There is no review, nobody is called for it any more, and what it did only for now stays. "
            f"What it did: starter.py show {incident}. Its service is free; an alert that fires starts anew."
        )
        await self._everybody(f"{incident} was terminated", text)

    async def _incidents(self, one: Announced) -> int:
        try:
            return await workflow.execute_activity_method(
                ControlRoomActivities.tell_incidents,
                Concerned(service=one.service, alert=one.alert),
                start_to_close_timeout=timedelta(minutes=1),
                schedule_to_close_timeout=WITHIN,
                heartbeat_timeout=timedelta(seconds=15),
                retry_policy=TELLING,
                summary="open incidents look at the control room",
            )
        except ActivityError as error:
            raise_temporals_own(error)
            workflow.logger.error("not every incident was told: %s", in_short(error))
            return 0

    async def _everybody(self, title: str, text: str) -> None:
        try:
            broadcast: Broadcast = await workflow.execute_activity_method(
                ControlRoomActivities.broadcast,
                start_to_close_timeout=timedelta(seconds=10),
                schedule_to_close_timeout=WITHIN,
                summary="whom to tell",
            )
            if broadcast.channels:
                await send(_announcement(title, text, broadcast))
        except ActivityError as error:
            raise_temporals_own(error)
            workflow.logger.error("nobody was told of it: %s", in_short(error))


def _announcement(title: str, text: str, broadcast: Broadcast) -> Announcement:
    here = workflow.info()
    return Announcement(
        incident=here.workflow_id,
        run_id=here.run_id,
        occasion=Occasion.NOTICE,
        severity=Severity.INFO,
        role="everybody",
        title=title,
        text=text,
        links=broadcast.addresses.of_fleet(here.workflow_id, here.run_id, here.namespace),
        also_to=broadcast.channels,
    )
