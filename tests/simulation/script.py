"""The script of one episode: what happens and when. It is drawn from a seed, and small enough to read."""

from __future__ import annotations

import hashlib
from random import Random

from models.base import Model

TROUBLES = (
    "answers are lost",
    "looks fail",
    "notifications come twice",
    "notifications come late",
    "histories are long",
)
"""What goes wrong by itself, again and again. What exactly it hits is decided by the seed."""

FAULTS = {
    "ServiceDown/backend": (("backend", "crashed"), ("backend", "hung"), ("postgres", "crashed")),
    "HighErrorRate/backend": (
        ("backend", "provider down"),
        ("backend", "provider down"),
        ("backend", "failing"),
        ("postgres", "deadlocked"),
        ("postgres", "crashed"),
    ),
    "DatabaseConnectionFailure/postgres": (("postgres", "crashed"), ("postgres", "hung")),
    "ServiceDown/frontend": (("frontend", "crashed"), ("postgres", "crashed")),
    "DiskSlow/backend": (("backend", "failing"),),
}
"""The alerts, and what may lie behind each."""

SAID = ("approve", "approve", "approve", "deny", "acknowledge", "done", "note", "cancel")
STEWARDS = ("steward/backend", "steward/postgres")
CHANNELS = ("pager", "discord", "mail", "slack")
SEVERITIES = ("critical", "critical", "warning", "info")


class Event(Model):
    """At this second: `what` happens to whom it is `about`, and `how`."""

    at: float
    what: str
    about: str
    how: str = ""


class Script(Model):
    """Everything that an episode depends on: the same script is the same episode."""

    seed: int
    troubles: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()

    def chance(self, of: str) -> float:
        """Between 0 and 1; the same for the same thing, whatever else stands in the script."""
        digest = hashlib.blake2b(f"{self.seed}/{of}".encode(), digest_size=6).digest()
        return int.from_bytes(digest) / 2**48


def draw(seed: int) -> Script:
    """One to four alerts with their faults, and what people, stewards and workers do meanwhile."""
    dice = Random(seed)
    events: list[Event] = []
    alerts = [dice.choice(list(FAULTS)) for _ in range(dice.choice((1, 1, 2, 2, 3, 4, 7)))]
    began = 0.0
    for alert in alerts:
        began += dice.choice((0, 1, 7, 60, 300, 900))
        events += _alert(alert, began, dice)
    for _ in range(dice.choice((0, 1, 2, 3, 5, 8))):
        events.append(_meanwhile(dice.choice(alerts), began, dice))
    troubles = tuple(one for one in TROUBLES if dice.random() < 0.4)
    return Script(seed=seed, troubles=troubles, events=tuple(sorted(events, key=lambda one: one.at)))


def _alert(alert: str, began: float, dice: Random) -> list[Event]:
    service, fault = dice.choice(FAULTS[alert])
    if dice.random() < 0.3:
        fault = f"{fault}, and nothing helps"
    how = f"{dice.choice('ab')} {dice.choice(SEVERITIES)}"
    events = [
        Event(at=began, what="breaks", about=service, how=fault),
        Event(at=began + dice.choice((0, 5, 60)), what="fires", about=alert, how=how),
    ]
    if dice.random() < 0.7:
        over = began + dice.choice((3, 20, 90, 301, 400, 1200, 2400))
        events.append(Event(at=over, what="resolves", about=alert, how=how))
        if dice.random() < 0.3:
            again = over + dice.choice((1, 30, 200))
            events.append(Event(at=again, what="fires", about=alert, how=how))
    if dice.random() < 0.3:
        well = began + dice.choice((10, 120, 600, 1800))
        events.append(Event(at=well, what="recovers", about=service))
    return events


def _meanwhile(alert: str, began: float, dice: Random) -> Event:
    at = float(dice.choice((dice.randrange(30), dice.randrange(int(began) + 400), dice.randrange(4000))))
    services, instance = ("backend", "postgres", "frontend"), f"{dice.choice('ab')} {dice.choice(SEVERITIES)}"
    what, about, how = dice.choice(
        (
            *((("says", alert, dice.choice(SAID)),) * 8),
            *((("terminated", dice.choice((alert, *STEWARDS)), ""),) * 2),
            ("away", "workers", dice.choice(("2", "15", "90", "700"))),
            ("switch", "control-room", dice.choice(("suspend", "suspend", "resume"))),
            ("channel", dice.choice(CHANNELS), dice.choice(("down", "down", "up"))),
            ("fires", alert, instance),
            ("recovers", dice.choice(services), ""),
        )
    )
    return Event(at=at, what=what, about=about, how=how)
