"""What one probe of a health check found."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

from models.evidence.evidence import Evidence, Measured


class HealthKind(StrEnum):
    """The ways in which a health check answers; each is a finding of its own."""

    HEALTHY = "healthy"
    REFUSED = "refused"
    RESET = "reset"
    """The connection was closed without an answer, or in the middle of one."""
    TIMED_OUT = "timed-out"
    ERROR_STATUS = "error-status"
    """5xx, and its body names no reason."""
    UNHEALTHY_BODY = "unhealthy-body"
    """The service's own word: it says that it, or a part that it needs, is not well."""
    DEGRADED = "degraded"
    """Its own word: it works, and not all is well."""
    STARTING = "starting"
    """Its own word: it is not ready yet."""
    THROTTLED = "throttled"
    """It answers, and asks us to come back later."""
    DOES_NOT_FIT = "does-not-fit"
    """It answers, but not what the configured check expects."""
    UNREACHABLE = "unreachable"
    NOT_CHECKED = "not-checked"


class HealthSeen(Evidence):
    """One probe of the health check. `latency` in seconds; all text is redacted and bounded."""

    kind: HealthKind = HealthKind.NOT_CHECKED
    status: int | None = None
    body: str = ""
    """The beginning of the answer."""
    latency: float | None = None
    names: tuple[str, ...] = ()
    """The parts that the service itself says are not well, such as `database`."""
    says: str = ""
    """The reason in the service's own words."""
    names_database: bool = False
    """Whether what it names is its database."""
    change: str = ""
    """Where the check does not fit: the configuration key to change, and to what."""
    retry_after: timedelta | None = None
    """Where it is throttled and says so: how long it asks us to wait, within bounds."""

    @property
    def measured(self) -> Measured | None:
        if self.latency is None or not self.answers:
            return None
        return Measured("time to answer", 1000 * self.latency, "ms")

    @property
    def answers(self) -> bool:
        """Somebody who speaks HTTP answered, whatever the answer was."""
        return self.status is not None

    @property
    def does_not_fit(self) -> bool:
        return self.kind is HealthKind.DOES_NOT_FIT

    @property
    def asks_to_wait(self) -> bool:
        """It is throttled or starting: worth another look after a while, and nothing else yet."""
        return self.look_again_after is not None

    @property
    def blames_database(self) -> bool:
        """It is not well, and says that its database is the reason."""
        return self.bad and self.names_database

    def blames(self, known: Iterable[str]) -> tuple[str, ...]:
        """Which of these (providers, services) it names as the reason that it is not well."""
        words = words_of(" ".join((*self.names, self.says)))
        return tuple(name for name in known if self.bad and f" {words_of(name).strip()} " in words)


def words_of(text: str) -> str:
    """The words of a text or name in lower case: `pikaApi`, `pika_api` and `pika-api` are the same."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    words = " ".join(re.findall(r"[^\W_]+", apart.lower()))
    return f" {words} "
