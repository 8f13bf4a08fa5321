"""A package outside the tree, found by PYTHONPATH, brings a runbook with a look and an action of its own."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from demo.stack import Stack
from demo.systems.services import BACKEND
from demo.systems.supervisor import SupervisedServices
from demo.webhook import Firing
from models.incident.incident import Outcome
from tests.parts.product.pipeline import Pipeline

LOCKS = '''
"""A lock file that its owner left behind: seen, and removed."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from temporalio import activity

from activities.packages.clients import Clients
from models.actions.change import ActionResult, Change, Perform, Risk
from models.evidence.evidence import Evidence, Finding
from models.service.service import Service


class RemoveLock(Change):
    """Remove the lock of a service."""

    risk = Risk.GUARDED
    kind: Literal["remove-lock"] = "remove-lock"

    @property
    def says(self) -> str:
        return f"remove the lock of {self.service.name}"

    @property
    def changes(self) -> str:
        return f"{self.service.name} may be started twice at once"


class LockSeen(Evidence):
    """Whether there is a lock."""

    path: str = ""


class LockActivities:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def _lock(self, service: Service) -> Path:
        return Path(self._clients.configuration().directories.state).with_name(f"{service.name}.lock")

    @activity.defn
    def look_at_lock(self, service: Service) -> LockSeen:
        lock, now = self._lock(service), datetime.now(UTC)
        if lock.exists():
            return LockSeen(finding=Finding.BAD, reason="there is a lock", observed_at=now, path=str(lock))
        return LockSeen(finding=Finding.OK, reason="there is no lock", observed_at=now)

    @activity.defn
    def remove_lock(self, request: Perform[RemoveLock]) -> ActionResult:
        self._lock(request.action.service).unlink(missing_ok=True)
        return ActionResult(done=True, found="the lock is gone", at=datetime.now(UTC))
'''

RUNBOOK = '''
"""StaleLock: a lock was left behind."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.verifications as verifications
    from models.actions.plan import Plan
    from models.incident.review import Review
    from models.incident.so_far import Opened
    from mycompany.runbooks.locks import LockActivities, LockSeen, RemoveLock
    from workflows.diagnosis.app_looks import the_service
    from workflows.diagnosis.causes import Cause
    from workflows.diagnosis.look import Look
    from workflows.diagnosis.situation import Situation
    from workflows.incident.incident import Incident
    from workflows.incident.runbook import Runbook

lock = Look("lock", LockSeen, LockActivities.look_at_lock, the_service)


def remove(now: Situation) -> Plan:
    return Plan(steps=(RemoveLock(service=now.service),), why=now[lock].reason)


CAUSES = (
    Cause(
        name="lock left behind",
        evidence="there is a lock",
        matches=lambda now: now[lock].bad,
        remedy="remove it",
        fix=remove,
    ),
)


@workflow.defn
class StaleLock(Runbook):
    """A lock was left behind."""

    @workflow.run
    async def run(self, opened: Opened) -> Review:
        return await self.incident.respond(self.page)

    async def page(self, incident: Incident) -> None:
        await incident.look(lock)
        await incident.confirm(lock)
        await incident.act(incident.diagnose(CAUSES))
        await incident.stays(verifications.HEALTHY)
'''

PACKAGE = """
from mycompany.runbooks.locks import LockActivities, RemoveLock
from mycompany.runbooks.stale_lock import StaleLock
from datetime import timedelta
from workflows.packages.package import Package
from workflows.stewardship.execution import Performance

PACKAGE = Package(
    built_for="0.1",
    runbooks=(StaleLock,),
    activities=(LockActivities,),
    actions=(Performance(RemoveLock, LockActivities.remove_lock, timedelta(minutes=1)),),
)
"""


def written(directory: Path) -> Path:
    """The package, in a directory that is no part of the tree."""
    home = directory / "mycompany" / "runbooks"
    home.mkdir(parents=True)
    (home.parent / "__init__.py").touch()
    (home / "__init__.py").touch()
    (home / "package.py").write_text(PACKAGE)
    (home / "locks.py").write_text(LOCKS)
    (home / "stale_lock.py").write_text(RUNBOOK)
    return directory


@pytest.mark.scenario
async def test_a_runbook_of_an_outside_package_heals_a_real_fault(tmp_path: Path) -> None:
    brings = {"mycompany.runbooks": written(tmp_path / "outside")}
    (work := tmp_path / "w").mkdir()
    async with Stack(work, SupervisedServices(work), stable_for="3s", brings=brings) as stack:
        pipeline = await Pipeline.of(stack)
        pipeline.configure(_knows_its_alert)
        lock = work / f"{BACKEND}.lock"
        lock.touch()
        run = await pipeline.fire(Firing(datetime.now(UTC), "StaleLock", BACKEND))
        untyped = pipeline.client.get_workflow_handle(run.id)  # this process does not know the package
        async with asyncio.timeout(90):
            review = await untyped.result()
        found = (review["runbook"], review["cause"], review["outcome"])
        assert found == ("StaleLock", "lock left behind", Outcome.RESOLVED)
        assert review["performed"][0]["plan"]["steps"][0]["kind"] == "remove-lock"
        assert not lock.exists()
        shown = stack.command("list", "--cause", "lock left behind")
        assert (shown.returncode, f"StaleLock/{BACKEND}" in shown.stdout) == (0, True), shown.stderr
        doctor = stack.command("doctor", "--json")
        assert '"package mycompany.runbooks"' in doctor.stdout


def _knows_its_alert(content: dict[str, Any]) -> None:
    thresholds = content["alerts"]["ServiceDown"]["thresholds"]
    content["alerts"]["StaleLock"] = {"severity": "critical", "thresholds": thresholds}
