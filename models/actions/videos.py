"""Actions on the generation of videos: begin one, and what makes it possible for a while."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from models.actions.allowed import Allowed
from models.actions.change import Change, Risk
from models.base import in_words


class GenerateVideos(Change):
    """Have the application generate videos now, unless it has done so, or does, since it was looked at."""

    risk = Risk.SAFE
    uses = ("api",)
    kind: Literal["generate-videos"] = "generate-videos"
    last_at: datetime | None
    """When the last video was generated, as it was seen; None for never."""

    @property
    def says(self) -> str:
        return f"have {self.service.name} generate videos"

    @property
    def changes(self) -> str:
        last = (
            f"the last one is of {self.last_at:%Y-%m-%d %H:%M} UTC" if self.last_at else "there is none yet"
        )
        return f"{self.service.name} generates its next videos now ({last}); that costs what videos cost"


class WaitForReset(Change):
    """Change nothing: generation goes on when the budget of the next day begins."""

    risk = Risk.SAFE
    uses = ()
    kind: Literal["wait-for-reset"] = "wait-for-reset"
    until: datetime
    zone: str

    @property
    def says(self) -> str:
        return f"wait for the budget of {self.service.name} to be reset at {self.until:%Y-%m-%d %H:%M} UTC"

    @property
    def changes(self) -> str:
        return f"nothing: there are no videos of {self.service.name} until the day is over in {self.zone}"

    @property
    def undo(self) -> str:
        return "not needed"


class RaiseBudget(Change):
    """Raise the daily budget for a while."""

    risk = Risk.DANGEROUS
    uses = ("api", "videos")
    kind: Literal["raise-budget"] = "raise-budget"
    from_dollars: float
    to_dollars: float
    until: datetime

    @property
    def says(self) -> str:
        more = f"from ${self.from_dollars:g} to ${self.to_dollars:g}"
        return f"raise the daily budget of {self.service.name} {more} for a while"

    @property
    def changes(self) -> str:
        more, until = self.to_dollars - self.from_dollars, f"{self.until:%Y-%m-%d %H:%M} UTC"
        return f"{self.service.name} may spend ${more:g} more, until {until} at the latest"

    @property
    def undo(self) -> str:
        return f"automatic, to ${self.from_dollars:g}, when the incident ends, and at the reset at the latest"

    def strays(self, allowed: Allowed) -> Iterator[str]:
        own = allowed.service.videos.budget if allowed.service.videos else None
        if own is None or (self.from_dollars, self.to_dollars) != (own.usual, own.raised):
            step = f"from ${self.from_dollars:g} to ${self.to_dollars:g}"
            yield f"`videos.budget` of this service is not set {step}"


class RestoreBudget(Change):
    """Set the daily budget back: the undo of `RaiseBudget`. One that somebody else set since is left."""

    risk = Risk.SAFE
    uses = ()
    puts_back = True
    kind: Literal["restore-budget"] = "restore-budget"
    from_dollars: float
    to_dollars: float

    @property
    def says(self) -> str:
        return f"set the daily budget of {self.service.name} back to ${self.to_dollars:g}"

    @property
    def changes(self) -> str:
        return f"{self.service.name} may spend ${self.to_dollars:g} a day again"

    def strays(self, allowed: Allowed) -> Iterator[str]:
        own = allowed.service.videos.budget if allowed.service.videos else None
        if own is None or self.to_dollars != own.usual:
            yield f"`videos.budget.usual` of this service is not ${self.to_dollars:g}"


class UseBackupGenerator(Change):
    """Have the videos made by another generator while a provider is down."""

    risk = Risk.GUARDED
    uses = ("videos",)
    kind: Literal["use-backup-generator"] = "use-backup-generator"
    generator: str
    because_of: str
    """The provider whose outage makes it necessary."""
    at_most: timedelta

    @property
    def says(self) -> str:
        return (
            f"have the videos of {self.service.name} made by {self.generator} while {self.because_of} is down"
        )

    @property
    def changes(self) -> str:
        limit = in_words(self.at_most)
        return f"{self.generator} makes the videos of {self.service.name}, at most for {limit}"

    @property
    def undo(self) -> str:
        return f"automatic, when {self.because_of} is back"

    def strays(self, allowed: Allowed) -> Iterator[str]:
        own = allowed.service.videos.backup if allowed.service.videos else None
        if own is None or (self.generator, self.at_most) != (own.name, own.at_most):
            limit = in_words(self.at_most)
            yield f"`videos.backup` of this service is not {self.generator} for {limit} at most"


class UseUsualGenerator(Change):
    """Have the videos made by the usual provider again: the undo of `UseBackupGenerator`."""

    risk = Risk.SAFE
    uses = ()
    puts_back = True
    kind: Literal["use-usual-generator"] = "use-usual-generator"
    generator: str

    @property
    def says(self) -> str:
        return f"have the videos of {self.service.name} made by the usual generator again"

    @property
    def changes(self) -> str:
        return f"{self.generator} makes no videos of {self.service.name} any more"

    def strays(self, allowed: Allowed) -> Iterator[str]:
        own = allowed.service.videos.backup if allowed.service.videos else None
        if own is None or self.generator != own.name:
            yield f"`videos.backup` of this service is not {self.generator}"
