"""The control room: the fleet's switch, and its maintenance windows.

The kill switch stops new actions everywhere and is refused to nobody. Every steward reads it before
each step, and every incident when it begins. Those that are open are told when something begins or
ends, and the broadcast channels once for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from models.incident.order import OrderSaid, Used
    from models.incident.stewardship import Announced, ControlRoomState, Ordered, Switch
    from models.messages import CONTROL_ROOM_MEMO, ORDER, RESUME, SUSPEND
    from models.text import for_temporal_ui as shown
    from workflows.people.orders import Judged, Orders, kept
    from workflows.record.cancellation import hearing_cancellation
    from workflows.record.raw_input import read
    from workflows.stewardship.telling import Telling
    from workflows.stewardship.windows import ended, next_change, now_on, taken

UI = "somebody in the Temporal UI"
REMEMBERED = 20
"""Orders by key."""
REMINDED_AFTER = timedelta(hours=4)
REMINDED_EVERY = timedelta(days=1)
"""So often people are told of a fleet that is suspended still."""


@workflow.defn
class ControlRoom:
    """One run for the whole fleet, started when somebody first uses it."""

    @workflow.init
    def __init__(self, state: ControlRoomState) -> None:
        self._state = state
        self._orders = Orders(state.used)
        self._ended_by: dict[str, str] = {}
        """Who ended what everybody hears the end of, by the ID of the window; the switch has none."""
        self._has_new = False
        """Whether an order came: a window may begin before what is waited for."""
        self._telling = Telling()
        self._was_cancelled = False
        self._under_way: set[asyncio.Task[None]] = set()
        self._later: set[asyncio.Task[None]] = set()
        """What is told once more; a new run does not wait for it."""
        self._show()

    @workflow.run
    async def run(self, state: ControlRoomState) -> None:
        """Keep switch and windows until the history is long, then go on in a new run."""
        await hearing_cancellation(self._keep(), self._stays)

    def _stays(self, _: str) -> None:
        """What is suspended must not be allowed by it."""
        self._was_cancelled = True
        self._show()

    async def _keep(self) -> None:
        while not workflow.info().is_continue_as_new_suggested():
            await self._something_to_do()
            self._turn()
        await workflow.wait_condition(lambda: workflow.all_handlers_finished() and not self._under_way)
        workflow.continue_as_new(self._state)

    @workflow.update(description="Stop every new action, everywhere. It is raw: a command is signed.")
    async def suspend(self, switch: Switch | None = None) -> ControlRoomState:
        """Throw the switch; who and why stand in every refusal that follows."""
        return await self._raw(SUSPEND, switch)

    @workflow.update(description="Allow actions again. It is raw: a command is signed.")
    async def resume(self, switch: Switch | None = None) -> ControlRoomState:
        """Take the switch back."""
        return await self._raw(RESUME, switch)

    async def _raw(self, what: str, switch: Switch | None) -> ControlRoomState:
        """By an update, which carries no signature. Raises ApplicationError where such do not count."""
        if not self._orders.judges():
            return self._switch(what == SUSPEND, switch or Switch(by=UI))
        switch = switch or Switch(by="")
        async with self._orders.in_turn:
            judged = await self._orders.judge(OrderSaid(by=switch.by), what)
            if judged.refusal:
                self._refused(judged, what, "")
                raise ApplicationError(judged.refusal, type="Refused", non_retryable=True)
            return self._switch(what == SUSPEND, switch.model_copy(update={"by": judged.by}))

    @workflow.signal(description="What a person orders by a command: suspend, resume, maintenance.")
    async def order(self, ordered: Any = None) -> None:
        """Taken once, however often it is sent."""
        one = read(Ordered, ordered)
        if one is None:
            return
        if not self._orders.judges():
            self._take(one, one.claims)
            return
        async with self._orders.in_turn:
            if one.key in self._state.heard:
                return
            judged = await self._orders.judge(one.words(one.claims), ORDER)
            if judged.refusal:
                self._refused(judged, one.what, one.key)
            else:
                self._take(one, judged.by)
                self._has_new = True

    def _refused(self, judged: Judged, what: str, key: str) -> None:
        """Its key is not heard by it: a forgery must not keep out the order whose key it uses."""
        self._change(not_taken=kept(self._state.not_taken, judged.not_taken(what, key)))

    def _take(self, one: Ordered, by: str) -> None:
        if one.key in self._state.heard:
            return
        self._change(heard=(*self._state.heard, one.key)[-REMEMBERED:])
        if switch := one.suspend or one.resume:
            self._switch(one.suspend is not None, switch.model_copy(update={"by": by}))
        if one.begin:
            window = one.begin.model_copy(update={"by": by})
            self._change(windows=taken(self._state.windows, window, workflow.now()))
        if one.terminated:
            _start([self._telling.terminated(one.terminated.incident)], self._under_way)
        if one.end:
            self._ended_by[one.end.id] = by
            self._change(windows=ended(self._state.windows, one.end, workflow.now()))

    @workflow.query(description="What is suspended or in maintenance, until when, by whom and why.")
    def state(self) -> ControlRoomState:
        return self._state

    def _switch(self, suspended: bool, switch: Switch) -> ControlRoomState:
        return self._change(
            suspended=suspended, by=switch.by, why=switch.why, since=workflow.now(), reminded_at=None
        )

    def _change(self, **changes: Any) -> ControlRoomState:
        self._state = self._state.model_copy(update={**changes, "used": self._orders.used})
        self._show()
        return self._state

    async def _something_to_do(self) -> None:
        """Until something begins or ends, by the clock or by an order; or the history is long."""
        now, self._has_new = workflow.now(), False
        at = min((one for one in (next_change(self._state, now), self._reminder) if one), default=None)
        try:
            await workflow.wait_condition(
                lambda: (
                    self._has_new or self._has_changed() or workflow.info().is_continue_as_new_suggested()
                ),
                timeout=None if at is None else max(at - now, timedelta()),
                timeout_summary="a window begins or ends, or people are reminded",
            )
        except TimeoutError:
            return

    def _has_changed(self) -> bool:
        on = {one.key for one in now_on(self._state, workflow.now())}
        return on != {one.key for one in self._state.told}

    def _turn(self) -> None:
        """Tell what has begun, and what is over."""
        now, before = workflow.now(), self._state.told
        on = now_on(self._state, now)
        windows = tuple(one for one in self._state.windows if one.span(now))
        reminded = self._reminder is not None and self._reminder <= now
        self._change(told=on, windows=windows, **({"reminded_at": now} if reminded else {}))
        known = {one.key for one in before}
        begun = [one for one in on if one.key not in known]
        over = [one for one in before if one.key not in {one.key for one in on}]
        told = [self._telling.begun(one) for one in begun] + [
            self._telling.over(one, self._ender(one)) for one in over
        ]
        if reminded and not begun:
            told.append(self._telling.suspended_still(self._state))
        _start(told, self._under_way)
        _start([self._telling.once_more(one) for one in begun], self._later)

    def _ender(self, one: Announced) -> str:
        """Who ended it; nobody, where its time was over."""
        if one.key.startswith("suspended "):
            return self._state.by
        return self._ended_by.pop(one.key.partition(" ")[0], "")

    @property
    def _reminder(self) -> datetime | None:
        state = self._state
        if not state.suspended or state.since is None:
            return None
        return state.reminded_at + REMINDED_EVERY if state.reminded_at else state.since + REMINDED_AFTER

    def _show(self) -> None:
        """For the Temporal UI, and to be read without a worker."""
        state, now = self._state, workflow.now()
        lines = [f"**Suspended** by {shown(state.by)}: {shown(state.why or 'no reason given')}"]
        if not state.suspended:
            lines = ["Actions are allowed."]
        for window in state.windows:
            when = "**now**" if window.in_force(now) else "planned"
            lines.append(f"- {when}: {shown(window.words(now))}")
        lines += [f"- {shown(one.line)}" for one in state.not_taken]
        if self._was_cancelled:
            lines.append("A cancellation does not end it: say `starter.py resume`, or end the window.")
        workflow.set_current_details("\n\n".join(lines))
        workflow.upsert_memo({CONTROL_ROOM_MEMO: state.model_copy(update={"used": Used()})})


def _start(what: Iterable[Coroutine[Any, Any, None]], under_way: set[asyncio.Task[None]]) -> None:
    for one in what:
        task = asyncio.create_task(one)
        under_way.add(task)
        task.add_done_callback(under_way.discard)
