"""One row for each cause of NoVideosGenerated, and for what speaks against it."""

from __future__ import annotations

from datetime import timedelta

from activities.videos.budget import SummarySeen
from tests.workflows import sights
from tests.workflows.rows import Row
from tests.workflows.sights import LONG_AGO
from tests.workflows.videos import video_sights
from tests.workflows.videos.video_sights import BACKUP, no_videos

GENERATE = "have backend generate videos"
TO_THE_BACKUP = "have the videos of backend made by runway while openai is down"
AND_BACK = "have the videos of backend made by the usual generator again"
WAIT = "wait for the budget of backend to be reset at 2026-01-01 00:00 UTC"
RESET = "reset GenerateVideos videos-1 (run r1) of backend to event 10"

SPENT = video_sights.SPENT.model_copy(update={"resets_at": LONG_AGO})
CRASHED = {"executions": video_sights.crashed(), "retry": video_sights.RETRY}
NO_SUMMARY = SummarySeen(reason="http://localhost:3000/api answered 401")
VIDEOS_OF_ONE_TYPE = {**BACKUP["services"]["backend"]["videos"], "workflows": ["GenerateVideos"]}
TOKYO = {"url": "http://localhost:3000", "time_zone": "Asia/Tokyo"}
THE_PROVIDER = "activity render: openai: 503 Service Unavailable"

ROWS = (
    Row(
        "provider down",
        no_videos(providers=sights.PROVIDER_DOWN),
        configuration=BACKUP,
        done=(TO_THE_BACKUP, GENERATE, AND_BACK),
    ),
    Row(
        "provider down",
        no_videos(executions=video_sights.crashed(error="activity render: openai: 503 Service Unavailable")),
        variant="by the word of the workflow that it ended",
        configuration=BACKUP,
        done=(TO_THE_BACKUP, GENERATE, AND_BACK),
        also_seen=("workflow crashed",),
    ),
    Row(
        "provider down",
        no_videos(providers=sights.PROVIDER_DOWN, budget=SPENT, product_count=video_sights.NO_PRODUCTS),
        variant="and two more",
        configuration=BACKUP,
        done=(TO_THE_BACKUP, GENERATE, AND_BACK),
        also_seen=("budget hit", "no products"),
    ),
    Row(
        "provider down",
        no_videos(executions=video_sights.crashed(error="activity render: openai says video_queue_full")),
        variant="whose own queue is full",
        configuration=BACKUP,
        done=(TO_THE_BACKUP, GENERATE, AND_BACK),
        also_seen=("workflow crashed",),
    ),
    Row(
        "workflow crashed",
        no_videos(
            executions=video_sights.crashed(error="openai: 401 the account of this API key is deactivated"),
            retry=video_sights.RETRY,
        ),
        variant="by credentials, which no other generator mends",
        configuration=BACKUP,
        done=(RESET,),
    ),
    Row(
        "workflow crashed",
        no_videos(
            executions=video_sights.crashed(error="activity render: openai: 503 Service Unavailable"),
            retry=video_sights.RETRY,
            providers=video_sights.SERVES_AGAIN,
        ),
        variant="by a provider that is back",
        configuration=BACKUP,
        done=(RESET,),
    ),
    Row("budget hit", no_videos(budget=SPENT), done=(WAIT, GENERATE)),
    Row(
        "budget hit",
        no_videos(budget=SPENT, **CRASHED),
        variant="and a workflow that it ended",
        done=(WAIT, GENERATE),
        also_seen=("workflow crashed",),
    ),
    Row(
        "budget hit",
        no_videos(budget=video_sights.SPENT.model_copy(update={"observed_at": LONG_AGO})),
        variant="of a day in the application's own zone",
        configuration={"time_zone": "America/New_York", "services": {"backend": {"api": TOKYO}}},
        done=("wait for the budget of backend to be reset at 2026-01-01 15:00 UTC", GENERATE),
    ),
    Row("workflow crashed", no_videos(**CRASHED), done=(RESET,)),
    Row(
        "workflow crashed",
        no_videos(open_executions=video_sights.STUCK),
        variant="stuck, which nobody resets",
        needs_a_human=True,
    ),
    Row(
        "workflow crashed",
        no_videos(executions=video_sights.crashed()),
        variant="its history is gone",
        needs_a_human=True,
    ),
    Row("no products", no_videos(product_count=video_sights.NO_PRODUCTS), needs_a_human=True),
    Row(
        "no products",
        no_videos(product_count=video_sights.NO_PRODUCTS, **CRASHED),
        variant="of which a workflow crashed",
        needs_a_human=True,
    ),
    Row(
        "provider not reached",
        no_videos(providers=sights.PROVIDER_NOT_REACHED),
        configuration=BACKUP,
        asks=True,
        done=(TO_THE_BACKUP, GENERATE, AND_BACK),
    ),
    Row("unknown", no_videos(), asks=True, done=(GENERATE,)),
    Row(
        "unknown",
        no_videos(executions=video_sights.crashed(type="SendNewsletter"), retry=video_sights.RETRY),
        variant="a workflow failed that makes no videos, and no types are configured",
        asks=True,
        done=(GENERATE,),
    ),
    Row(
        "unknown",
        no_videos(providers=sights.PROVIDER_DOWN, provider_calls=video_sights.CALLS_SUCCEED),
        variant="a provider is down for us alone",
        configuration=BACKUP,
        asks=True,
        done=(GENERATE,),
    ),
    Row(
        "unknown",
        no_videos(budget=SPENT, daily_summary=video_sights.LOW_COSTS),
        variant="a budget that the costs contradict",
        asks=True,
        done=(GENERATE,),
    ),
    Row(
        "unknown",
        no_videos(budget=video_sights.OF_YESTERDAY),
        variant="the budget is of yesterday",
        asks=True,
        done=(GENERATE,),
    ),
    Row(
        "unknown",
        no_videos(executions=video_sights.crashed(completed_at=LONG_AGO + timedelta(hours=2))),
        variant="a workflow that failed and completed since",
        asks=True,
        done=(GENERATE,),
    ),
    Row(
        "unknown",
        no_videos(executions=video_sights.crashed(closed_at=LONG_AGO - timedelta(hours=1))),
        variant="a workflow that failed before the last video",
        asks=True,
        done=(GENERATE,),
    ),
    Row(
        "unknown",
        no_videos(executions=video_sights.crashed(type="SendNewsletter"), retry=video_sights.RETRY),
        variant="a workflow that makes no videos failed",
        configuration={"services": {"backend": {"videos": {"workflows": ["GenerateVideos"]}}}},
        asks=True,
        done=(GENERATE,),
    ),
    *(
        Row(
            "unknown",
            no_videos(executions=video_sights.crashed(error=THE_PROVIDER, **over)),
            variant=f"a provider ended a workflow {variant}",
            configuration={"services": {"backend": {"videos": VIDEOS_OF_ONE_TYPE}}},
            asks=True,
            done=(GENERATE,),
        )
        for variant, over in (
            ("before the last video", {"closed_at": LONG_AGO - timedelta(hours=1)}),
            ("of a type that completed since", {"completed_at": LONG_AGO + timedelta(hours=2)}),
            ("that makes no videos", {"type": "SendNewsletter"}),
        )
    ),
    Row(
        "unknown",
        no_videos(budget=video_sights.SPENT.model_copy(update={"spent": 12}), daily_summary=NO_SUMMARY),
        variant="a budget that is reached, of which little is spent",
        asks=True,
        done=(GENERATE,),
    ),
    Row(
        "unknown",
        no_videos(video_queue=video_sights.PAUSED_QUEUE, providers=sights.PROVIDER_DOWN),
        variant="somebody paused the queue on purpose",
        configuration=BACKUP,
        needs_a_human=True,
    ),
    Row(
        "unknown",
        no_videos(schedules=video_sights.PAUSED_SCHEDULE, budget=SPENT),
        variant="somebody paused the schedule on purpose",
        needs_a_human=True,
    ),
)
