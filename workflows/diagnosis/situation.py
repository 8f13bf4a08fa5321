"""All that a cause is recognised by, a look is asked about, and a fix is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.evidence.seen import Looked, R_co, Seen
    from models.incident.policy import Policy
    from models.service.service import Service


@dataclass(frozen=True)
class Situation:
    """One moment of an incident: what was seen so far, and what the policy says."""

    seen: Seen
    policy: Policy
    service: Service
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of the alert: data, which is only ever compared with what the configuration names."""

    def __getitem__(self, look: Looked[R_co]) -> R_co:
        """What a look found, as its own kind of evidence: `now[looks.process].exited`."""
        return self.seen[look]

    @property
    def database(self) -> Service | None:
        """The database that the service is, or the nearest that it needs."""
        every = (self.service, *self.policy.dependencies)
        return next((one for one in every if one.is_database), None)

    @property
    def dependent(self) -> Service:
        """The first service that needs this one; the service itself when none does."""
        return self.policy.dependents[0] if self.policy.dependents else self.service

    def dependent_called(self, name: str) -> Service:
        """This one of the services that need it."""
        return next(one for one in self.policy.dependents if one.name == name)

    @property
    def trouble(self) -> str:
        """What is wrong, in one sentence: the first evidence that is bad."""
        bad = (one.reason for one in self.seen.by_name.values() if one.bad)
        return next(bad, "no evidence is bad")
