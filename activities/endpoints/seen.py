"""What one endpoint answered, record by record, and what its metrics say of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from models.base import Model
from models.evidence.evidence import Evidence, Measured
from models.service.request import ServiceRequest


class EndpointKind(StrEnum):
    """How one request to an endpoint ended."""

    AS_EXPECTED = "as-expected"
    ERROR = "error"
    """5xx."""
    ODD = "odd"
    """A good status with another body than expected, or another status than the one expected."""
    NO_ANSWER = "no-answer"
    """Refused, closed, or not in time."""
    SWITCHED_OFF = "switched-off"
    """503 that says when to come back: somebody took it out of service, or it throttles."""
    GONE = "gone"
    """404 or 410: the path is wrong, or the endpoint was removed."""
    OUR_PROBE = "our-probe"
    """401, 403, 405, 406, 415, 429, a redirect, TLS, DNS: only we cannot ask."""
    NOT_ASKED = "not-asked"


FAILURES = (EndpointKind.ERROR, EndpointKind.ODD, EndpointKind.NO_ANSWER)
"""What its users get as well."""


class RecordSeen(Model):
    """The whole answer to one request: headers and body bounded, and without secrets."""

    path: str
    kind: EndpointKind
    says: str
    """One sentence."""
    status: int | None = None
    headers: dict[str, str] = {}
    body: str = ""
    took: timedelta = timedelta()

    @property
    def failed(self) -> bool:
        return self.kind in FAILURES


class EndpointSeen(Evidence):
    """`bad` when a record fails, `unknown` when it cannot be asked or is not configured."""

    path: str = ""
    """As it is configured; empty when the alert names no endpoint that may be probed."""
    named: str = ""
    """What the alert says."""
    routes: tuple[str, ...] = ()
    """What metrics and Sentry call it."""
    kind: EndpointKind | None = None
    """Of the first record that is not as expected; None before it was looked at."""
    records: tuple[RecordSeen, ...] = ()
    names: tuple[str, ...] = ()
    """What its own answer names as the part that is not well."""
    says: str = ""
    """Its own words for it."""
    names_database: bool = False

    @property
    def measured(self) -> Measured | None:
        """Of several records the slowest; None where one of them had no answer."""
        if not self.records or any(one.status is None for one in self.records):
            return None
        slowest = max(one.took for one in self.records)
        return Measured("time to answer", 1000 * slowest.total_seconds(), "ms")

    @property
    def failing(self) -> tuple[str, ...]:
        return tuple(one.path for one in self.records if one.failed)

    @property
    def answering(self) -> tuple[str, ...]:
        return tuple(one.path for one in self.records if one.kind is EndpointKind.AS_EXPECTED)


class RouteSeen(Evidence):
    """The share of its requests that answer 5xx, by its metrics. With little traffic it is `unknown`."""

    route: str = ""
    ratio: float | None = None
    threshold: float | None = None
    requests: float | None = None
    """How many there were in the window of the expressions."""
    since: datetime | None = None
    good_until: datetime | None = None
    """When it was last seen under the threshold before; None means that it may have begun earlier."""


class LookAtEndpoint(ServiceRequest):
    """Which endpoint, in the words of the alert: they are only compared with the configuration."""

    named: tuple[str, ...] = ()


class LookAtRoute(ServiceRequest):
    """What metrics may call it. These are of the configuration, or are compared with what metrics have."""

    names: tuple[str, ...] = ()


class WatchEndpoint(LookAtEndpoint):
    """Verify that it answers as expected for `stable_for`; with `at_most` it is waited for that long."""

    stable_for: timedelta
    at_most: timedelta | None = None
