"""What read-only activities saw.

Evidence is `ok`, `bad` or `unknown`, always with a reason. `unknown` is neither healthy nor
broken: it is announced, and nothing is ever done because of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from math import isfinite
from typing import NamedTuple

from models.base import Model
from models.service.request import ServiceRequest


class Finding(StrEnum):
    OK = "ok"
    BAD = "bad"
    UNKNOWN = "unknown"


MOST_PROBES = 60
"""Points that are kept of a verification, however long it takes."""
_WORST_FIRST = (Finding.BAD, Finding.UNKNOWN, Finding.OK)


class Measured(NamedTuple):
    """A number that evidence came with: `time to answer`, 12.5, `ms`."""

    what: str
    value: float
    unit: str


class Evidence(Model):
    """What one look at one place found. Not looked at is `unknown`."""

    finding: Finding = Finding.UNKNOWN
    reason: str = "not looked at"
    applies: bool = True
    """False where the service has nothing of the kind that could be looked at: that is no gap."""
    observed_at: datetime | None = None
    look_again_after: timedelta | None = None
    """Throttled, starting or recovering: it is worth another look after so long, and nothing else before."""

    @property
    def ok(self) -> bool:
        return self.finding is Finding.OK

    @property
    def bad(self) -> bool:
        return self.finding is Finding.BAD

    @property
    def unknown(self) -> bool:
        return self.finding is Finding.UNKNOWN

    @property
    def sign(self) -> str:
        """What of it may point to a cause, in words: the reason, without what says nothing of one."""
        return self.reason

    @property
    def measured(self) -> Measured | None:
        """What a chart shows of it; None where there is no number, or nobody answered."""
        return None


class Probe(NamedTuple):
    """One sample of a verification, short as many of them travel: `[12.5, "ok", 8.1]`."""

    after: float
    """Seconds since the verification began; negative before it."""
    finding: Finding
    value: float | None = None

    @property
    def badness(self) -> tuple[int, float]:
        """The larger, the worse: what failed, then what was not seen; of the same kind the larger number."""
        value = float("-inf") if self.value is None else self.value
        return -_WORST_FIRST.index(self.finding), value


class Probes(Model):
    """The samples of a verification for a chart, at most `MOST_PROBES`.

    When there are more, two neighbours become one: the worse of both. So no failure is ever left out.
    """

    began_at: datetime | None = None
    what: str = ""
    """What the values are; empty where it has none."""
    unit: str = ""
    points: tuple[Probe, ...] = ()
    each: int = 1
    """How many samples stand behind each point but the newest."""
    newest: int = 0
    """How many stand behind the newest."""
    before: Probe | None = None
    """What was seen of the same before the verification."""

    def having(self, seen: Evidence, at: datetime) -> Probes:
        """With one more sample."""
        began = self.began_at or at
        known = self.model_copy(update={"began_at": began})._named_by(seen)
        last = self.points[-1].after if self.points else 0.0
        probe = _probe(seen, max(last, (at - began).total_seconds()))
        points, each, newest = [*self.points], self.each, self.newest
        if points and newest < each:
            points[-1], newest = max(points[-1], probe, key=_badness), newest + 1
        else:
            points, newest = [*points, probe], 1
        if len(points) > MOST_PROBES:
            pairs = zip(points[::2], points[1::2], strict=False)
            points, each = [*(max(pair, key=_badness) for pair in pairs), points[-1]], 2 * each
        return known.model_copy(update={"points": tuple(points), "each": each, "newest": newest})

    def beside(self, seen: Evidence) -> Probes:
        """With what was seen before the verification, where that has a number of the same kind."""
        measured, at = seen.measured, seen.observed_at
        if self.began_at is None or at is None or at >= self.began_at or measured is None:
            return self
        if self.what not in ("", measured.what):
            return self
        before = _probe(seen, min(-0.01, (at - self.began_at).total_seconds()))
        return self._named_by(seen).model_copy(update={"before": before})

    def at(self, probe: Probe) -> datetime:
        """When it was taken. Only of one of these."""
        assert self.began_at is not None, "there is a sample"  # noqa: S101
        return self.began_at + timedelta(seconds=probe.after)

    def _named_by(self, seen: Evidence) -> Probes:
        measured = seen.measured
        if self.what or measured is None:
            return self
        return self.model_copy(update={"what": measured.what, "unit": measured.unit})


def _probe(seen: Evidence, after: float) -> Probe:
    measured = seen.measured
    known = measured is not None and isfinite(measured.value)
    return Probe(round(after, 2), seen.finding, round(measured.value, 2) if measured and known else None)


def _badness(probe: Probe) -> tuple[int, float]:
    return probe.badness


class VerificationResult(Evidence):
    """The result of a verification: `ok` once the service was healthy for the whole stability window."""

    samples: int = 0
    healthy: int = 0
    held: timedelta = timedelta()
    first_healthy_at: datetime | None = None
    last: Evidence = Evidence()
    resumed: int = 0
    """How many times another worker resumed it."""
    probes: Probes = Probes()


class VerificationRequest(ServiceRequest):
    """Verify that `service` is healthy without a break for `stable_for`."""

    stable_for: timedelta
