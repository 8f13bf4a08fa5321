"""What must be said nowhere, or on standard error alone, because standard output is the command's."""

from __future__ import annotations

import logging
import sys

import structlog
from temporalio.runtime import Runtime, TelemetryConfig


def quiet() -> None:
    """The SDK's own log is off, because it writes to standard output; the product's log shows warnings on
    standard error until `serve` configures its own."""
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=None)), error_if_already_set=False)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
