"""The looks that runbooks compose: which activity, about what, with its time-outs beside it.

Each step fills the field of `Seen` that bears its name. A look that fails is not an error of
the incident: it is evidence that could not be had, and says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.dependencies import DependencyActivities
    from activities.health import HealthActivities
    from activities.host import HostActivities
    from activities.logs import LogActivities
    from activities.ports import PortActivities
    from activities.processes import ProcessActivities
    from activities.stewardship import StewardshipActivities
    from models.base import Model
    from models.evidence import Evidence, LookAtDependencies, Seen
    from models.policy import Policy
    from models.service import Service

TWICE = RetryPolicy(maximum_attempts=2, initial_interval=timedelta(milliseconds=200))
LOOK_TIMEOUT = timedelta(seconds=15)


def the_service(policy: Policy) -> Service:
    """The usual subject of a look."""
    if policy.service is None:
        raise ValueError("this incident has no service to look at")
    return policy.service


def its_dependencies(policy: Policy) -> LookAtDependencies:
    return LookAtDependencies(services=policy.dependencies)


@dataclass(frozen=True)
class Step:
    """One look. `about` makes the activity's request from the incident's policy."""

    field: str
    activity: Callable[..., Any]
    summary: str
    about: Callable[[Policy], Model] = the_service
    timeout: timedelta = LOOK_TIMEOUT

    def blind(self, reason: str) -> Evidence:
        """The evidence of a look that could not be taken."""
        kind: type[Evidence] = type(getattr(Seen(), self.field))
        return kind(reason=reason)

    def take(self, policy: Policy) -> Awaitable[Any]:
        """Run the look: in the worker at hand, or on the service's own host when it has one."""
        host = policy.service.host if policy.service else None
        summary = f"{self.summary} of {policy.service.name}" if policy.service else self.summary
        if host is None:
            return workflow.execute_local_activity_method(
                self.activity,
                self.about(policy),
                start_to_close_timeout=self.timeout,
                retry_policy=TWICE,
                summary=summary,
            )
        return workflow.execute_activity_method(
            self.activity,
            self.about(policy),
            task_queue=the_service(policy).queue,
            schedule_to_close_timeout=2 * self.timeout,
            start_to_close_timeout=self.timeout,
            retry_policy=TWICE,
            summary=summary,
        )


health = Step("health", HealthActivities.probe_health, "health check")
process = Step("process", ProcessActivities.look_at_process, "state")
recent_logs = Step("logs", LogActivities.read_logs, "last log lines")
port_owner = Step("port", PortActivities.look_at_port, "port")
host = Step("host", HostActivities.look_at_host, "host disk and memory")
dependencies = Step(
    "dependencies", DependencyActivities.look_at_dependencies, "dependencies", its_dependencies
)
history = Step("history", StewardshipActivities.look_at_history, "deployments and recent actions")
