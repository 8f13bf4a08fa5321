"""What is wrong in the part `checks`: names that refer to nothing."""

from __future__ import annotations

from collections.abc import Collection

from models.configuration.checks import Checks
from models.configuration.consistency import Mistake, unknown

KINDS = ("health", "targets", "p95", "cost")
"""The kinds of items that name the services they are about, so that a runbook can be started for each."""


def mistakes_of_checks(checks: Checks, alerts: Collection[str], services: Collection[str]) -> list[Mistake]:
    """Kinds of items and alerts in `start`, and services in `forecasts`, that do not exist."""
    found: list[Mistake] = []
    for kind, alert in checks.start.items():
        at = ("checks", "start", kind)
        found += unknown(at, "kind of item about a service", kind, KINDS)
        found += unknown(at, "alert in `alerts`", alert, alerts)
    forecasts = checks.monthly.forecasts
    for part, named in (("databases", forecasts.databases), ("videos", forecasts.videos)):
        for name in named:
            found += unknown(("checks", "monthly", "forecasts", part, name), "service", name, services)
    return found
