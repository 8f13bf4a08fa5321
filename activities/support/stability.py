"""The samples of a verification, and the verdict on them; no clock and no network.

The counters, and a bounded series for a chart, fit into every heartbeat, so that another worker resumes
after a killed one. The time between two samples counts up to twice the sampling interval; a longer gap
counts neither as healthy nor as failed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from models.base import Model, in_words
from models.evidence.evidence import Evidence, Finding, Probes, VerificationResult

RELAPSE = 3
"""Failures in a row that end a verification after the service had been healthy."""

RELAPSES = 3
"""What was healthy and failed again so often alternates: it has `settle` and one stability window."""

PATIENCE = 3
"""Any other verification takes at most `settle` and this many stability windows."""


class Samples(Model):
    """The samples so far. `seeing` is the time with evidence, `blind` the time in which it was unknown."""

    started_at: datetime
    sampled_at: datetime | None = None
    samples: int = 0
    healthy: int = 0
    failures: int = 0
    relapses: int = 0
    held: timedelta = timedelta()
    longest: timedelta = timedelta()
    seeing: timedelta = timedelta()
    blind: timedelta = timedelta()
    first_healthy_at: datetime | None = None
    last: Evidence = Evidence()
    resumed: int = 0
    probes: Probes = Probes()
    """The same for a chart."""

    def after(self, seen: Evidence, at: datetime, every: timedelta) -> Samples:
        """The samples with one more."""
        gap = timedelta()
        if self.sampled_at is not None:
            gap = min(max(at - self.sampled_at, timedelta()), 2 * every)
        change: dict[str, object] = {"samples": self.samples + 1, "sampled_at": at, "last": seen}
        change["probes"] = self.probes.having(seen, at)
        if seen.unknown:
            change["blind"] = self.blind + gap
        else:
            change["seeing"] = self.seeing + gap
        if seen.bad:
            relapses = self.relapses + self.last.ok
            change |= {"failures": self.failures + 1, "relapses": relapses, "held": timedelta()}
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

    def found(self, finding: Finding, reason: str) -> VerificationResult:
        return VerificationResult(
            finding=finding,
            reason=reason,
            observed_at=self.sampled_at,
            samples=self.samples,
            healthy=self.healthy,
            held=self.held,
            first_healthy_at=self.first_healthy_at,
            last=self.last,
            resumed=self.resumed,
            probes=self.probes,
        )


class Pace(Model):
    """Healthy within `settle`, then without a break for `stable_for`; one sample `every` so often."""

    every: timedelta
    settle: timedelta
    stable_for: timedelta
    well: str = "healthy"
    """The word for a good sample in the reason."""

    def verdict(self, seen: Samples) -> VerificationResult | None:
        """The result; None while the verification continues."""
        if seen.last.ok and seen.held >= self.stable_for:
            counts = f"{seen.healthy} of {seen.samples} samples in all"
            held = f"for {in_words(self.stable_for)} without a break"
            return seen.found(Finding.OK, f"{self.well} {held} ({counts})")
        if seen.first_healthy_at is not None and seen.failures >= RELAPSE:
            was = f"was {self.well} for {in_words(seen.longest)}, then failed {seen.failures} times in a row"
            return seen.found(Finding.BAD, f"{was}: {seen.last.reason}")
        if seen.first_healthy_at is None and seen.last.bad and seen.seeing >= self.settle:
            late = f"not {self.well} within {in_words(self.settle)}"
            return seen.found(Finding.BAD, f"{late}: {seen.last.reason}")
        alternates = seen.last.bad and seen.relapses >= RELAPSES
        bound = self.settle + (1 if alternates else PATIENCE) * self.stable_for
        if seen.seeing + seen.blind < bound:
            return None
        if seen.last.unknown or seen.blind > seen.seeing:
            share = f"{in_words(seen.blind)} of {in_words(seen.seeing + seen.blind)}"
            return seen.found(Finding.UNKNOWN, f"could not see for {share}: {seen.last.reason}")
        never = f"never stable for {in_words(self.stable_for)} (at best {in_words(seen.longest)})"
        return seen.found(Finding.BAD, f"{never}: {seen.last.reason}")


class Patience(Model):
    """Waits for something to become healthy again; a relapse only restarts the window."""

    every: timedelta
    stable_for: timedelta
    at_most: timedelta

    def verdict(self, seen: Samples) -> VerificationResult | None:
        """`ok` when it stays healthy, `bad` when the limit is reached first."""
        if seen.last.ok and seen.held >= self.stable_for:
            return seen.found(Finding.OK, f"well again for {in_words(self.stable_for)}")
        if seen.seeing + seen.blind >= self.at_most:
            limit = in_words(self.at_most)
            return seen.found(Finding.BAD, f"not back within {limit}: {seen.last.reason}")
        return None
