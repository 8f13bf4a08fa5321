"""The only list of runbooks. A new one is imported and named here; everything else finds it here.

Those of outside packages are found beside them, in a process that has loaded their packages.
"""

from __future__ import annotations

from workflows.incident.runbook import Runbook
from workflows.runbooks.any_alert import AnyAlert
from workflows.runbooks.broken_endpoint import BrokenEndpoint
from workflows.runbooks.configured_answer import ConfiguredAnswer
from workflows.runbooks.database_connection_failure import DatabaseConnectionFailure
from workflows.runbooks.high_api_costs import HighApiCosts
from workflows.runbooks.high_error_rate import HighErrorRate
from workflows.runbooks.high_memory_usage import HighMemoryUsage
from workflows.runbooks.memory_keeps_growing import MemoryKeepsGrowing
from workflows.runbooks.no_products_synced import NoProductsSynced
from workflows.runbooks.no_videos_generated import NoVideosGenerated
from workflows.runbooks.production_slow import ProductionSlow
from workflows.runbooks.revenue_declining import RevenueDeclining
from workflows.runbooks.service_down import ServiceDown
from workflows.stewardship.control_room import ControlRoom
from workflows.stewardship.steward import Steward

RUNBOOKS: tuple[type[Runbook], ...] = (
    ServiceDown,
    HighErrorRate,
    ProductionSlow,
    DatabaseConnectionFailure,
    HighApiCosts,
    NoProductsSynced,
    HighMemoryUsage,
    MemoryKeepsGrowing,
    RevenueDeclining,
    NoVideosGenerated,
    ConfiguredAnswer,
    BrokenEndpoint,
    AnyAlert,
)

NAMES = tuple(runbook.__name__ for runbook in RUNBOOKS)
"""Their workflow types, which `runbooks.yaml` may name."""

WORKFLOWS: tuple[type[object], ...] = (*RUNBOOKS, Steward, ControlRoom)

BROUGHT: list[type[Runbook]] = []
"""Those of packages, once the configuration that names them was read."""


def every_runbook() -> tuple[type[Runbook], ...]:
    """The product's own, and those of packages."""
    return (*RUNBOOKS, *BROUGHT)


def every_workflow() -> tuple[type[object], ...]:
    """What a worker hosts for incidents."""
    return (*WORKFLOWS, *BROUGHT)
