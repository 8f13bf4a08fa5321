"""The demo's backend: its health check, metrics, business API and faults."""
