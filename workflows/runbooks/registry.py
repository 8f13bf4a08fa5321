"""The only list of runbooks. A new one is named here; everything else finds it here.

Names alone: who only reads the configuration need not import the runbooks (`classes.py` does).
"""

from __future__ import annotations

from pydantic.alias_generators import to_snake

NAMES = (
    "ServiceDown",
    "HighErrorRate",
    "ProductionSlow",
    "DatabaseConnectionFailure",
    "HighApiCosts",
    "NoProductsSynced",
    "HighMemoryUsage",
    "MemoryKeepsGrowing",
    "RevenueDeclining",
    "NoVideosGenerated",
    "ConfiguredAnswer",
    "BrokenEndpoint",
    "AnyAlert",
)
"""Their workflow types, which `runbooks.yaml` may name. Each is a class in the file of its name."""


def module_of(name: str) -> str:
    """The module of a runbook's class: `service_down` for `ServiceDown`."""
    return to_snake(name)
