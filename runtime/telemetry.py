"""The SDK's own metrics, of a process that hosts a worker."""

from __future__ import annotations

import logging
from pathlib import Path

from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from activities.support.counts import BUCKETS
from runtime.file.source import ConfigurationError

_LOG = LoggingConfig(
    TelemetryFilter(core_level="WARN", other_level="ERROR"),
    forwarding=LogForwardingConfig(logger=logging.getLogger("temporalio.core")),
)
"""The SDK's core writes through Python's log, and so as JSON, too."""


def worker_runtime(address: str | None, config: Path) -> Runtime:
    """The SDK's runtime, its metrics at `address`. Raises ConfigurationError if it cannot listen there."""
    metrics = PrometheusConfig(bind_address=address, histogram_bucket_overrides=BUCKETS) if address else None
    try:
        return Runtime(telemetry=TelemetryConfig(logging=_LOG, metrics=metrics))
    except ValueError as error:  # an address of another machine, or a port that is taken or privileged
        cure = "name an address of this machine and a free port"
        raise ConfigurationError([f"{config}: worker.metrics: {error}: {cure}"]) from error
