"""All that a cause is recognised by, a look is asked about, and a fix is made from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.evidence.seen import Looked, R_co, Seen
    from models.incident.policy import Policy
    from models.service.service import Service
    from models.text import shorten

LONGEST = 300
"""Characters of one reason."""


@dataclass(frozen=True)
class Situation:
    """One moment of an incident: what was seen so far, and what the policy says."""

    seen: Seen
    policy: Policy
    service: Service
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of the alert: data, which is only ever compared with what the configuration names."""
    points: tuple[str, ...] = ()
    """The looks by which its cause was named; none before that."""
    since: datetime | None = None
    """When its alert began; None where there is none."""

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
        """What is wrong, in one sentence: what is bad of what points to the cause, else the first that is."""
        bad = {name: one.reason for name, one in self.seen.by_name.items() if one.bad}
        points = (f"{name}: {shorten(bad[name], LONGEST)}" for name in self.points if name in bad)
        return "; ".join(points) or next(iter(bad.values()), "no evidence is bad")

    @property
    def newest(self) -> datetime | None:
        """When the newest of what was seen was read."""
        return max((one.observed_at for one in self.seen.by_name.values() if one.observed_at), default=None)


Matches = Callable[[Situation], bool]


def what_points(matches: Matches, now: Situation) -> tuple[str, ...]:
    """The names of the looks that a row matches by; where one of several is enough, each of these.

    Each look is taken away in turn, as if it had not been taken: so no row lists its evidence a second time.
    Empty where it matches whatever was seen.
    """
    names = tuple(now.seen.by_name)
    if matches(_with_only((), now)):
        return ()
    needed = [name for name in names if not matches(_with_only((one for one in names if one != name), now))]
    if matches(_with_only(needed, now)):
        return tuple(needed)
    enough = [name for name in names if name not in needed and matches(_with_only((*needed, name), now))]
    bad = [name for name in names if now.seen.by_name[name].bad]
    return tuple(name for name in names if name in {*needed, *(enough or bad)})


def pointing(names: Iterable[str], now: Situation) -> str:
    """`process: exited with code 1`; several with a semicolon between them."""
    seen = now.seen.by_name
    return "; ".join(f"{name}: {shorten(seen[name].sign, LONGEST)}" for name in names)


def _with_only(names: Iterable[str], now: Situation) -> Situation:
    return replace(now, seen=Seen({name: now.seen.by_name[name] for name in names}))
