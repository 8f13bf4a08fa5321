"""The classes of the runbooks that `registry.py` names, and of what a worker hosts beside them.

Those of outside packages are found beside them, in a process that has loaded their packages.
"""

from __future__ import annotations

from importlib import import_module

from workflows.incident.runbook import Runbook
from workflows.runbooks.registry import NAMES, module_of
from workflows.stewardship.control_room import ControlRoom
from workflows.stewardship.steward import Steward

RUNBOOKS: tuple[type[Runbook], ...] = tuple(
    getattr(import_module(f"workflows.runbooks.{module_of(name)}"), name) for name in NAMES
)

WORKFLOWS: tuple[type[object], ...] = (*RUNBOOKS, Steward, ControlRoom)

BROUGHT: list[type[Runbook]] = []
"""Those of packages, once the configuration that names them was read."""


def every_runbook() -> tuple[type[Runbook], ...]:
    """The product's own, and those of packages."""
    return (*RUNBOOKS, *BROUGHT)


def every_workflow() -> tuple[type[object], ...]:
    """What a worker hosts for incidents."""
    return (*WORKFLOWS, *BROUGHT)
