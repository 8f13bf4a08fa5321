"""What is still to be mended once an incident is over, for each cause of the runbooks' tables.

A fix by the product mostly helps, and rarely mends: a restart ends no leak.
"""

from __future__ import annotations

from typing import NamedTuple


class Unmended(NamedTuple):
    """What a person must still do about a cause."""

    says: str
    seen: str = ""
    """The looks whose words say more, by name, with a space between them."""
    again: bool = False
    """Whether it comes back after the service ran for as long as it had run."""
    by_its_error: bool = False
    """Whether the last error in its log says why."""
    not_seen: str = ""
    """What its name leaves open, where that names a place and no reason."""


_LEAK = Unmended("the leak is still there: profile its memory, and find it", "memory", again=True)
_PAID = Unmended("find out what made it cost more, and mend that", "costs")
_DATABASE = Unmended("find out why the database was lost: its own incident has a review", "dependencies")
_DEPLOYMENT = Unmended("find out what the deployment broke, and add a test for it")
_CALLED = Unmended("find out from the provider what happened, and how to do without it the next time")
_CREDENTIALS = Unmended(
    "find out why the key became invalid, and who knows when the next one ends; warn before it expires"
)

UNMENDED = {
    "memory leak": _LEAK,
    "leak": _LEAK,
    "leak since the deployment": _LEAK,
    "emitter leak": _LEAK,
    "grows again after a restart": _LEAK,
    "short of memory": Unmended("find out what needs the memory: profile it", "memory", again=True),
    "cache bloat": Unmended("give the cache a bound, or it fills up again", "memory", again=True),
    "cache without a bound": Unmended("give the cache a bound, or it fills up again", "memory", again=True),
    "memory spike": Unmended("have what ran then done in smaller parts", "memory"),
    "out of memory": Unmended("find out what needs the memory: a higher limit or a restart only delays it"),
    "crash": Unmended("find out why it crashed: it was only started again", "process", by_its_error=True),
    "crash loop": Unmended("find out why it crashes, and mend that", by_its_error=True),
    "hung": Unmended("find out why it hung: a restart only ended it"),
    "stopped by somebody": Unmended("find out who stopped it, and why"),
    "port conflict": Unmended("find out what starts the other process, or it takes the port again", "port"),
    "resources exhausted": Unmended("find out what uses them up, and plan for as much", "cpu"),
    "out of capacity": Unmended("find out why there is more to do, and plan for as much", "cpu"),
    "busy CPU": Unmended("profile its code, and find what keeps the CPU busy", "cpu"),
    "more traffic": Unmended("find out whether the traffic stays, and plan for as much"),
    "retry loop": Unmended(
        "find out why it is started so often, or tried again and again, and bound that",
        "starts open_executions retries",
    ),
    "high token use": _PAID,
    "heavy generation": _PAID,
    "too many videos": _PAID,
    "invalid credentials": _CREDENTIALS,
    "wrong credentials": _CREDENTIALS,
    "clock wrong": Unmended("find out why the clock is wrong, and have it kept right"),
    "rate limit": Unmended("call less, or have the limit raised, before it is reached again"),
    "loop crashed": Unmended("find out why the loop failed, and mend that", "schedules"),
    "API error": Unmended("find out why the API failed: it may fail again"),
    "paused": Unmended("find out who paused the schedule, and why"),
    "one platform fell": Unmended(
        "find out why this platform fell: its account, its API, its algorithm, its links",
        "platforms",
        not_seen="why it fell is not known: its account, API, algorithm and links were not looked at",
    ),
    "products that lose money": Unmended("decide which of these products to stop", "product_returns"),
    "no videos": Unmended("find out why no videos come", "last_video"),
    "workflow crashed": Unmended("find out why the workflow failed, and mend its code"),
    "workflow failures": Unmended("find out why these workflows fail, and mend their code", "executions"),
    "budget hit": Unmended("find out what used the budget up, or plan for a larger one"),
    "bad deployment": _DEPLOYMENT,
    "database lost": _DATABASE,
    "database blamed": _DATABASE,
    "database deadlock": Unmended("find the statements that wait for each other, and change their order"),
    "pool exhausted": Unmended("find what keeps its connections, and have it give them back", "sessions"),
    "connection limit": Unmended("find what keeps its connections, and have it give them back", "sessions"),
    "disk full": Unmended("find out what fills the disk, and bound it", "host"),
    "external API down": _CALLED,
    "provider down": _CALLED,
    "slow provider": _CALLED,
    "locks": Unmended("find out why the locks were held for so long", "sessions"),
    "old statistics": Unmended("find out why autovacuum did not renew the statistics"),
    "network": Unmended("find out who took it off the network, and have its configuration keep it there"),
}
"""By the name of the cause. What is not here is to be found out all the same."""

NOTHING_LEFT = frozenset(
    {
        "over already",
        "starting",
        "recovering",
        "weekly pattern",
        "not due yet",
        "restarted meanwhile",
        "grows with the traffic",
        "a cache that levels off",
        "one step",
        "grows no more",
    }
)
"""Causes of which the table itself says that nothing is to be done."""
