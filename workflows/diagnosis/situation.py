"""All that a cause is recognised by, a look is asked about, and a fix is made from."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.evidence.history import Deployment, HistorySeen
    from models.evidence.seen import Seen
    from models.incident.policy import Policy
    from models.service.service import Service


@dataclass(frozen=True)
class Situation:
    """One moment of an incident: what was seen so far, and what the policy says."""

    seen: Seen
    policy: Policy
    service: Service

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
    def history(self) -> HistorySeen:
        """What the steward remembers, with the version that runs now as the newest deployment.

        A version may raise the alert before anybody has told the steward of it.
        """
        process, history = self.seen.process, self.seen.history
        if not process.image or history.runs(process.version):
            return history
        deployed_at = process.started_at or process.observed_at
        if deployed_at is None:
            return history
        newest = Deployment(
            service=self.service.name,
            version=process.image,
            image_id=process.image_id,
            deployed_at=deployed_at,
            current=True,
        )
        before = (one.model_copy(update={"current": False}) for one in history.deployments)
        return history.model_copy(
            update={"deployments": (newest, *(one for one in before if not one.is_version(process.version)))}
        )

    @property
    def trouble(self) -> str:
        """What is wrong, in one sentence: the first evidence that is bad."""
        bad = (one.reason for one in self.seen.looked_at().values() if one.bad)
        return next(bad, "nothing was seen to be wrong")
