"""Whether a service stays healthy: the counters of a watch, without a clock or a network.

The counters are small enough to ride in every heartbeat, so that another worker goes on where
a killed one was. Time is counted from sample to sample, at most twice the sampling interval a
gap: what nobody watched was not seen to be healthy, and was not seen to fail either.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from models.base import Model, in_words
from models.evidence import Finding, HealthSeen, HealthWatched
from models.service import HealthCheck

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
    last: HealthSeen = HealthSeen()
    resumed: int = 0

    def after(self, seen: HealthSeen, at: datetime, every: timedelta) -> Watch:
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

    def verdict(self, check: HealthCheck, stable_for: timedelta) -> HealthWatched | None:
        """What the watch found; None while it goes on."""
        if self.last.ok and self.held >= stable_for:
            counts = f"{self.healthy} of {self.samples} samples"
            return self._found(Finding.OK, f"healthy for {in_words(stable_for)} ({counts})")
        if self.first_healthy_at is not None and self.failures >= RELAPSE:
            was = f"was healthy for {in_words(self.longest)}, then failed {self.failures} times in a row"
            return self._found(Finding.BAD, f"{was}: {self.last.reason}")
        if self.first_healthy_at is None and self.last.bad and self.seeing >= check.settle:
            late = f"not healthy within {in_words(check.settle)}"
            return self._found(Finding.BAD, f"{late}: {self.last.reason}")
        bound = check.settle + PATIENCE * stable_for
        if self.seeing + self.blind < bound:
            return None
        if self.last.unknown or self.blind > self.seeing:
            share = f"{in_words(self.blind)} of {in_words(self.seeing + self.blind)}"
            return self._found(Finding.UNKNOWN, f"could not see for {share}: {self.last.reason}")
        never = f"never stable for {in_words(stable_for)} (at best {in_words(self.longest)})"
        return self._found(Finding.BAD, f"{never}: {self.last.reason}")

    def _found(self, finding: Finding, reason: str) -> HealthWatched:
        return HealthWatched(
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
