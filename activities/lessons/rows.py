"""A row of a causes table, as far as lessons need it."""

from __future__ import annotations

from collections.abc import Mapping

from models.base import Model


class CauseRow(Model):
    """Its name, how it is recognised, and the evidence that it reads, by the names of the looks."""

    name: str
    evidence: str
    reads: tuple[str, ...] = ()


CauseRows = Mapping[str, tuple[CauseRow, ...]]
"""By runbook."""
