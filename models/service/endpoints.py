"""The endpoints of a service that may be probed, and how each is taken out of service.

What an alert names is only compared with what stands here: it never becomes an address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from models.base import Configured, Interval
from models.service.addresses import WebAddress
from models.service.application import ApiPath
from models.service.secret import SecretRef
from models.service.surroundings import SwitchCall

LABELS = ("route", "path", "endpoint", "handler", "uri", "url", "http_route", "instance", "target")
"""Labels of an alert that may name an endpoint, the most telling first."""

_PATH = re.compile(r"(?:[A-Z]+ +)?/|[a-z]+://")

LONGEST_NAME = 300
MOST_RECORDS = 5

HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")]


class Expected(Configured):
    """What the endpoint answers when it is well."""

    status: tuple[int, ...] = ()
    """Empty: any 2xx."""
    has: tuple[str, ...] = ()
    """Fields that its JSON object must have."""
    pattern: str = Field(default="", max_length=300)
    """A regular expression that is found in its body."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"this is not a regular expression: {error}") from error
        return value


class Bypass(Configured):
    """A header by which our probe passes the switch, to see what stands behind it."""

    header: HeaderName
    value: SecretRef


class EndpointSwitch(Configured):
    """Two calls of the application, or of the proxy before it; each may be repeated."""

    on: SwitchCall
    off: SwitchCall


class Endpoint(Configured):
    """One endpoint, by a path that is asked exactly as it is written. `names` are what alerts and metrics
    call it."""

    path: ApiPath
    names: tuple[str, ...] = ()
    """The `route` of its metrics, such as `/api/products/:id`, and other labels of alerts."""
    records: tuple[ApiPath, ...] = Field(default=(), max_length=MOST_RECORDS)
    """Paths of other records: some that fail while others answer tell that it is the data."""
    method: Literal["GET", "HEAD"] = "GET"
    expects: Expected = Expected()
    token: SecretRef | None = None
    timeout: Interval = Field(default=timedelta(seconds=5), le=timedelta(seconds=10))
    bypass: Bypass | None = None
    disable: EndpointSwitch | None = None
    """Takes it out of service."""
    maintenance: EndpointSwitch | None = None
    """Has it answer 503 with a maintenance message."""
    at_most: Interval = Field(default=timedelta(days=1), le=timedelta(days=1))
    """How long either lasts, whatever becomes of the endpoint."""

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        if self.method == "HEAD" and (self.expects.has or self.expects.pattern):
            raise ValueError("the answer to HEAD has no body: write `method: GET`, or expect a status only")
        return self

    @property
    def plain_path(self) -> str:
        """Without its query."""
        return self.path.partition("?")[0]

    @property
    def paths(self) -> tuple[str, ...]:
        """Everything that is asked."""
        return tuple(dict.fromkeys((self.path, *self.records)))

    @property
    def routes(self) -> tuple[str, ...]:
        """What metrics and Sentry call it."""
        return tuple(dict.fromkeys((*self.names, *(one.partition("?")[0] for one in self.paths))))

    def is_called(self, name: str, base: str) -> bool:
        """Whether this is exactly one of its names, its path, or its address."""
        called = {*self.routes, self.path, f"{self.method} {self.plain_path}"}
        return name in called or name in {base + self.path, base + self.plain_path}


class Endpoints(Configured):
    """Where the endpoints are, and which there are."""

    url: WebAddress
    known: tuple[Endpoint, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _are_told_apart(self) -> Self:
        called = [name for one in self.known for name in one.routes]
        twice = sorted({name for name in called if called.count(name) > 1})
        if twice:
            raise ValueError(f"{twice[0]} names two endpoints: an alert could mean either")
        return self

    def called(self, names: Sequence[str]) -> Endpoint | None:
        """The endpoint that the first of these names means."""
        found = (one for name in names for one in self.known if one.is_called(name, self.url))
        return next(found, None)


def named_by(labels: Mapping[str, str]) -> tuple[str, ...]:
    """What the labels of an alert may name an endpoint by, the most telling first; each of bounded length.

    The first that is a path decides: another path is perhaps where the alert was seen.
    """
    said = (labels.get(label, "").strip() for label in LABELS)
    names = tuple(dict.fromkeys(one for one in said if one and len(one) <= LONGEST_NAME))
    paths = [one for one in names if _PATH.match(one)]
    return tuple(one for one in names if one not in paths[1:])
