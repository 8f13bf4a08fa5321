"""HighApiCosts: every row of its causes table, two bills at once, and the ways in which it must not act."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from temporalio.client import Client

from demo.faults.costs import is_over
from demo.faults.fault import OBSERVED
from demo.orchestrator.speech import SPEECH
from demo.systems.temporal import AFFILIATE
from models.incident.incident import Outcome
from tests.parts.product.pipeline import Pipeline, Run
from tests.parts.scenarios.play import Played
from tests.parts.scenarios.scenario import Scenario
from tests.workflows import bills, sights
from tests.workflows.bills import CONFIGURED, billed
from tests.workflows.rows import Row

STAYS = "verification: $"
SAVED = "verification: the pace is within the budget: now $"


def at_warning(content: dict[str, Any]) -> None:
    """As it is shipped: each change asks."""
    content["alerts"]["HighApiCosts"]["severity"] = "warning"


_row = partial(Scenario, runbook="HighApiCosts", stack=OBSERVED, configure=at_warning)


def settings_of(pipeline: Pipeline) -> str:
    return pipeline.stack.services.backend.env_file.read_text()


async def only_its_own_setting(pipeline: Pipeline, _: Played) -> None:
    """Comments and the other settings stand as they did, and the old file is kept."""
    text = settings_of(pipeline)
    assert "MAX_PRODUCTS_PER_RUN=10" in text
    assert "DAILY_LOOP_INTERVAL=3600" in text
    assert "BACKGROUND_JOBS=0  # each keeps a connection of the pool" in text
    file = pipeline.stack.services.backend.env_file
    kept = max(file.parent.glob(f"{file.name}.*.bak"))
    assert "MAX_PRODUCTS_PER_RUN=200" in kept.read_text()


async def the_worker_dies(pipeline: Pipeline, run: Run) -> None:
    """While the pace is waited for; another one goes on."""
    await pipeline.until_state(run, "a wait", lambda state: bool(state.waits_for))
    await pipeline.stack.worker.kill()
    await pipeline.stack.worker.start()


async def once_a_day(pipeline: Pipeline, _: Played) -> None:
    assert "DAILY_LOOP_INTERVAL=86400" in settings_of(pipeline)


async def every_setting_saves(pipeline: Pipeline, _: Played) -> None:
    lines = settings_of(pipeline).splitlines()
    expected = {"DAILY_LOOP_INTERVAL=86400", "MAX_PRODUCTS_PER_RUN=10", "MAX_VIDEOS_PER_RUN=5"}
    assert expected | {"SENTRY_TRACES_SAMPLE_RATE=0.05"} <= set(lines)


async def schedule_is_paused(pipeline: Pipeline, _: Played) -> None:
    """With the reason in its note; a person unpauses it."""
    client = await Client.connect(pipeline.stack.temporal.address, namespace=AFFILIATE)
    schedule = client.get_schedule_handle(SPEECH)
    state = (await schedule.describe()).schedule.state
    assert state.paused
    assert state.note and "GenerateSpeech was started" in state.note
    await schedule.unpause()


async def still_spends(pipeline: Pipeline, _: Played) -> None:
    assert not await is_over(pipeline.stack.services)


async def nothing_was_changed(_: Pipeline, played: Played) -> None:
    assert played.review.performed == ()


SCENARIOS = (
    _row(
        name="many tokens",
        cause="high token use",
        faults=("costs-tokens",),
        action=("set-environment",),
        says=("set MAX_PRODUCTS_PER_RUN=10", "-MAX_PRODUCTS_PER_RUN=200", "most of what is more: openai"),
        approved_by=("anna",),
        timeline=(SAVED,),
        evidence={"savings": "would save"},
        afterwards=only_its_own_setting,
    ),
    _row(
        name="a loop that runs too often, and the worker dies in the wait",
        cause="heavy generation",
        faults=("costs-generation",),
        action=("set-environment",),
        says=("set DAILY_LOOP_INTERVAL=86400", "most of what is more: anthropic"),
        approved_by=("anna",),
        timeline=(SAVED,),
        meanwhile=the_worker_dies,
        afterwards=once_a_day,
    ),
    _row(
        name="a schedule that loops",
        cause="retry loop",
        faults=("costs-loop",),
        action=("pause-schedule",),
        says=("by the schedule generate-speech", "lines of retries at elevenlabs"),
        approved_by=("anna",),
        timeline=(SAVED,),
        evidence={"starts": "GenerateSpeech", "retries": "elevenlabs"},
        afterwards=schedule_is_paused,
    ),
    _row(
        name="one workflow that is tried for ever",
        cause="retry loop",
        faults=("costs-endless-retry",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("GenerateSpeech clip-of-product-7", "activity synthesize is at attempt", "/workflows/clip"),
        afterwards=still_spends,
    ),
    _row(
        name="many videos and many tokens",
        cause="too many videos",
        faults=("costs-two-bills",),
        action=("set-environment",),
        says=("set MAX_VIDEOS_PER_RUN=5",),
        approved_by=("anna",),
        timeline=("ruled out: high token use", SAVED),
    ),
    _row(
        name="spent at once, and over",
        cause="over already",
        faults=("costs-at-once",),
        timeline=("nothing is changed", STAYS),
        afterwards=nothing_was_changed,
    ),
    _row(
        name="a provider that nobody configured",
        cause="unknown",
        faults=("costs-elsewhere",),
        action=("set-environment",),
        says=("set DAILY_LOOP_INTERVAL=86400, MAX_PRODUCTS_PER_RUN=10", "most of what is more: runway"),
        approved_by=("anna",),
        timeline=(SAVED,),
        afterwards=every_setting_saves,
    ),
    _row(
        name="somebody else uses the key",
        cause="high token use",
        faults=("costs-stolen-key",),
        action=("set-environment",),
        approved_by=("anna",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("the change did not save enough",),
        afterwards=still_spends,
    ),
    _row(name="within the budget", cause="", outcome=Outcome.SELF_RECOVERED),
    _row(
        name="Prometheus is down",
        cause="",
        faults=("prometheus-down",),
        outcome=Outcome.CLOSED_BY_HUMAN,
        timeline=("could not verify the alert", "no action taken"),
    ),
)

FEWER_PRODUCTS = "set MAX_PRODUCTS_PER_RUN=10 in the environment of backend and recreate it"
FEWER_VIDEOS = "set MAX_VIDEOS_PER_RUN=5 in the environment of backend and recreate it"
ONCE_A_DAY = "set DAILY_LOOP_INTERVAL=86400 in the environment of backend and recreate it"
EVERYTHING = (
    "set DAILY_LOOP_INTERVAL=86400, MAX_PRODUCTS_PER_RUN=10, MAX_VIDEOS_PER_RUN=5 in the environment of"
    " backend and recreate it"
)
PAUSED = "pause the schedule speech of backend"
WEEKS_LATER = bills.AT + timedelta(weeks=3)

ROWS = (
    Row(
        "over already",
        billed(bills.WITHIN, coming={"costs": [bills.spent_at_once(bills.AT)] * 3}),
        configuration=CONFIGURED,
        pages=(),
    ),
    Row(
        "over already",
        billed(bills.STILL_HIGH, coming={"costs": [bills.spent_at_once(bills.AT)] * 3}),
        configuration=CONFIGURED,
        variant="and it spends again",
        needs_a_human=True,
    ),
    Row(
        "over already",
        billed(bills.WITHIN, coming={"costs": [bills.as_each_day(bills.AT)] * 3}),
        configuration=CONFIGURED,
        variant="and the batch of each day runs",
        pages=(),
    ),
    Row(
        "retry loop",
        billed(bills.bill(elevenlabs=20), starts=bills.often(), retries=bills.MANY_RETRIES),
        configuration=CONFIGURED,
        asks=True,
        done=(PAUSED,),
    ),
    Row(
        "retry loop",
        billed(bills.bill(elevenlabs=20), open_executions=bills.stuck()),
        configuration=CONFIGURED,
        variant="one workflow that no schedule started",
        needs_a_human=True,
    ),
    Row(
        "unknown",
        billed(bills.bill(elevenlabs=1.7, openai=1.6, pika=1.5), open_executions=bills.stuck()),
        configuration=CONFIGURED,
        variant="a workflow that is tried for ever, and costs little",
        asks=True,
        done=(EVERYTHING,),
    ),
    Row(
        "high token use",
        billed(
            bills.bill(openai=20).model_copy(update={"observed_at": WEEKS_LATER}),
            open_executions=bills.stuck(),
        ),
        configuration=CONFIGURED,
        variant="and a workflow that is tried for ever, since long before",
        asks=True,
        done=(FEWER_PRODUCTS,),
    ),
    Row(
        "retry loop",
        billed(bills.bill(elevenlabs=20), open_executions=bills.stuck(schedule="speech")),
        configuration=CONFIGURED,
        variant="one workflow, which a pause of its schedule would not end",
        needs_a_human=True,
    ),
    Row(
        "retry loop",
        billed(bills.bill(elevenlabs=20), starts=bills.often(schedule="another")),
        configuration=CONFIGURED,
        variant="a schedule that may not be touched",
        needs_a_human=True,
    ),
    Row(
        "high token use",
        billed(bills.bill(openai=20, pika=1.5)),
        configuration=CONFIGURED,
        asks=True,
        done=(FEWER_PRODUCTS,),
    ),
    Row(
        "high token use",
        billed(bills.bill(openai=20), savings=bills.NOTHING_SAVES),
        configuration=CONFIGURED,
        variant="everything saves already",
        needs_a_human=True,
    ),
    Row(
        "high token use",
        billed(bills.bill(openai=20), process=sights.stopped(sights.LONG_AGO), health=sights.REFUSED),
        configuration=CONFIGURED,
        variant="somebody stopped the service so that it costs no more",
        needs_a_human=True,
    ),
    Row(
        "heavy generation",
        billed(bills.bill(anthropic=20)),
        configuration=CONFIGURED,
        asks=True,
        done=(ONCE_A_DAY,),
    ),
    Row(
        "too many videos",
        billed(bills.bill(pika=20)),
        configuration=CONFIGURED,
        asks=True,
        done=(FEWER_VIDEOS,),
    ),
    Row(
        "too many videos",
        billed(bills.bill(pika=20, openai=9)),
        configuration=CONFIGURED,
        variant="and many tokens",
        asks=True,
        done=(FEWER_VIDEOS,),
    ),
    Row(
        "unknown",
        billed(bills.bill(replicate=20)),
        configuration=CONFIGURED,
        asks=True,
        done=(EVERYTHING,),
    ),
    Row(
        "unknown",
        billed(bills.bill(elevenlabs=20), retries=bills.MANY_RETRIES),
        configuration=CONFIGURED,
        variant="only its log tells of retries",
        asks=True,
        done=(EVERYTHING,),
    ),
)
