"""A larger heap is judged by the limit that Node.js reports, and the person who decides is told it."""

from __future__ import annotations

from activities.files.environment import EnvironmentProposal
from activities.incidents.policy import policy_for
from models.configuration.configuration import Configuration
from models.evidence.seen import Seen
from models.incident.alert import Alert
from tests.workflows import heaps, sights
from tests.workflows.configuration import CONFIGURATION, merged
from workflows.diagnosis import looks
from workflows.diagnosis.process_looks import its_heap_limit
from workflows.diagnosis.situation import Situation
from workflows.memory.plans import restart

GIB = 2**30
OLD = EnvironmentProposal(reason="NODE_OPTIONS gives 4 GiB, Node.js reports 2 GiB", unchanged=True)


def situation(limit: int | None) -> Situation:
    alert = Alert(name="HighMemoryUsage", service="backend", starts_at=sights.LONG_AGO)
    policy = policy_for(alert, Configuration.model_validate(merged(CONFIGURATION, heaps.WARNING)))
    assert policy.service is not None
    process = sights.RUNNING.model_copy(update={"memory_limit": 8 * GIB})
    memory = heaps.GROWING.model_copy(update={"limit": limit})
    found = [(looks.process, process), (looks.memory, memory), (looks.heap_limit, OLD)]
    return Situation(Seen().having(found), policy, policy.service)


def test_the_setting_is_compared_with_what_is_in_force() -> None:
    request = its_heap_limit(situation(2 * GIB))
    assert (request.in_force, request.memory) == (2 * GIB, 8 * GIB)


def test_the_person_who_decides_is_told_what_is_in_force_and_why_it_is_not_raised() -> None:
    why = restart(situation(2 * GIB)).why
    assert f"its heap may have 2 GiB, and its container 8 GiB ({OLD.reason})" in why


def test_nothing_is_said_of_a_limit_that_nobody_reports() -> None:
    assert "its heap may have" not in restart(situation(None)).why
