"""Where people reach the product, for the links in messages."""

from __future__ import annotations

from models.configuration.configuration import Configuration
from models.incident.announcement import Addresses


def addresses_of(configuration: Configuration) -> Addresses:
    """As the configuration says."""
    return Addresses(
        intake=configuration.intake.public_url or "", temporal_ui=configuration.temporal.ui or ""
    )
