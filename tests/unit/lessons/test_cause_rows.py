"""Which evidence a row reads, found in its own code."""

from __future__ import annotations

import pytest

from models.evidence.seen import Seen
from workflows.diagnosis import looks
from workflows.diagnosis.situation import Situation
from workflows.incident.runbook import Runbook
from workflows.lessons.cause_rows import cause_rows, reads
from workflows.runbooks.classes import RUNBOOKS
from workflows.runbooks.service_down import ServiceDown


def test_the_rows_of_a_runbook_in_their_order() -> None:
    rows = {row.name: row.reads for row in cause_rows(ServiceDown)}
    assert next(iter(rows)) == "stopped by somebody"
    assert rows["port conflict"] == ("logs", "port", "process"), "through functions of other modules"
    assert rows["database lost"] == ("dependencies",)


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda one: one.__name__)
def test_every_row_reads_something(runbook: type[Runbook]) -> None:
    assert [row.name for row in cause_rows(runbook) if not row.reads] == []


def test_a_runbook_without_a_table_has_no_rows() -> None:
    assert cause_rows(Runbook) == ()


def test_what_is_behind_an_or_counts_too() -> None:
    """Running it would not show: the second half is not read where the first is true."""

    def either(now: Situation) -> bool:
        return now[looks.health].bad or any(one[looks.process].bad for one in [now])

    assert reads(either) == ("health", "process")
    assert reads(len) == ()
    assert reads(Seen) == ()
