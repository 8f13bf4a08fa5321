"""Actions on one endpoint of a service: out of service, and back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from models.actions.allowed import Allowed
from models.actions.change import Change, Risk
from models.base import in_words
from models.service.endpoints import Endpoint

Closed = Literal["disable", "maintenance"]
"""The two ways of being out of service, by their keys in the configuration."""


class DisableEndpoint(Change):
    """Take the endpoint out of service by the configured call."""

    risk = Risk.DANGEROUS
    uses = ("endpoints",)
    kind: Literal["disable-endpoint"] = "disable-endpoint"
    path: str
    """As it is configured."""
    at_most: timedelta

    @property
    def says(self) -> str:
        return f"disable {self.path} of {self.service.name}"

    @property
    def changes(self) -> str:
        return f"nobody is served by {self.path} any more, at most for {in_words(self.at_most)}"

    @property
    def undo(self) -> str:
        return _UNDO

    def strays(self, allowed: Allowed) -> Iterator[str]:
        endpoint = _known(self.path, allowed)
        if endpoint is None or self.at_most != endpoint.at_most:
            yield f"no endpoint of this service is {self.path}, for {in_words(self.at_most)} at most"


class AnswerMaintenance(Change):
    """Have the endpoint answer 503 with a maintenance message, by the configured call."""

    risk = Risk.GUARDED
    uses = ("endpoints",)
    kind: Literal["answer-maintenance"] = "answer-maintenance"
    path: str
    """As it is configured."""
    at_most: timedelta

    @property
    def says(self) -> str:
        return f"answer 503 with a maintenance message at {self.path} of {self.service.name}"

    @property
    def changes(self) -> str:
        limit = in_words(self.at_most)
        return f"who asks for {self.path} is told of a maintenance in place of an error, at most for {limit}"

    @property
    def undo(self) -> str:
        return _UNDO

    def strays(self, allowed: Allowed) -> Iterator[str]:
        endpoint = _known(self.path, allowed)
        if endpoint is None or self.at_most != endpoint.at_most:
            yield f"no endpoint of this service is {self.path}, for {in_words(self.at_most)} at most"


class ReopenEndpoint(Change):
    """Put the endpoint back into service: the undo of both."""

    risk = Risk.SAFE
    uses = ()
    puts_back = True
    kind: Literal["reopen-endpoint"] = "reopen-endpoint"
    path: str
    """As it is configured."""
    from_: Closed

    @property
    def says(self) -> str:
        return f"put {self.path} of {self.service.name} back into service"

    @property
    def changes(self) -> str:
        return f"{self.path} answers by itself again"

    def strays(self, allowed: Allowed) -> Iterator[str]:
        if _known(self.path, allowed) is None:
            yield f"no endpoint of this service is {self.path}"


OfEndpoint = DisableEndpoint | AnswerMaintenance | ReopenEndpoint

_UNDO = "automatic, when it is well, or when a person says done"


def _known(path: str, allowed: Allowed) -> Endpoint | None:
    known = allowed.service.endpoints.known if allowed.service.endpoints else ()
    return next((one for one in known if one.path == path), None)
