"""NoProductsSynced: every row of its causes table, and the ways in which it must not act."""

from __future__ import annotations

from typing import Any

from tests.parts.scenarios.scenario import Scenario
from tests.workflows import product_sights, sights
from tests.workflows.product_sights import LOOP, NEVER, STALE, logged
from tests.workflows.rows import Row
from tests.workflows.scenes import Scene, scene

SCENARIOS: tuple[Scenario, ...] = ()

SYNC = "sync the products of backend"
FEWER = "sync the products of backend with limit 10"
UNPAUSE = f"unpause the schedule {LOOP} of backend"
WARNING: dict[str, Any] = {
    "services": {
        "backend": {
            "api": {"url": "http://localhost:3000", "smaller_sync": {"limit": 10}},
            "temporal": {"address": "localhost:7233", "schedules": [LOOP]},
        }
    },
    "alerts": {"NoProductsSynced": {"severity": "warning"}},
    "contacts": {"Content Team": ["mail"]},
    "specialists": {"api": "Content Team"},
}


def stale(**changes: object) -> Scene:
    """The service is well; its products are three hours old."""
    fields = {"health": sights.HEALTHY, "process": sights.RUNNING, "last_sync": STALE}
    return scene(**{**fields, **changes})


_OF_THE_ROW = ("asks", "needs_a_human", "person_first", "also_seen", "pages")


def _row(cause: str, variant: str = "", *, done: tuple[str, ...] = (), **more: Any) -> Row:
    about = {key: value for key, value in more.items() if key in _OF_THE_ROW}
    seen = {key: value for key, value in more.items() if key not in _OF_THE_ROW}
    return Row(cause, stale(**seen), done=done, variant=variant, configuration=WARNING, **about)


CRASHED = ("loop crashed",)

ROWS = (
    _row("paused", schedules=product_sights.FORGOTTEN, done=(UNPAUSE, SYNC)),
    _row(
        "paused on purpose",
        schedules=product_sights.MEANT,
        asks=True,
        done=(UNPAUSE, SYNC),
        also_seen=("paused",),
    ),
    _row("rate limit", schedules=product_sights.LIMIT_OVER, done=(FEWER,), also_seen=CRASHED),
    _row(
        "invalid credentials",
        schedules=product_sights.REFUSED,
        person_first=True,
        asks=True,
        done=("recreate backend", SYNC),
        also_seen=CRASHED,
        pages=("On-Call", "Content Team"),
    ),
    _row("clock wrong", schedules=product_sights.EXPIRED, needs_a_human=True, also_seen=CRASHED),
    _row("API error", schedules=product_sights.BROKEN, done=(SYNC,), also_seen=CRASHED),
    _row("loop crashed", schedules=product_sights.CRASHED, done=(SYNC,)),
    _row("loop crashed", "stuck", schedules=product_sights.STUCK, done=(SYNC,)),
    _row("no further run", schedules=product_sights.OVER, needs_a_human=True),
    _row("not due yet", schedules=product_sights.NOT_YET, last_sync=NEVER, asks=True, done=(SYNC,)),
    _row("not due yet", "it went well", schedules=product_sights.WENT_WELL, asks=True, done=(SYNC,)),
    _row("unknown", asks=True, done=(SYNC,)),
    _row(
        "rate limit",
        "as its log says, of a shop that others name too",
        logs=logged("429 from openai", "Amazon: 429 Too Many Requests, retry after 1 s"),
        schedules=product_sights.QUIET,
        done=(FEWER,),
    ),
)
