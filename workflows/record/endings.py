"""The exceptions that end a runbook early.

Ending
├── SelfRecovered      the check shows that the alert is no longer true
├── ResolvedElsewhere  the alert was resolved before anything was done
├── ClosedByHuman      a person said that it is done
│   └── Cancelled      a person had the run cancelled
├── Escalated          a person must continue; the incident stays open
│   ├── PerhapsDone    what was ordered may have been done: that is unknown
│   ├── Expired            nobody answered a question in time
│   ├── Denied         a person denied the plan, and has the incident now
│   ├── Refused        the steward of the service refuses it, for a typed reason
│   └── Throttled      what was ordered was refused for now: it may be asked for again later
└── Withdrawn          another incident had the service; look again afterwards
    └── StandsStill    its steward refused because of maintenance, or of the kill switch
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.actions.plan import Plan
    from models.incident.refusal import Refusal


class Ending(Exception):
    """Raised by an incident's verbs, caught by `Life` alone."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class SelfRecovered(Ending):
    pass


class ResolvedElsewhere(Ending):
    pass


class ClosedByHuman(Ending):
    pass


class Cancelled(ClosedByHuman):
    pass


class Escalated(Ending):
    has_it: str = ""
    """The person who has the incident already: nobody else is paged at once."""


class Expired(Escalated):
    pass


class Denied(Escalated):
    def __init__(self, why: str, by: str) -> None:
        super().__init__(why)
        self.has_it = by


class PerhapsDone(Escalated):
    """`plan` is what was ordered."""

    def __init__(self, why: str, plan: Plan) -> None:
        super().__init__(why)
        self.plan = plan


class Refused(Escalated):
    """`refusal` says what lifts it: an incident that has the time waits for that, and looks again."""

    def __init__(self, why: str, refusal: Refusal) -> None:
        super().__init__(why)
        self.refusal, self.has_it = refusal, refusal.by


class Throttled(Escalated):
    """`after` is how long to wait. A page that does not wait is escalated."""

    def __init__(self, why: str, after: timedelta) -> None:
        super().__init__(why)
        self.after = after


class Withdrawn(Ending):
    pass


class StandsStill(Withdrawn):
    pass
