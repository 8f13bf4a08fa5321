"""The looks of outside packages, beside those of `workflows.diagnosis.looks`."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.evidence.evidence import Evidence
    from workflows.diagnosis.look import Look

LOOKS: dict[str, Look[Evidence]] = {}
"""By name; filled when a process begins, before any run."""
