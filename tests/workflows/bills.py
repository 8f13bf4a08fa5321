"""How high bills look in the scripted world: what costs how much, what loops, and what saves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from activities.app.open_executions import OpenExecutionsSeen, StuckExecution
from activities.app.starts import StartedType, StartsSeen
from activities.files.savings import Saving, SavingsSeen
from activities.monitoring.costs import ApiSpend, CostsSeen, Step
from activities.service.retries import RetriesOf, RetriesSeen
from models.evidence.evidence import Finding
from tests.workflows import sights
from tests.workflows.scenes import Scene, scene

AT = sights.LONG_AGO
APIS: dict[str, dict[str, Any]] = {
    "openai": {"because_of": "tokens"},
    "anthropic": {"because_of": "generation"},
    "pika": {"because_of": "videos"},
    "elevenlabs": {"because_of": "loops", "workflows": ["GenerateSpeech"]},
}
CONFIGURED: dict[str, Any] = {
    "services": {
        "backend": {
            "costs": {"prometheus": "http://localhost:9090", "apis": APIS, "pace_over": "1m"},
            "temporal": {"address": "localhost:7233", "schedules": ["daily-control-loop", "speech"]},
        }
    }
}
"""The pace of its budget is some four dollars an hour; a minute of it proves enough here."""

WITHIN = CostsSeen(finding=Finding.OK, reason="$40 in the last 24 h", total=40, pace=1.0, projected=60)
BLIND = CostsSeen(reason="the spend is not known: Prometheus cannot be asked")


def bill(**paces: float) -> CostsSeen:
    """More was spent than the budget allows; each provider costs so much an hour, and usually one dollar."""
    apis = [ApiSpend(api=api, total=60, pace=pace, usual_pace=1) for api, pace in paces.items()]
    return CostsSeen(
        finding=Finding.BAD,
        reason="$140 in the last 24 h, against a budget of $100",
        apis=tuple(sorted(apis, key=lambda one: -one.more)),
        total=140,
        pace=sum(paces.values()),
        projected=400,
    )


def spent_at_once(until: datetime) -> CostsSeen:
    """Most of it within an hour, and little since."""
    step = Step(since=until - timedelta(hours=1), until=until, spent=130)
    return bill(openai=0.5).model_copy(update={"step": step})


def as_each_day(until: datetime) -> CostsSeen:
    """The same, while the videos of each day are made."""
    daily = ApiSpend(api="pika", total=20, pace=20, usual_pace=20)
    seen = spent_at_once(until)
    return seen.model_copy(update={"apis": (*seen.apis, daily), "pace": 20.5})


STILL_HIGH = bill(openai=9, pika=8)
CALM_STARTS = StartsSeen(finding=Finding.OK, reason="workflows started in the last 1 h: Loop (1)")
NONE_STUCK = OpenExecutionsSeen(finding=Finding.OK, reason="3 workflows are open")
NO_RETRIES = RetriesSeen(finding=Finding.OK, reason="0 of the last 90 lines tell of retries")
MANY_RETRIES = RetriesSeen(
    finding=Finding.BAD,
    reason="300 of the last 900 lines tell of retries: elevenlabs (300)",
    of=(RetriesOf(api="elevenlabs", lines=300, newest="elevenlabs: retry 299, exponential backoff"),),
)


def often(workflow_type: str = "GenerateSpeech", schedule: str = "speech") -> StartsSeen:
    """A type of workflow that is started far more often than usual."""
    one = StartedType(
        type=workflow_type, starts=300, usual=2.0, too_many=True, schedule=schedule, workflow_id="speech-1"
    )
    return StartsSeen(finding=Finding.BAD, reason=f"started far more often: {workflow_type}", types=(one,))


def stuck(schedule: str = "") -> OpenExecutionsSeen:
    """One workflow, a step of which is tried for ever."""
    one = StuckExecution(
        type="GenerateSpeech",
        workflow_id="speech-7",
        run_id="0192",
        since=AT,
        why="activity synthesize is at attempt 412: the upload failed",
        attempts=412,
        schedule=schedule,
        link="http://temporal/speech-7",
    )
    return OpenExecutionsSeen(finding=Finding.BAD, reason="1 of 3 open workflows are stuck", stuck=(one,))


def _saving(**values: str) -> Saving:
    return Saving(values=values, diff="\n".join(f"+{key}={value}" for key, value in values.items()))


SAVINGS = SavingsSeen(
    finding=Finding.OK,
    reason="in .env: much would save",
    file=".env",
    options={
        "openai": _saving(MAX_PRODUCTS_PER_RUN="10"),
        "anthropic": _saving(DAILY_LOOP_INTERVAL="86400"),
        "pika": _saving(MAX_VIDEOS_PER_RUN="5"),
        "every setting": _saving(
            DAILY_LOOP_INTERVAL="86400", MAX_PRODUCTS_PER_RUN="10", MAX_VIDEOS_PER_RUN="5"
        ),
    },
)
NOTHING_SAVES = SavingsSeen(
    finding=Finding.OK,
    reason="in .env: no setting would save more",
    file=".env",
    options={"every setting": Saving(left=("MAX_PRODUCTS_PER_RUN is 10 already",))},
)


def billed(costs: CostsSeen, *, then: CostsSeen = WITHIN, **changes: object) -> Scene:
    """The service is well, and its bill is high; `then` is what is spent once something was done."""
    fields = {
        "health": sights.HEALTHY,
        "process": sights.RUNNING,
        "costs": costs,
        "savings": SAVINGS,
        "starts": CALM_STARTS,
        "open_executions": NONE_STUCK,
        "retries": NO_RETRIES,
        "after": {"costs": then},
    }
    return scene(**{**fields, **changes})
