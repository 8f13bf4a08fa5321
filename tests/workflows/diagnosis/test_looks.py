"""What new evidence costs: an activity with its result beside it, and one line that names them."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from activities.incidents.policy import policy_for
from models.configuration.configuration import Configuration
from models.evidence.evidence import Evidence, Finding
from models.evidence.seen import Seen
from models.incident.alert import Alert
from models.incident.policy import Policy
from models.names import queue_of
from models.orders.comparison import NOT_AS_CONFIGURED
from models.service.service import Service
from runtime.hosted.activities import activities_of
from tests.parts.product.doc_blocks import python_of
from tests.workflows import sights
from tests.workflows.configuration import CONFIGURATION, merged
from tests.workflows.harness import Harness
from tests.workflows.world import EVERY_LOOK
from workflows.diagnosis import looks
from workflows.diagnosis.look import Look
from workflows.diagnosis.situation import Situation
from workflows.runbooks.registry import NAMES

OTHERWISE = "it was not looked at, for this worker's runbooks.yaml says otherwise"


class CertificateSeen(Evidence):
    """The result of a look that no runbook takes."""

    days_left: int | None = None


class CertificateActivities:
    """Its activity."""

    def __init__(self, days_left: int | None) -> None:
        self._days_left = days_left

    @activity.defn
    async def look_at_certificate(self, service: Service) -> CertificateSeen:
        if self._days_left is None:
            raise ZeroDivisionError("a mistake of ours")
        if self._days_left < 0:
            raise ApplicationError(OTHERWISE, type=NOT_AS_CONFIGURED, non_retryable=True)
        reason = f"the certificate of {service.name} ends in {self._days_left} days"
        return CertificateSeen(finding=Finding.BAD, reason=reason, days_left=self._days_left)


def documented() -> Look[CertificateSeen]:
    """The line of `docs/architecture.md`, executed."""
    names: dict[str, Any] = {
        one.__name__: one for one in (Look, CertificateSeen, CertificateActivities, looks.the_service)
    }
    python_of("docs/architecture.md").run(names)
    look: Look[CertificateSeen] = names["certificate"]
    return look


certificate = documented()


@workflow.defn(sandboxed=False)
class TakesIt:
    """Takes the look, and tells what a cause would read."""

    @workflow.run
    async def run(self, policy: Policy) -> CertificateSeen:
        assert policy.service is not None
        now = Situation(Seen(), policy, policy.service)
        seen = now.seen.having([(certificate, await certificate.take(now))])
        return Situation(seen, policy, policy.service)[certificate]


async def take(harness: Harness, days_left: int | None, **of_the_service: Any) -> CertificateSeen:
    """The look, taken by a worker that hosts its activity."""
    configuration = merged(CONFIGURATION, {"services": {"backend": of_the_service}})
    alert = Alert(name="ServiceDown", service="backend", starts_at=sights.LONG_AGO)
    policy = policy_for(alert, Configuration.of(configuration, NAMES))
    taken = activities_of(CertificateActivities(days_left))
    client, here, host = harness.env.client, "new-evidence", of_the_service.get("host")
    async with (
        Worker(client, task_queue=here, workflows=[TakesIt], activities=[] if host else taken),
        Worker(client, task_queue=queue_of(host or "another"), activities=taken),
    ):
        return await client.execute_workflow(TakesIt.run, policy, id=here, task_queue=here)


ANYWHERE = pytest.mark.parametrize("where", [{}, {"host": "web-1"}], ids=["here", "on the service's host"])


@ANYWHERE
async def test_new_evidence_is_typed_and_taken(harness: Harness, where: dict[str, str]) -> None:
    seen = await take(harness, 3, **where)
    assert (seen.bad, seen.days_left) == (True, 3)
    assert seen.reason == "the certificate of backend ends in 3 days"


@ANYWHERE
async def test_a_mistake_of_ours_is_unknown_and_logged(
    harness: Harness, caplog: pytest.LogCaptureFixture, where: dict[str, str]
) -> None:
    with caplog.at_level(logging.ERROR):
        seen = await take(harness, None, **where)
    assert seen.unknown
    assert seen.reason == "could not be checked: ZeroDivisionError: a mistake of ours"
    assert "look certificate failed in our own code" in caplog.text


@ANYWHERE
async def test_a_worker_that_is_configured_otherwise_is_unknown_and_no_mistake_of_ours(
    harness: Harness, caplog: pytest.LogCaptureFixture, where: dict[str, str]
) -> None:
    with caplog.at_level(logging.WARNING):
        seen = await take(harness, -1, **where)
    assert (seen.unknown, seen.reason) == (True, f"could not be checked: NotAsConfigured: {OTHERWISE}")
    assert f"look certificate was not taken: NotAsConfigured: {OTHERWISE}" in caplog.text
    assert "our own code" not in caplog.text


def test_what_was_not_looked_at_is_unknown() -> None:
    assert all(Seen()[look] == look.result(reason="not looked at") for look in EVERY_LOOK)


def test_evidence_is_told_in_the_order_of_the_looks() -> None:
    first = Seen().having([(looks.errors, sights.MANY_ERRORS), (looks.health, sights.REFUSED)])
    again = first.having([(looks.errors, sights.FEW_ERRORS)])
    assert list(again.by_name) == ["errors", "health"]
    assert again[looks.errors] == sights.FEW_ERRORS


def test_no_two_looks_go_by_one_name() -> None:
    names = [look.name for look in EVERY_LOOK]
    assert len(names) == len(set(names))
