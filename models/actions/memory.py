"""Actions on the memory of a service: its caches emptied, and written down before it is taken away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar, Literal

from models.actions.allowed import Allowed
from models.actions.change import Change, Risk
from models.base import in_bytes, in_words


class ClearCache(Change):
    """Empty the caches of the running service, by the configured call."""

    risk = Risk.GUARDED
    uses = ("clear_cache",)
    kind: Literal["clear-cache"] = "clear-cache"
    holds: int
    """Bytes in its caches, as they were seen."""

    @property
    def says(self) -> str:
        return f"{self.repeats}, which hold {in_bytes(self.holds)}"

    @property
    def repeats(self) -> str:
        return f"clear the caches of {self.service.name}"

    @property
    def changes(self) -> str:
        return f"{self.service.name} fetches all of it anew: it is slower for a while"


class TakeDiagnostic(Change):
    """Have the service write down what is in its memory, and keep that beside the review."""

    risk = Risk.GUARDED
    optional: ClassVar[bool] = True
    uses = ("diagnostic",)
    kind: Literal["take-diagnostic"] = "take-diagnostic"
    by: str
    """How it is asked for, in words."""
    directory: str
    pattern: str
    at_most: timedelta
    largest: int

    @property
    def says(self) -> str:
        return f"take a diagnostic of the memory of {self.service.name} by {self.by}"

    @property
    def changes(self) -> str:
        limits = f"for at most {in_words(self.at_most)}, and at most {in_bytes(self.largest)} are kept"
        return (
            f"{self.service.name} may answer nobody while it writes {self.pattern} into {self.directory},"
            f" {limits}; the file holds what is in memory, secrets too"
        )

    @property
    def undo(self) -> str:
        return "delete the file"

    def strays(self, allowed: Allowed) -> Iterator[str]:
        own = allowed.service.diagnostic
        planned = (self.by, self.directory, self.pattern, self.at_most, self.largest)
        if own is None or planned != (own.asked_by, own.directory, own.pattern, own.at_most, own.largest):
            yield f"{self.pattern} in {self.directory} by {self.by} is not the `diagnostic` of this service"
