"""The looks at the application itself: its own API, its endpoints, and its own Temporal.

`workflows.diagnosis.looks` has them all.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.analytics.analytics import AnalyticsActivities, PlatformsSeen, ProductsSeen, RevenueSeen
    from activities.app.executions import AppTemporalActivities, ExecutionsSeen, FailedExecutions, FailedType
    from activities.app.open_executions import OpenExecutionActivities, OpenExecutions, OpenExecutionsSeen
    from activities.app.products import CountSeen, LookAtProducts, ProductActivities, SyncSeen
    from activities.app.retry_proposal import ProposeRetry, RetryProposal, RetryProposalActivities
    from activities.app.starts import StartActivities, StartsSeen, WorkflowStarts
    from activities.endpoints.probe import EndpointActivities
    from activities.endpoints.routes import RouteActivities
    from activities.endpoints.seen import EndpointSeen, LookAtEndpoint, LookAtRoute, RouteSeen
    from activities.schedules.schedules import LookAtSchedules, ScheduleActivities
    from activities.schedules.seen import SchedulesSeen
    from activities.videos.budget import BudgetActivities, BudgetSeen, SummarySeen
    from activities.videos.videos import LookAtQueue, QueueSeen, VideoActivities, VideosSeen
    from models.service.endpoints import named_by
    from models.service.service import Service
    from models.service.videos import Videos
    from workflows.diagnosis.look import Look
    from workflows.diagnosis.situation import Situation


def the_service(now: Situation) -> Service:
    """The usual subject of a look."""
    return now.service


def its_endpoint(now: Situation) -> LookAtEndpoint:
    """The one that the alert names; what it says is only compared with the configuration."""
    return LookAtEndpoint(service=now.service, named=named_by(now.labels))


def its_route(now: Situation) -> LookAtRoute:
    """By what the configuration calls it; one that it does not know, by what the alert says."""
    return LookAtRoute(service=now.service, names=now[endpoint].routes or named_by(now.labels))


def its_executions(now: Situation) -> FailedExecutions:
    return FailedExecutions(service=now.service)


def its_products(now: Situation) -> LookAtProducts:
    return LookAtProducts(service=now.service)


def its_generations(now: Situation) -> FailedExecutions:
    """Looked for as far back as the last video may be."""
    window = 2 * now.service.videos.generated_within if now.service.videos else timedelta()
    return FailedExecutions(service=now.service, window=window)


def failed_generation(now: Situation) -> FailedType | None:
    """The newest workflow that makes videos, and failed for good."""
    videos = now.service.videos or Videos()
    failed = (one for one in now[generations].types if one.failed_for_good and videos.made_by(one.type))
    return max(failed, key=lambda one: one.closed_at, default=None)


def its_failed_generation(now: Situation) -> ProposeRetry | None:
    failed = failed_generation(now)
    if failed is None:
        return None
    return ProposeRetry(service=now.service, workflow_id=failed.workflow_id, run_id=failed.run_id)


def its_open_executions(now: Situation) -> OpenExecutions:
    return OpenExecutions(service=now.service)


def its_video_queue(now: Situation) -> LookAtQueue:
    return LookAtQueue(service=now.service)


def its_workflow_starts(now: Situation) -> WorkflowStarts:
    return WorkflowStarts(service=now.service)


def its_schedules(now: Situation) -> LookAtSchedules:
    return LookAtSchedules(service=now.service)


generations = Look(
    "generations",
    ExecutionsSeen,
    AppTemporalActivities.failed_executions,
    its_generations,
    "failed workflows that make videos",
)
retry = Look(
    "retry",
    RetryProposal,
    RetryProposalActivities.propose_retry,
    its_failed_generation,
    "how to try a failed workflow again",
)
endpoint = Look(
    "endpoint", EndpointSeen, EndpointActivities.look_at_endpoint, its_endpoint, "answers of the endpoint"
)
route = Look("route", RouteSeen, RouteActivities.look_at_route, its_route, "error ratio of the endpoint")
executions = Look(
    "executions", ExecutionsSeen, AppTemporalActivities.failed_executions, its_executions, "failed workflows"
)
last_sync = Look(
    "last_sync", SyncSeen, ProductActivities.look_at_last_sync, the_service, "last sync of the products"
)
product_count = Look(
    "product_count", CountSeen, ProductActivities.look_at_product_count, its_products, "products"
)
open_executions = Look(
    "open_executions",
    OpenExecutionsSeen,
    OpenExecutionActivities.open_executions,
    its_open_executions,
    "open workflows",
)
starts = Look("starts", StartsSeen, StartActivities.workflow_starts, its_workflow_starts, "workflow starts")
schedules = Look("schedules", SchedulesSeen, ScheduleActivities.look_at_schedules, its_schedules)
last_video = Look("last_video", VideosSeen, VideoActivities.look_at_last_video, the_service, "last video")
video_queue = Look(
    "video_queue", QueueSeen, VideoActivities.look_at_video_queue, its_video_queue, "queue of videos"
)
daily_summary = Look(
    "daily_summary", SummarySeen, BudgetActivities.look_at_daily_summary, the_service, "costs of today"
)
revenue = Look(
    "revenue", RevenueSeen, AnalyticsActivities.look_at_revenue, the_service, "revenue of whole days"
)
product_returns = Look(
    "product_returns",
    ProductsSeen,
    AnalyticsActivities.look_at_product_returns,
    the_service,
    "products by what they return",
)
platforms = Look("platforms", PlatformsSeen, AnalyticsActivities.look_at_platforms, the_service)
budget = Look("budget", BudgetSeen, BudgetActivities.look_at_budget, the_service, "daily budget")
