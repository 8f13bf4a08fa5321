"""A Temporal with stand-in incidents, as for the other tests of the intake."""

from __future__ import annotations

from tests.integration.intake.conftest import client, config, temporal

__all__ = ["client", "config", "temporal"]
