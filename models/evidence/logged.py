"""A line of a service's log that tells of an error."""

from __future__ import annotations

from datetime import datetime

from models.base import Model


class LoggedError(Model):
    """The service's own word, cleaned and redacted."""

    text: str
    at: datetime | None = None
    """When it was written; None where neither the manager nor the line tells."""
