"""How the application makes its videos: which of its parts do, and what may be switched for a while."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from models.base import Configured, Interval
from models.service.addresses import WebPage
from models.service.secret import SecretRef
from models.service.surroundings import Switched, SwitchMethod

TypeName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class BackupGenerator(Switched):
    """Another generator, which makes the videos while a provider is down."""

    name: str = Field(default="the backup generator", min_length=1, max_length=60)


class BudgetSwitch(Configured):
    """The call that sets the application's daily budget, and the two values that it may have.

    It is set from one to the other only: a budget that somebody else has changed is left alone.
    """

    url: WebPage
    method: SwitchMethod = "POST"
    key: str = Field(default="budgetDollars", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """The field of the JSON object that is sent."""
    usual: float = Field(gt=0)
    """Dollars a day."""
    raised: float = Field(gt=0)
    """Dollars a day, for a while."""
    token: SecretRef | None = None

    @model_validator(mode="after")
    def _is_more(self) -> Self:
        if self.raised <= self.usual:
            raise ValueError(
                "`raised` must be more than `usual`: write what the budget is raised to for a while"
            )
        return self


class Videos(Configured):
    """What NoVideosGenerated looks at and may change."""

    generated_within: Interval = timedelta(hours=2)
    """A video that was generated longer ago than this is too old."""
    takes: Interval = timedelta(minutes=30)
    """How long one generation may take until its first video shows."""
    every: Interval = timedelta(minutes=1)
    """How often what is waited for is looked at."""
    workflows: tuple[TypeName, ...] = ()
    """The workflow types that make videos, or sync what they are made of."""
    providers: tuple[str, ...] = ()
    """Which of `providers` make videos; empty for all of them."""
    provider_back_within: Interval = timedelta(hours=24)
    """How long a provider that is down is waited for."""
    backup: BackupGenerator | None = None
    budget: BudgetSwitch | None = None

    def made_by(self, workflow_type: str) -> bool:
        """Whether workflows of this type make videos; where no type is named, by what it is called."""
        return workflow_type in self.workflows if self.workflows else "video" in workflow_type.casefold()
