"""A Temporal with stand-in incidents, and a configuration."""

from tests.integration.intake.conftest import client, config, temporal

__all__ = ["client", "config", "temporal"]
