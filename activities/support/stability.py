"""Whether a service stays healthy: the counters of a watch, without a clock or a network.

The counters are small enough to ride in every heartbeat, so that another worker goes on where
a killed one was. Time is counted from sample to sample, at most twice the sampling interval a
gap: what nobody watched was not seen to be healthy, and was not seen to fail either.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from models.base import Model, in_words
from models.evidence.evidence import Evidence, Finding, Watched

RELAPSE = 3
"""Failures in a row that end a watch which had been healthy before."""

PATIENCE = 3
"""The whole watch takes at most `settle` and this many stability windows."""


class Watch(Model):
    """What was seen so far. `seeing` and `blind` are the time with and without sight."""

    started_at: datetime
    sampled_at: datetime | None = None
    samples: int = 0
    healthy: int = 0
    failures: int = 0
    held: timedelta = timedelta()
    longest: timedelta = timedelta()
    seeing: timedelta = timedelta()
    blind: timedelta = timedelta()
    first_healthy_at: datetime | None = None
    last: Evidence = Evidence()
    resumed: int = 0

    def after(self, seen: Evidence, at: datetime, every: timedelta) -> Watch:
        """The watch with one more sample."""
        gap = timedelta()
        if self.sampled_at is not None:
            gap = min(max(at - self.sampled_at, timedelta()), 2 * every)
        change: dict[str, object] = {"samples": self.samples + 1, "sampled_at": at, "last": seen}
        if seen.unknown:
            change["blind"] = self.blind + gap
        else:
            change["seeing"] = self.seeing + gap
        if seen.bad:
            change |= {"failures": self.failures + 1, "held": timedelta()}
        if seen.ok:
            held = self.held + gap if self.last.ok else self.held
            change |= {
                "healthy": self.healthy + 1,
                "failures": 0,
                "held": held,
                "longest": max(self.longest, held),
                "first_healthy_at": self.first_healthy_at or at,
            }
        return self.model_copy(update=change)

    def found(self, finding: Finding, reason: str) -> Watched:
        return Watched(
            finding=finding,
            reason=reason,
            observed_at=self.sampled_at,
            samples=self.samples,
            healthy=self.healthy,
            held=self.held,
            first_healthy_at=self.first_healthy_at,
            last=self.last,
            resumed=self.resumed,
        )


class Pace(Model):
    """How a watch goes: a sample `every` so often, well within `settle`, and then for `stable_for`."""

    every: timedelta
    settle: timedelta
    stable_for: timedelta
    well: str = "healthy"
    """The word for a good sample, as the reason says it."""

    def verdict(self, watch: Watch) -> Watched | None:
        """What the watch found; None while it goes on."""
        if watch.last.ok and watch.held >= self.stable_for:
            counts = f"{watch.healthy} of {watch.samples} samples"
            return watch.found(Finding.OK, f"{self.well} for {in_words(self.stable_for)} ({counts})")
        if watch.first_healthy_at is not None and watch.failures >= RELAPSE:
            was = (
                f"was {self.well} for {in_words(watch.longest)}, then failed {watch.failures} times in a row"
            )
            return watch.found(Finding.BAD, f"{was}: {watch.last.reason}")
        if watch.first_healthy_at is None and watch.last.bad and watch.seeing >= self.settle:
            late = f"not {self.well} within {in_words(self.settle)}"
            return watch.found(Finding.BAD, f"{late}: {watch.last.reason}")
        bound = self.settle + PATIENCE * self.stable_for
        if watch.seeing + watch.blind < bound:
            return None
        if watch.last.unknown or watch.blind > watch.seeing:
            share = f"{in_words(watch.blind)} of {in_words(watch.seeing + watch.blind)}"
            return watch.found(Finding.UNKNOWN, f"could not see for {share}: {watch.last.reason}")
        never = f"never stable for {in_words(self.stable_for)} (at best {in_words(watch.longest)})"
        return watch.found(Finding.BAD, f"{never}: {watch.last.reason}")


class Patience(Model):
    """A watch that waits for something to come back: a relapse only starts the window over."""

    every: timedelta
    stable_for: timedelta
    at_most: timedelta

    def verdict(self, watch: Watch) -> Watched | None:
        """`ok` when it is back for good, `bad` when the limit was reached first."""
        if watch.last.ok and watch.held >= self.stable_for:
            return watch.found(Finding.OK, f"well again for {in_words(self.stable_for)}")
        if watch.seeing + watch.blind >= self.at_most:
            limit = in_words(self.at_most)
            return watch.found(Finding.BAD, f"not back within {limit}: {watch.last.reason}")
        return None
