"""The request of an activity, which names the service on whose host it must run."""

from __future__ import annotations

from typing import Protocol

from models.base import Model
from models.service.service import Service


class Request(Protocol):
    """The input of an activity. A bare `Service` is one too."""

    @property
    def runs_at(self) -> Service:
        """The service whose host the activity must run on."""
        ...


class ServiceRequest(Model):
    """The usual request: it is about one service, and runs where that service does."""

    service: Service

    @property
    def runs_at(self) -> Service:
        return self.service
