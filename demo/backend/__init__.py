"""The stand-in for the backend of `runbook.md`: its health, metrics and business API, and its faults."""
