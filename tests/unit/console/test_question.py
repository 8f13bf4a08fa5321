"""What a person reads before they approve: the whole plan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rich.console import Console

from activities.service.ports import PortSeen
from console.incident_view import question
from models.actions.change import Risk
from models.actions.plan import Plan
from models.actions.surroundings import SetEnvironment
from models.evidence.seen import Seen
from models.incident.incident import PendingApproval
from models.service.service import DockerManager, Service
from tests.unit.workflows.test_diagnosis import POLICY
from tests.workflows import sights
from workflows.diagnosis import looks
from workflows.diagnosis.plans import free_the_port_then_start
from workflows.diagnosis.situation import Situation

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BACKEND = Service(name="backend", manager=DockerManager(container="backend"), port=3000)


def shown(plan: Plan) -> str:
    asked = PendingApproval(
        plan=plan, digest=plan.digest, risk=Risk.DANGEROUS, asked_at=NOW, expires_at=NOW + timedelta(hours=4)
    )
    console = Console(width=200)
    with console.capture() as capture:
        console.print(question("ServiceDown/backend", asked))
    return capture.get()


def test_a_process_that_would_be_killed_is_shown_with_its_command_line_user_and_age() -> None:
    owner = sights.TAKEN_PORT.owner
    assert owner is not None
    known = {
        "command": "python -m http.server 3000",
        "user": "ada",
        "started_at": NOW - timedelta(hours=3, minutes=12),
    }
    seen = sights.TAKEN_PORT.model_copy(update={"owner": owner.model_copy(update=known), "observed_at": NOW})
    plan = plan_for(seen)
    assert "process 77 runs `python -m http.server 3000` as ada, for 3 h 12 min" in shown(plan)
    later = seen.model_copy(update={"owner": owner.model_copy(update={**known, "command": "python (idle)"})})
    assert plan_for(later).digest == plan.digest, (
        "some processes rename themselves; the process is what counts"
    )


def plan_for(port: PortSeen) -> Plan:
    policy = POLICY.model_copy(update={"service": BACKEND})
    plan = free_the_port_then_start(Situation(Seen({looks.port_owner.name: port}), policy, BACKEND))
    assert plan is not None
    return plan


def test_a_diff_is_shown_line_by_line() -> None:
    diff = "--- .env\n+++ .env\n@@ -1 +1 @@\n-POOL=[5]\n+POOL=10"
    edit = SetEnvironment(service=BACKEND, file=".env", values={"POOL": "10"}, diff=diff)
    lines = [
        line.strip(" │") for line in shown(Plan(steps=(edit,), why="the pool is exhausted")).splitlines()
    ]
    assert [line for line in lines if line.startswith(("-POOL", "+POOL"))] == ["-POOL=[5]", "+POOL=10"]
