"""Every workflow of the product. A new runbook is one line here."""

from __future__ import annotations

from workflows.any_alert import AnyAlert
from workflows.control_room import ControlRoom
from workflows.database_connection_failure import DatabaseConnectionFailure
from workflows.high_error_rate import HighErrorRate
from workflows.runbook import Runbook
from workflows.service_down import ServiceDown
from workflows.steward import Steward

RUNBOOKS: tuple[type[Runbook], ...] = (
    ServiceDown,
    HighErrorRate,
    DatabaseConnectionFailure,
    AnyAlert,
)

WORKFLOWS: tuple[type[object], ...] = (*RUNBOOKS, Steward, ControlRoom)
