"""What the scripted world shows of an application that makes no videos."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from activities.app.executions import ExecutionsSeen, FailedType
from activities.app.open_executions import OpenExecutionsSeen, StuckExecution
from activities.app.products import CountSeen
from activities.app.retry_proposal import RetryProposal
from activities.monitoring.providers import ProviderCallsSeen, ProviderKind, ProviderSeen, ProvidersSeen
from activities.schedules.seen import ScheduleSeen, SchedulesSeen
from activities.videos.budget import BudgetSeen, SummarySeen
from activities.videos.videos import QueueSeen, VideosSeen
from models.evidence.evidence import Finding
from tests.workflows.scenes import Scene, scene
from tests.workflows.sights import HEALTHY, LONG_AGO, RUNNING

NO_VIDEO = VideosSeen(
    finding=Finding.BAD,
    reason="the last video was generated 3 h ago, more than 2 h",
    at=LONG_AGO,
    age=timedelta(hours=3),
)
A_VIDEO = VideosSeen(finding=Finding.OK, reason="the last video was generated 1 min ago")
BLIND = VideosSeen(reason="http://localhost:3000/api/videos/last-generated answered 401")
EMPTY_QUEUE = QueueSeen(finding=Finding.OK, reason="0 wait in the queue of videos", queued=0)
MOVING = QueueSeen(finding=Finding.OK, reason="2 are being generated", queued=1, running=2, moving=True)
PAUSED_QUEUE = QueueSeen(
    finding=Finding.BAD, reason="the queue of videos is paused by eve: new prompts", queued=3, paused=True
)
SPENT = BudgetSeen(
    finding=Finding.BAD,
    reason="today's budget is reached: $100.00 of $100.00 are spent",
    observed_at=LONG_AGO,
    budget=100,
    spent=100,
)
RESET = BudgetSeen(
    finding=Finding.OK, reason="today's budget is not reached", observed_at=LONG_AGO, budget=100, spent=0
)
OF_YESTERDAY = BudgetSeen(reason="the budget status is of 2025-12-31, and says nothing of today")
COSTS = SummarySeen(finding=Finding.OK, reason="$100.00 were spent today", total=100)
LOW_COSTS = SummarySeen(finding=Finding.OK, reason="$12.00 were spent today", total=12)
FAILED = FailedType(
    type="GenerateVideos",
    count=1,
    workflow_id="videos-1",
    run_id="r1",
    closed_at=LONG_AGO + timedelta(hours=1),
    error="activity render: TypeError: script is undefined",
)


def crashed(**changes: Any) -> ExecutionsSeen:
    """A workflow that makes videos failed after the last video."""
    failed = FAILED.model_copy(update=changes)
    reason = "1 workflows failed: GenerateVideos (1)"
    return ExecutionsSeen(finding=Finding.BAD, reason=reason, total=1, types=(failed,))


RETRY = RetryProposal(
    finding=Finding.OK,
    reason="GenerateVideos videos-1 can be reset to event 10",
    type="GenerateVideos",
    workflow_id="videos-1",
    run_id="r1",
    closed_at=FAILED.closed_at,
    error=FAILED.error,
    reset_to=10,
    before="activity render",
)
STUCK = OpenExecutionsSeen(
    finding=Finding.BAD,
    reason="1 of 1 open workflows are stuck",
    total=1,
    stuck=(
        StuckExecution(
            type="GenerateVideos",
            workflow_id="videos-2",
            run_id="r2",
            since=LONG_AGO,
            why="activity render is at attempt 40: TypeError: script is undefined",
            attempts=40,
        ),
    ),
)
NO_PRODUCTS = CountSeen(finding=Finding.BAD, reason="there is no product", count=0)
PRODUCTS = CountSeen(finding=Finding.OK, reason="there are 12 products", count=12)
CALLS_SUCCEED = ProviderCallsSeen(finding=Finding.OK, reason="0 % to openai", serving=("openai",))
SERVES_AGAIN = ProvidersSeen(
    finding=Finding.OK,
    reason="all answer: openai",
    providers=(ProviderSeen(name="openai", finding=Finding.OK, reason="200", kind=ProviderKind.UP),),
)
PAUSED_SCHEDULE = SchedulesSeen(
    finding=Finding.BAD,
    reason="daily-control-loop is paused by eve",
    schedules=(
        ScheduleSeen(name="daily-control-loop", paused=True, paused_by="eve", on_purpose="eve wrote a note"),
    ),
)

SWITCH = {"url": "http://localhost:3000/api/videos/generator"}
BACKUP = {"services": {"backend": {"videos": {"backup": {"name": "runway", "on": SWITCH, "off": SWITCH}}}}}
"""A configuration with another generator."""
BUDGET = {"services": {"backend": {"videos": {"budget": {**SWITCH, "usual": 100, "raised": 150}}}}}
"""A configuration that can raise the budget."""


def no_videos(**changes: Any) -> Scene:
    """The service is well, and has made no video for three hours."""
    usual = {"health": HEALTHY, "process": RUNNING, "last_video": NO_VIDEO, "daily_summary": COSTS}
    return scene(**{**usual, "product_count": PRODUCTS, "video_queue": EMPTY_QUEUE, **changes})
