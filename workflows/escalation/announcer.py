"""Sends one message to one rung, or to the broadcast channels, and writes in the timeline whom it reached."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from models.base import in_words
    from models.incident.announcement import Announcement, Delivered, Occasion, Paged, Sent
    from models.incident.incident import EntryKind
    from models.incident.policy import Policy, Rung
    from workflows.escalation.editing import Editing
    from workflows.escalation.sending import send
    from workflows.record.continuation import began_in
    from workflows.record.mistakes import Mistakes, raise_temporals_own
    from workflows.record.timeline import Timeline

EDITED_WITHIN = timedelta(seconds=10)
"""So long a busy channel is tried for an edit: the next one shows the same, and more."""
DRY_RUN = "This is a dry run: nothing is done, whatever is answered. What is broken, a person must repair."

NOT_REACHED = Delivered(receipts=(), reached=False)


@dataclass(frozen=True)
class Words:
    """A message in words: its first line says all."""

    title: str
    text: str


@dataclass(frozen=True)
class Message:
    """What one rung is told, or nobody but the broadcast channels. Its words are those of when it is sent."""

    policy: Policy
    occasion: Occasion
    write: Callable[[], Words]
    role: str = "everybody"
    channels: tuple[str, ...] = ()
    """In order: the first that accepts it ends the search."""
    also_to: tuple[str, ...] = ()
    since: datetime | None = None
    """When it was first sent, of one that did not arrive."""
    within: timedelta | None = None
    """The time that is left to reach somebody, before the next rung is paged."""
    key: str = ""
    """What it is known by, however often it is tried; given when it is first sent."""

    @classmethod
    def to(cls, policy: Policy, rung: Rung | None, occasion: Occasion, write: Callable[[], Words]) -> Message:
        """To a rung and to the broadcast channels."""
        message = cls(policy, occasion, write, also_to=policy.ladder.broadcast)
        return replace(message, role=rung.role, channels=rung.channels) if rung else message

    def and_to(self, channels: Iterable[str]) -> Message:
        """The same to these channels as well, to each once."""
        return replace(self, also_to=tuple(dict.fromkeys((*self.also_to, *channels))))

    def again(self, delivered: Delivered) -> Message:
        """The same once more, to those that did not take it."""
        took = {receipt.channel for receipt in delivered.receipts if receipt.delivered}
        still = tuple(one for one in self.also_to if one not in took)
        rung = () if took.intersection(self.channels) else self.channels
        return replace(self, since=self.since or workflow.now(), channels=rung, also_to=still)


class Announcer:
    """Sends messages, each once."""

    def __init__(self, timeline: Timeline, mistakes: Mistakes, asked: Callable[[], tuple[str, ...]]) -> None:
        """`asked` are the digests of what is to be decided now."""
        self._asked = asked
        self._timeline = timeline
        self._mistakes = mistakes
        self.paged: list[Paged] = []
        """Which channel has, or may have, a page of whom."""
        self.answered = 0
        """How many messages were sent, whether or not they arrived."""
        self.editing = Editing(timeline)
        self._keyed = 0

    def take_over(self, before: Announcer) -> None:
        """Go on for another: who was paged by it hears the end, and its messages are edited."""
        self.paged, self._keyed = before.paged, before._keyed
        self.editing.take_over(before.editing)

    def keyed(self, message: Message) -> Message:
        """The same with a key of its own, unless it has one."""
        self._keyed += not message.key
        return message if message.key else replace(message, key=f"{workflow.info().run_id}/{self._keyed}")

    async def tell(self, message: Message) -> Delivered:
        """Send it; what happened stands in the timeline, of several failures in a row only the first."""
        words = message.write()
        if message.policy.dry_run:
            words = Words(f"dry run: {words.title}", f"{DRY_RUN}\n{words.text}")
        announcement = self.editing.begun(self._announcement(message, words), message.policy.ladder.edited)
        delivered = await self._announce(announcement)
        self.editing.heard(announcement, delivered)
        self.answered += 1
        self._remember(announcement, delivered)
        took = tuple(receipt.channel for receipt in delivered.receipts if receipt.delivered)
        through = ", ".join(took)
        down = "; ".join(f"{r.channel}: {r.why}" for r in delivered.receipts if not r.delivered)
        if delivered.reached:
            late = workflow.now() - message.since if message.since else None
            after = f", {in_words(late)} after the first try" if late else ""
            sent = Sent(
                occasion=message.occasion, role=message.role, through=took, title=words.title, late=late
            )
            self._timeline.add(
                f"{message.occasion} to {message.role} through {through}{after}: {words.title}", sent=sent
            )
            if down:
                self._timeline.add(f"not delivered through {down}", kind=EntryKind.NOT_TOLD)
        elif not message.since:
            text = f"{message.role} could not be reached ({down or 'no channel answered'})"
            self._timeline.add(text, kind=EntryKind.NOT_TOLD)
        return delivered

    async def edit(self, policy: Policy) -> None:
        """Bring the messages that can be edited up to date. What fails is made up for by the next one."""
        words = Words(f"{workflow.info().workflow_id} goes on", "")
        to, within = self.editing.channels, EDITED_WITHIN
        message = Message(policy, Occasion.PROGRESS, lambda: words, also_to=to, within=within)
        announcement = self._announcement(self.keyed(message), words)
        announcement = self.editing.begun(announcement, policy.ladder.edited)
        self.editing.heard(announcement, await self._announce(announcement))

    async def _announce(self, announcement: Announcement) -> Delivered:
        try:
            return await send(announcement)
        except ActivityError as error:
            raise_temporals_own(error)
            return NOT_REACHED
        except Exception as error:
            self._mistakes.note(f"telling {announcement.role}", error)
            return NOT_REACHED

    def _announcement(self, message: Message, words: Words) -> Announcement:
        here = workflow.info()
        return Announcement(
            incident=here.workflow_id,
            run_id=began_in(),
            occasion=message.occasion,
            severity=message.policy.severity,
            role=message.role,
            title=words.title,
            text=words.text,
            links=message.policy.addresses.of_incident(here.workflow_id, here.run_id, here.namespace),
            first_of=message.channels,
            also_to=message.also_to,
            plans=self._asked() if message.occasion.wakes else (),
            within=message.within,
            ends=tuple(self.paged) if message.occasion is Occasion.RESOLVED else (),
            key=message.key,
            again=message.since is not None,
        )

    def _remember(self, announcement: Announcement, delivered: Delivered) -> None:
        """A channel that was tried may have a page although its answer was lost."""
        if not announcement.occasion.wakes:
            return
        tried = [one.channel for one in delivered.receipts if not one.final] or announcement.first_of
        for channel in tried:
            page = Paged(channel=channel, role=announcement.role)
            if page not in self.paged:
                self.paged.append(page)
