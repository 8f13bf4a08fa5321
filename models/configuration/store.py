"""Where what incidents did is kept for longer than Temporal keeps it."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from models.base import Configured
from models.service.secret import SecretRef


class StoreSettings(Configured):
    """The incident store: PostgreSQL where its address is configured, else an SQLite file."""

    postgres: SecretRef | None = None
    """Where the connection string of a database of its own is."""
    file: str | None = Field(default=None, min_length=1, max_length=4096)
    """The SQLite file; by default `store/incidents.sqlite` beside the reviews."""
    keep_days: int = Field(default=400, ge=31, le=36_500)
    """A closed incident is removed after so many days, as a whole."""

    @property
    def keep(self) -> timedelta:
        return timedelta(days=self.keep_days)
