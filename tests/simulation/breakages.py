"""The product with one rule broken on purpose, by which the simulator shows that it would find that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from models.incident.policy import Rung
from models.incident.stewardship import Answer, Answered, Ask, Hold
from models.service.service import Service
from tests.simulation.episode import PRODUCT, Workflows
from workflows.escalation.escalation import Escalation
from workflows.incident.notifications import Notifications
from workflows.remediation.hold import ServiceHold
from workflows.remediation.remediation import Remediation
from workflows.remediation.undo import Undoing
from workflows.runbooks.classes import RUNBOOKS
from workflows.stewardship.ledger import Ledger
from workflows.stewardship.steward import Steward


class Generous(Ledger):
    """Gives the service to everybody who asks."""

    def ask(self, ask: Ask, now: datetime) -> tuple[Answered, Hold | None]:
        self.holder = ask.hold
        return Answered(answer=Answer.GRANTED), None


class Lavish(Ledger):
    """Knows no limit."""

    def _limits(self, ask: Ask, now: datetime) -> tuple[None, None]:
        return None, None


class Insistent(Escalation):
    """Pages each rung twice."""

    def _page(self, rung: Rung, why: str) -> None:
        super()._page(rung, why)
        super()._page(rung, why)


class Silent(Escalation):
    """Calls nobody for what failed, or for a page that did not arrive."""

    def push(self, why: str) -> None:
        self.begin()

    def _not_reached(self, rung: Rung) -> None:
        """Nobody hears of it."""


class Deaf(Notifications):
    """Hears what fires, and never that it is over."""

    def hear(self, said: Sequence[Any]) -> None:
        super().hear([one for one in said if one.firing])


class Forgetful(Undoing):
    """Promises what it does not keep."""

    def promise(self, *_: Any) -> None:
        """It is forgotten at once."""


class Greedy(Remediation):
    """Keeps the service that it has while it asks for another, and while it waits for another incident."""

    async def _hold_for(self, service: Service, user: str) -> ServiceHold:
        if self._hold and self._hold.service != service.name:
            self._hold = None
        return await super()._hold_for(service, user)

    async def release(self) -> None:
        if self._alert_state.closing:
            await super().release()


def with_part(name: str, broken: type[Any]) -> Workflows:
    """The product, with this part of each incident as the broken class has it."""

    def changed(runbook: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def make(arg: Any) -> Any:
            run = runbook(arg)
            getattr(run.incident, name).__class__ = broken
            return run

        return make

    return {**PRODUCT, **{one.__name__: changed(one) for one in RUNBOOKS}}


def with_ledger(broken: type[Ledger]) -> Workflows:
    """The product, with this ledger in each steward."""

    def make(arg: Any) -> Any:
        steward = Steward(arg)
        steward._ledger = broken(arg)
        return steward

    return {**PRODUCT, "Steward": make}


def with_escalation(broken: type[Escalation]) -> Workflows:
    """The product, with this ladder in each incident; it gets its own whenever it begins to respond."""

    def changed(runbook: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def make(arg: Any) -> Any:
            run = runbook(arg)
            incident = run.incident

            class Changed(type(incident)):  # type: ignore[misc]
                def __setattr__(self, name: str, value: Any) -> None:
                    if name == "escalation":
                        value.__class__ = broken
                    super().__setattr__(name, value)

            incident.__class__ = Changed
            return run

        return make

    return {**PRODUCT, **{one.__name__: changed(one) for one in RUNBOOKS}}


BREAKAGES: dict[str, Workflows] = {
    "two writers": with_ledger(Generous),
    "over limits": with_ledger(Lavish),
    "doubled rung": with_escalation(Insistent),
    "lost page": with_escalation(Silent),
    "deaf": with_part("notifications", Deaf),
    "not reverted": with_part("undoing", Forgetful),
    "circle": with_part("remediation", Greedy),
}
"""By the rule that each breaks."""
