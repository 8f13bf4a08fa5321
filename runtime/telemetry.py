"""The SDK's own metrics, of a process that hosts a worker."""

from __future__ import annotations

from pathlib import Path

from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from runtime.settings import ConfigurationError


def worker_runtime(address: str | None, config: Path) -> Runtime:
    """The SDK's runtime, its metrics at `address`. Raises ConfigurationError if it cannot listen there."""
    metrics = PrometheusConfig(bind_address=address) if address else None
    try:
        return Runtime(telemetry=TelemetryConfig(metrics=metrics))
    except ValueError as error:  # an address of another machine, or a port that is not ours to take
        cure = "name an address of this machine and a free port"
        raise ConfigurationError([f"{config}: worker.metrics: {error}: {cure}"]) from error
