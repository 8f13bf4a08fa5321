"""What a package outside this tree brings: its module has one `PACKAGE`, which names everything."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.incident.runbook import Runbook
from workflows.stewardship.execution import Performance

BUILT_FOR = "0.1"
"""The version of what packages are built on: the product's own, without its last part."""


@dataclass(frozen=True)
class Package:
    """Runbooks with their looks and actions. Looks, undos and verifications are found in its modules.

    `built_for` is the `BUILT_FOR` that it was written and tested with. `activities` are classes, `actions`
    the lines that bind an action to its activity.
    """

    built_for: str
    runbooks: tuple[type[Runbook], ...] = ()
    activities: tuple[type[object], ...] = ()
    actions: tuple[Performance, ...] = ()
