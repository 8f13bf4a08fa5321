"""HighApiCosts: every row of its causes table, two bills at once, and the ways in which it must not act."""

from __future__ import annotations

from tests.parts.scenarios.scenario import Scenario
from tests.workflows import bills
from tests.workflows.bills import CONFIGURED, billed
from tests.workflows.rows import Row

SCENARIOS: tuple[Scenario, ...] = ()

FEWER_PRODUCTS = "set MAX_PRODUCTS_PER_RUN=10 in the environment of backend and recreate it"
FEWER_VIDEOS = "set MAX_VIDEOS_PER_RUN=5 in the environment of backend and recreate it"
ONCE_A_DAY = "set DAILY_LOOP_INTERVAL=86400 in the environment of backend and recreate it"
EVERYTHING = (
    "set DAILY_LOOP_INTERVAL=86400, MAX_PRODUCTS_PER_RUN=10, MAX_VIDEOS_PER_RUN=5 in the environment of"
    " backend and recreate it"
)
PAUSED = "pause the schedule speech of backend"

ROWS = (
    Row(
        "over already",
        billed(bills.WITHIN, coming={"costs": [bills.spent_at_once(bills.AT)] * 3}),
        configuration=CONFIGURED,
    ),
    Row(
        "over already",
        billed(bills.STILL_HIGH, coming={"costs": [bills.spent_at_once(bills.AT)] * 3}),
        configuration=CONFIGURED,
        variant="and it spends again",
        needs_a_human=True,
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
        billed(bills.bill(elevenlabs=20), open_executions=bills.STUCK),
        configuration=CONFIGURED,
        variant="one workflow that no schedule started",
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
