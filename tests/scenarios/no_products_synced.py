"""NoProductsSynced: every row of its causes table, and the ways in which it must not act."""

from __future__ import annotations

from functools import partial
from typing import Any

from demo.faults.fault import OBSERVED
from demo.faults.products import is_synced, loop_of
from models.incident.incident import Outcome, Spoken, Through
from tests.parts.product.pipeline import Pipeline, Run
from tests.parts.product.signing import signer_of, tell
from tests.parts.scenarios.play import Played
from tests.parts.scenarios.scenario import Scenario
from tests.workflows import product_sights, sights
from tests.workflows.product_sights import LOOP, NEVER, STALE, logged
from tests.workflows.rows import Row
from tests.workflows.scenes import Scene, scene

_scenario = partial(Scenario, runbook="NoProductsSynced", stack=OBSERVED)


async def a_person_says_done(pipeline: Pipeline, run: Run) -> None:
    """They renewed the key; the backend does not run with it yet."""
    await pipeline.until_state(run, "asks a person", lambda state: bool(state.waits_for))
    words = Spoken(by="lena", through=Through.INTAKE, text="the key is renewed")
    await tell(run, "done", words, signer_of(pipeline.stack))


async def the_worker_is_killed(pipeline: Pipeline, run: Run) -> None:
    """In the middle of the wait; another one goes on with it."""
    await pipeline.until_state(run, "waits", lambda state: "rate limit" in state.waits_for)
    await pipeline.stack.worker.kill()
    await pipeline.stack.worker.start()


async def is_unpaused(pipeline: Pipeline, _: Played) -> None:
    assert not (await (await loop_of(pipeline.stack.services)).describe()).schedule.state.paused


async def is_still_paused(pipeline: Pipeline, _: Played) -> None:
    assert (await (await loop_of(pipeline.stack.services)).describe()).schedule.state.paused


async def are_as_old_as_before(pipeline: Pipeline, _: Played) -> None:
    assert not await is_synced(pipeline.stack.services)


def another_path(content: dict[str, Any]) -> None:
    content["services"]["backend"]["api"]["paths"] = {"last_sync": "/api/nowhere"}


SCENARIOS = (
    _scenario(
        name="paused, and forgotten",
        cause="paused",
        faults=("products-paused",),
        action=("unpause-schedule", "sync-products"),
        evidence={"schedules": "with the note: Paused via Python SDK", "last_sync": "synced"},
        afterwards=is_unpaused,
    ),
    _scenario(
        name="paused on purpose",
        cause="paused on purpose",
        faults=("products-paused-on-purpose",),
        action=("unpause-schedule", "sync-products"),
        approved_by=("anna",),
        evidence={"schedules": "ask lena"},
        also_seen=("paused",),
    ),
    _scenario(
        name="the shop answers 429",
        cause="rate limit",
        faults=("products-limited",),
        action=("sync-products",),
        says=("with limit 5",),
        also_seen=("loop crashed",),
        timeline=("the rate limit of where the products come from",),
        evidence={"schedules": "Amazon answered 429 TooManyRequests"},
        meanwhile=the_worker_is_killed,
    ),
    _scenario(
        name="the shop answers 429, and the schedule is paused",
        cause="rate limit",
        faults=("products-limited-and-paused",),
        action=("unpause-schedule", "sync-products"),
        says=("with limit 5",),
        also_seen=("paused", "loop crashed"),
    ),
    _scenario(
        name="429 only when it is asked",
        cause="loop crashed",
        faults=("products-limited-when-asked",),
        action=("sync-products", "sync-products"),
        says=("answered 429", "with limit 5"),
        timeline=("the rate limit of where the products come from",),
    ),
    _scenario(
        name="invalid credentials",
        cause="invalid credentials",
        faults=("products-key-renewed",),
        action=("recreate-service", "sync-products"),
        also_seen=("loop crashed",),
        timeline=("renew the credentials", "page to content-team"),
        evidence={"schedules": "UnrecognizedClient"},
        meanwhile=a_person_says_done,
    ),
    _scenario(
        name="the clocks differ",
        cause="clock wrong",
        faults=("products-clock-off",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        also_seen=("loop crashed",),
        timeline=("set the clock",),
        afterwards=are_as_old_as_before,
    ),
    _scenario(
        name="the shop stumbles",
        cause="API error",
        faults=("products-shop-stumbles",),
        action=("sync-products",),
        also_seen=("loop crashed",),
        says=("answered 202",),
        evidence={"schedules": "Amazon answered 500"},
    ),
    _scenario(
        name="the shop answers every request with an error",
        cause="API error",
        faults=("products-shop-fails",),
        action=("sync-products",),
        also_seen=("loop crashed",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("the fix failed",),
        afterwards=are_as_old_as_before,
    ),
    _scenario(
        name="the loop crashes",
        cause="loop crashed",
        faults=("products-loop-crashes",),
        action=("sync-products",),
        evidence={"schedules": "cannot read the price"},
    ),
    _scenario(
        name="the schedule has ended",
        cause="no further run",
        faults=("products-no-further-run",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("make the schedule anew",),
        afterwards=are_as_old_as_before,
    ),
    _scenario(
        name="the first day",
        cause="not due yet",
        faults=("products-not-run-yet",),
        action=("sync-products",),
        approved_by=("anna",),
        evidence={"schedules": "it has not run yet"},
    ),
    _scenario(
        name="unknown",
        cause="unknown",
        faults=("products-nothing-given",),
        action=("sync-products",),
        approved_by=("anna",),
    ),
    _scenario(
        name="products are synced",
        cause="",
        outcome=Outcome.SELF_RECOVERED,
        timeline=("the alert is not true any more",),
    ),
    _scenario(
        name="the API has another path",
        cause="",
        faults=("products-paused",),
        configure=another_path,
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("could not verify the alert", "paths.last_sync"),
        afterwards=is_still_paused,
    ),
)

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
