"""No cause without a scenario: a row that is added to a runbook must be produced for real too."""

from __future__ import annotations

import sys

import pytest

from tests.scenarios.tables import SCENARIOS
from workflows.diagnosis.causes import Cause, ask_a_human
from workflows.incident.runbook import Runbook
from workflows.runbooks.classes import RUNBOOKS

pytestmark = pytest.mark.scenario


def causes_of(runbook: type[Runbook]) -> list[Cause]:
    """The rows of its table, and `unknown` where it has a fix of its own for that."""
    file = vars(sys.modules[runbook.__module__])
    causes: list[Cause] = list(file.get("CAUSES", ()))
    unknown = file.get("UNKNOWN")
    if isinstance(unknown, Cause) and unknown.fix is not ask_a_human:
        causes.append(unknown)
    return causes


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda one: one.__name__)
def test_every_cause_has_a_scenario(runbook: type[Runbook]) -> None:
    played = {one.cause for one in SCENARIOS if one.runbook == runbook.__name__}
    assert [cause.name for cause in causes_of(runbook) if cause.name not in played] == []


def test_no_scenario_expects_a_cause_that_no_table_has() -> None:
    known = {runbook.__name__: {cause.name for cause in causes_of(runbook)} for runbook in RUNBOOKS}
    nameless = {"", "unknown"}
    assert [one.name for one in SCENARIOS if one.cause not in known[one.runbook] | nameless] == []
