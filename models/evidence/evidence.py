"""What read-only activities saw.

Evidence is `ok`, `bad` or `unknown`, always with a reason. `unknown` is neither healthy nor
broken: it is announced, and nothing is ever done because of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from models.base import Model
from models.service.request import ServiceRequest


class Finding(StrEnum):
    OK = "ok"
    BAD = "bad"
    UNKNOWN = "unknown"


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


class VerificationResult(Evidence):
    """The result of a verification: `ok` once the service was healthy for the whole stability window."""

    samples: int = 0
    healthy: int = 0
    held: timedelta = timedelta()
    first_healthy_at: datetime | None = None
    last: Evidence = Evidence()
    resumed: int = 0
    """How many times another worker resumed it."""


class VerificationRequest(ServiceRequest):
    """Verify that `service` is healthy without a break for `stable_for`."""

    stable_for: timedelta
