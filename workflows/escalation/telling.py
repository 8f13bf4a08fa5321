"""The messages of one incident: to the broadcast channels, to a rung, or as the page of a role."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.announcement import Occasion
    from models.incident.policy import Policy, Rung
    from models.incident.so_far import Unreached
    from models.telling.in_short import InShort
    from workflows.escalation.announcer import Announcer, Message, Words
    from workflows.escalation.ladder import Climb
    from workflows.escalation.reaching import Reaching
    from workflows.record.mistakes import Mistakes
    from workflows.record.timeline import Timeline


TELLS_BESIDE = "who was paged beside the ladder alone hears that it is repaired"
TELLS_THE_LATE = "who is being paged hears that it is repaired"
"""Runs that began before these tell them at the end."""


class Telling:
    """Sends what an incident has to say, each message once."""

    _climb: Climb

    def __init__(
        self,
        policy: Policy,
        timeline: Timeline,
        mistakes: Mistakes,
        situation: Callable[[str], str],
        asked: Callable[[], tuple[str, ...]],
    ) -> None:
        self._policy = policy
        self._timeline = timeline
        self._mistakes = mistakes
        self._situation = situation
        self._incident = workflow.info().workflow_id
        self._announcer = Announcer(timeline, mistakes, asked)
        self._reaching = Reaching(self._announcer, timeline, lambda: self._climb.stands_still)
        self._pages_wanted = 0
        """Counts up when pages that did not arrive yet are not worth another try."""
        self._told: set[str] = set()
        self._broadcast_at: datetime | None = None
        """When the broadcast channels heard of a page."""
        self._following: asyncio.Task[None] | None = None

    def follow(self, in_short: Callable[[], InShort | None]) -> None:
        """Edit the messages that can be edited as the incident goes on."""
        self._announcer.editing.in_short = in_short
        if self._policy.ladder.edited:
            self._following = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        while True:
            await workflow.wait_condition(lambda: self._announcer.editing.behind)
            if pause := self._announcer.editing.pause:
                await workflow.sleep(pause, summary="until a message is edited again")
                if not self._announcer.editing.behind:
                    continue
            await self._announcer.edit(self._policy)

    def stop_following(self) -> None:
        """Begin no edit in this run any more; none is under way."""
        if self._following:
            self._following.cancel()

    async def _all_edited(self) -> None:
        """Wait for the edit that is under way: the end is the last one."""
        if self._following:
            await workflow.wait_condition(lambda: not self._announcer.editing.under_way)
            self.stop_following()

    def tell_owner(self, title: str, text: str) -> None:
        """Send the first rung, whose alert it is, what is to be read; nobody is paged."""
        owner = next(iter(self._policy.ladder.rungs), None)
        self._send(owner, Occasion.NOTICE, title, text)

    def notice(self, title: str, text: str) -> None:
        """Tell the broadcast channels; nobody is paged."""
        self._send(None, Occasion.NOTICE, title, text)

    def notice_once(self, title: str, text: str) -> None:
        """The same, for what is waited for again and again."""
        if self._first_time(title):
            self.notice(title, text)

    @property
    def telling(self) -> bool:
        """Whether an announcement is still under way."""
        return self._reaching.busy or self._announcer.editing.under_way

    async def all_told(self) -> None:
        """Wait for the announcements under way: whom they reached stands in the review."""
        await self._reaching.finish()

    def _first_time(self, told: str) -> bool:
        first = told not in self._told and not self._climb.stands_still
        self._told |= {told} if first else set()
        return first

    def _to(self, rung: Rung | None, occasion: Occasion, title: str, text: str) -> Message:
        return Message.to(self._policy, rung, occasion, lambda: Words(title, text))

    def _send(self, rung: Rung | None, occasion: Occasion, title: str, text: str) -> None:
        if not self._climb.stands_still:
            self._reaching.send(self._to(rung, occasion, title, text))

    @property
    def _nobody_was_paged(self) -> bool:
        return not (self._announcer.paged or self._reaching.paging)

    def _tell_who_was_paged(self, rung: Rung | None, title: str, text: str) -> None:
        """Tell this rung, everybody else who was paged, on the ladder or beside it, and the broadcast
        channels, each channel once; whose page is on its way now, when it has arrived."""
        told = self._to(rung, Occasion.NOTICE, title, text)
        everybody = told.and_to(one.channel for one in self._announcer.paged)
        if told.channels or told.also_to or (everybody.also_to and workflow.patched(TELLS_BESIDE)):
            told = everybody
            self._reaching.send(told)
        if self._reaching.paging and workflow.patched(TELLS_THE_LATE):
            self._reaching.send_when_paged(lambda: self._to_the_others(told))

    def _to_the_others(self, told: Message) -> Message:
        """The same to those who were paged meanwhile."""
        heard = {*told.channels, *told.also_to}
        late = (one.channel for one in self._announcer.paged if one.channel not in heard)
        return replace(told, role="everybody", channels=(), also_to=()).and_to(late)

    def _page(self, rung: Rung, why: str) -> None:
        self._page_with(rung, why, None)

    def _page_in_words(self, rung: Rung, why: str, occasion: Occasion, words: Words) -> None:
        """Page somebody by what there is to say to them; a later try says what is so then."""
        self._page_with(rung, why, Message.to(self._policy, rung, occasion, lambda: words))

    def _page_with(self, rung: Rung, why: str, message: Message | None) -> None:
        if self._climb.stands_still:
            return
        self._timeline.add(f"pages {rung.role}: {why}")
        one = Unreached(role=rung.role, why=why, since=workflow.now())
        first = message or self._call(one)
        if first:
            not_reached = lambda: self._not_reached(rung)  # noqa: E731
            self._reaching.page(one, self._once(first), self._call, self._wanted(), not_reached)

    def _once(self, page: Message) -> Message:
        """Of several who are paged in one moment, the broadcast channels hear once."""
        now = workflow.now()
        heard, self._broadcast_at = self._broadcast_at == now, now
        return replace(page, also_to=()) if heard and page.channels else page

    def _call(self, one: Unreached) -> Message | None:
        """The page of one role, which says what is so when it is sent."""
        ladder = self._policy.ladder
        rungs = (*ladder.rungs, *ladder.specialists.values())
        rung = next((rung for rung in rungs if rung.role == one.role), None)
        if rung is None:
            return None
        title = f"{self._policy.severity}: {self._incident}"
        return Message.to(self._policy, rung, Occasion.PAGE, lambda: Words(title, self._words(one.why)))

    def _wanted(self) -> Callable[[], bool]:
        """Whether the pages of now are still wanted later."""
        now = self._pages_wanted
        return lambda: self._pages_wanted == now

    def _words(self, why: str) -> str:
        """Its reader learns why, even if nothing else can be written."""
        try:
            return self._situation(why)
        except Exception as error:
            return f"{why}\n{self._mistakes.note('writing what is known', error)}"

    def _not_reached(self, rung: Rung) -> None:
        """The next rung is paged, unless a higher one was already; at the top it is tried again anyhow."""
        top = self._policy.ladder.rungs[-1].role if self._policy.ladder.rungs else ""
        if not self._climb.passed(rung) and not self._climb.position == rung.role == top:
            self._climb.push(f"{rung.role} could not be reached")
