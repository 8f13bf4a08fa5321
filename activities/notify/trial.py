"""A message that is marked as a test, to see whether a channel works before it is needed."""

from __future__ import annotations

from uuid import uuid4

from activities.notify.channel import Channel, ChannelDown
from models.incident.announcement import Announcement, Occasion, Paged
from models.names import Severity

INCIDENT = "Test/channels"


class PageLeftOpen(ChannelDown):
    """The test page was taken, and its end was not."""


async def try_out(channel: Channel, role: str, severity: Severity, by: str) -> None:
    """Page this role once, as an incident would; a page that stays open is resolved again.

    Raises `ChannelDown` with the reason.
    """
    page = Announcement(
        incident=INCIDENT,
        run_id=uuid4().hex,
        occasion=Occasion.PAGE,
        severity=severity,
        role=role,
        title=f"TEST, nothing is broken: does this reach {role}?",
        text=f"{by} tries the channel {channel.name}. There is no incident, and there is nothing to do.",
    )
    await channel.deliver(page)
    if not channel.keeps_pages_open:
        return
    ends = (Paged(channel=channel.name, role=role),)
    try:
        await channel.deliver(page.model_copy(update={"occasion": Occasion.RESOLVED, "ends": ends}))
    except ChannelDown as down:
        raise PageLeftOpen(f"took the test page but not its end, resolve it there: {down}") from down
