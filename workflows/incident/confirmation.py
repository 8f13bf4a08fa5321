"""Is the alert true? Yes needs one look that says so; no needs as much certainty as acting does.

bad                      confirmed
throttled, starting …    looked at again, as it asks, within a bound; then judged
ok                       several samples over a short window, and the alert's own source: not true any more
anything else            could not be verified: a person is called, and nothing is touched
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.base import in_words
    from models.evidence.evidence import Evidence
    from workflows.diagnosis.look import Look
    from workflows.diagnosis.situation import Situation
    from workflows.incident.alert_source import AlertSource
    from workflows.record.alert_state import AlertState
    from workflows.record.endings import ClosedByHuman, Escalated, ResolvedElsewhere, SelfRecovered
    from workflows.record.record import Record

SAMPLES = 3
"""So many in a row must be well before an alert counts as over."""
APART = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=5)
"""For what is throttled, starting or recovering."""
SHORTEST_WAIT = timedelta(minutes=1)
"""Even where the deadline has passed: the source of an alert needs a scrape and an evaluation."""

Check = Look[Evidence] | Callable[[Situation], Evidence]
"""What is looked at, or what follows from several looks."""
LookAt = Callable[..., Awaitable[Situation]]


class Confirmation:
    """Confirms one alert by the checks of its runbook."""

    def __init__(self, record: Record, alert_state: AlertState, look: LookAt) -> None:
        self._record = record
        self._source = AlertSource(record, alert_state)
        self._look = look

    async def of(self, now: Situation, checks: Sequence[Check], again: Sequence[Look[Evidence]]) -> Evidence:
        """The evidence that the alert is true. Leaves the page when it is not, or cannot be known.

        The first check is the runbook's own; any other that is bad confirms the alert as well. Not so
        where the alert named no service: then only the runbook's own check says that the default is meant.
        """
        self._checks = checks[:1] if now.policy.service_by_default else checks
        self._own_looks = (*(one for one in checks[:1] if isinstance(one, Look)), *again)
        self._looks = (*(one for one in checks if isinstance(one, Look)), *again)
        now = await self._patiently(now)
        if (bad := self._bad(now)) or (bad := await self._not_over(now)):
            return bad
        raise Escalated(f"could not verify the alert: {self._own(now).reason}; no action taken")

    async def _patiently(self, now: Situation) -> Situation:
        """What asks to be looked at again later is, for as long as the deadline allows."""
        done_said = self._record.done_from_now_on()
        until = workflow.now() + self._at_most(LONGEST_WAIT)
        while (later := self._own(now).look_again_after) and not self._bad(now):
            left = until - workflow.now()
            if left <= timedelta():
                break
            wait = min(max(later, APART), left)
            self._record.timeline.add(f"waits {in_words(wait)}: {self._own(now).reason}")
            await self._wait(wait, done_said)
            now = await self._look(*self._looks)
        return now

    async def _wait(self, so_long: timedelta, done_said: Callable[[], bool]) -> None:
        try:
            await workflow.wait_condition(
                lambda: self._source.resolved or done_said(), timeout=so_long, timeout_summary="look again"
            )
        except TimeoutError:
            return
        stop_if(done_said)
        raise ResolvedElsewhere("the alert was resolved before anything was done")

    async def _not_over(self, now: Situation) -> Evidence | None:
        """What is bad after all; None when some of it could not be seen. It is over: `SelfRecovered`."""
        if not self._own(now).ok:
            return None
        done_said = self._record.done_from_now_on()
        now = await self._sampled(now)
        said = await self._source.says() if self._own(now).ok else None
        if said and said.bad:
            said = await self._source.says_within(self._at_most(now.policy.thresholds.source_agrees_within))
            stop_if(done_said)
            now = await self._sampled(await self._look(*self._looks))
        own, bad = self._own(now), self._bad(now)
        if bad or not own.ok or said is None:
            return bad
        if said.bad:
            raise Escalated(f"{own.reason}, but {said.reason}; no action taken")
        certain = f"{own.reason} ({SAMPLES} samples over {in_words((SAMPLES - 1) * APART)})"
        raise SelfRecovered(f"the alert is not true any more: {certain}; {said.reason}")

    async def _sampled(self, now: Situation) -> Situation:
        """The last of several samples, or the first that is not well."""
        for _ in range(SAMPLES - 1):
            if self._bad(now) or not self._own(now).ok:
                break
            await workflow.sleep(APART, summary="one good sample closes nothing")
            now = await self._look(*self._own_looks)
        return now

    def _at_most(self, longest: timedelta) -> timedelta:
        """Within the deadline, by which a person must have heard of it."""
        policy = self._record.policy
        assert policy is not None, "an incident takes its policy first"  # noqa: S101
        left = self._record.fires_since + policy.respond_within - workflow.now()
        return min(longest, max(left, SHORTEST_WAIT))

    def _own(self, now: Situation) -> Evidence:
        return _seen(self._checks[0], now)

    def _bad(self, now: Situation) -> Evidence | None:
        return next((one for check in self._checks if (one := _seen(check, now)).bad), None)


def stop_if(done_said: Callable[[], bool]) -> None:
    """A person goes on instead."""
    if done_said():
        raise ClosedByHuman("a person said that it is done")


def _seen(check: Check, now: Situation) -> Evidence:
    return now[check] if isinstance(check, Look) else check(now)
