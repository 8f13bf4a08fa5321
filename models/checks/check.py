"""A check: its request, its report, and what the configuration says about it as of now."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import field_serializer

from models.base import Model
from models.checks.item import WORST_FIRST, Item, ItemState, worst
from models.configuration.checks import Checks
from models.configuration.processes import Systems
from models.service.service import Service


class CheckName(StrEnum):
    """The checks by the names that people use."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class CheckRequest(Model):
    """Run a check. A schedule gives no more; a person is named."""

    name: CheckName
    by: str = ""
    """Who asked for it; empty when its schedule did."""


class CheckPolicy(Model):
    """What `runbooks.yaml` says about a check, taken once when it begins."""

    checks: Checks
    systems: Systems
    services: tuple[Service, ...]
    left_out: tuple[str, ...] = ()
    """Services for which there is no room in one message: they are not looked at, and are named."""
    service_labels: tuple[str, ...] = ()
    """The first of them that an alert or a target carries names its service."""
    time_zone: str
    temporal_ui: str = ""
    channels: tuple[str, ...] = ()
    """Who hears of its report."""
    dry_run: bool = False
    """Whether what it would write elsewhere is only told: commits of dashboards, and restores of drills."""

    @field_serializer("services")
    def _as_written(self, services: tuple[Service, ...]) -> list[dict[str, Any]]:
        """Without what nobody wrote: the defaults of hundreds of services are too large for one message."""
        return [one.model_dump(mode="json", exclude_unset=True) for one in services]


class ChangeKind(StrEnum):
    """How an item or a figure differs from the last report of the same check."""

    WORSE = "worse"
    NEW = "new"
    BETTER = "better"
    GONE = "gone"
    MOVED = "moved"


class Change(Model):
    """One difference from the last report, in one sentence."""

    kind: ChangeKind
    item: str
    says: str


class StoredReport(Model):
    """Where a report is kept: Markdown, JSON, and one HTML page that needs nothing else."""

    markdown: str
    page: str
    data: str = ""
    link: str = ""
    """Where people can open the page; empty when it is not served."""
    changes: tuple[str, ...] = ()
    """What changed since the last report, a sentence each."""


class CheckReport(Model):
    """Everything that a check found, in the order in which its page has the items."""

    name: CheckName
    run_id: str
    began_at: datetime
    ended_at: datetime
    time_zone: str = "UTC"
    by: str = ""
    items: tuple[Item, ...]
    stored: StoredReport | None = None
    """Where it was written to; None before, and when it could not be written."""

    @property
    def state(self) -> ItemState:
        return worst(self.items)

    def with_state(self, state: ItemState) -> tuple[Item, ...]:
        return tuple(one for one in self.items if one.found.state is state)


def counted(report: CheckReport) -> str:
    """`2 bad, 1 unknown, 11 ok`; the worst first."""
    said = [f"{len(found)} {state}" for state in WORST_FIRST if (found := report.with_state(state))]
    return ", ".join(said) or "there was nothing to look at"
