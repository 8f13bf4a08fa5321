"""The external providers that a service needs, and whether they answer."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from models.base import Model
from models.evidence.evidence import Evidence, Finding
from models.service.request import ServiceRequest


class ProviderKind(StrEnum):
    UP = "up"
    DOWN = "down"
    RATE_LIMITED = "rate-limited"
    NOT_SEEN = "not-seen"


class ProviderSeen(Model):
    """One provider. `retry_after`: as it said when it limits us; `latency` in seconds."""

    name: str
    finding: Finding
    reason: str
    kind: ProviderKind
    status: int | None = None
    retry_after: timedelta | None = None
    latency: float | None = None


class ProvidersSeen(Evidence):
    """`bad` when one of them does not serve us, `ok` when all do."""

    providers: tuple[ProviderSeen, ...] = ()

    @property
    def down(self) -> tuple[ProviderSeen, ...]:
        """Those that are known not to serve us."""
        return tuple(one for one in self.providers if one.finding is Finding.BAD)


class WatchProviders(ServiceRequest):
    """Watch until every provider served us for `stable_for`, but no longer than `at_most`."""

    stable_for: timedelta
    at_most: timedelta
