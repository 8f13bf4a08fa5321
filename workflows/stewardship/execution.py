"""How each kind of action is performed: which activity, and how long it may take.

An effect has one attempt. When its outcome is lost, the service is looked at before anything
else happens. Most effects look first themselves and do nothing when they find themselves done
since they were asked for, so those are asked again. A rollback script cannot know, so for a
rollback only the look is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError, TimeoutType

with workflow.unsafe.imports_passed_through():
    from activities.answers.answers import AnswerActivities
    from activities.app.degradation import DegradationActivities
    from activities.app.retrying import RetryActivities
    from activities.app.sync import SyncActivities
    from activities.endpoints.switches import EndpointSwitchActivities
    from activities.files.clean_up import CleanUpActivities
    from activities.files.diagnostic import DiagnosticActivities
    from activities.files.environment import EnvironmentActivities
    from activities.files.recreate import RecreateActivities
    from activities.memory.caches import CacheActivities
    from activities.postgres.analyze import AnalyzeActivities
    from activities.postgres.sessions import SessionActivities
    from activities.postgres.settings import PostgresSettingActivities
    from activities.schedules.actions import ScheduleActionActivities
    from activities.service.actions import ActionActivities
    from activities.service.networks import NetworkActivities
    from activities.videos.budget import BudgetActivities
    from activities.videos.generators import GeneratorActivities
    from activities.videos.videos import VideoActivities
    from models.actions.answers import RunScript
    from models.actions.application import PauseSchedule, SyncProducts, TriggerSchedule, UnpauseSchedule
    from models.actions.change import ActionResult, Change, Perform
    from models.actions.database import AnalyzeTables, RaiseMaxConnections, RestartDatabase, TerminateSessions
    from models.actions.endpoints import AnswerMaintenance, DisableEndpoint, ReopenEndpoint
    from models.actions.executions import RetryWorkflow
    from models.actions.kinds import Action
    from models.actions.memory import ClearCache, TakeDiagnostic
    from models.actions.plan import LookBack
    from models.actions.service import (
        KillProcess,
        RaiseMemoryLimit,
        RestartService,
        RollBack,
        ScaleOut,
        StartService,
    )
    from models.actions.surroundings import (
        CleanUpFiles,
        Degrade,
        ReattachNetwork,
        RecreateService,
        RestoreService,
        SetEnvironment,
    )
    from models.actions.videos import (
        GenerateVideos,
        RaiseBudget,
        RestoreBudget,
        UseBackupGenerator,
        UseUsualGenerator,
        WaitForReset,
    )
    from models.base import in_words
    from models.orders.comparison import NOT_AS_CONFIGURED

ONE_ATTEMPT = RetryPolicy(maximum_attempts=1)
LOOKING_BACK = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=20)
LOST_AFTER = timedelta(seconds=10)
HOST_AWAY = timedelta(seconds=20)
"""A host's worker that is started anew takes less."""
ONLY_RECORDED = "dry run: recorded, not done"
OUTCOME_LOST = "OutcomeLost"
"""The effect was asked for, and then nobody could be asked whether it happened."""
NOTHING_OF_IT = (OUTCOME_LOST, NOT_AS_CONFIGURED)
"""What is refused when it is asked for again, as after an edit of the file, may have happened before."""


class Lost(Exception):
    """Whether the effect happened is not known."""


class NotTaken(Lost):
    """Nor can it have happened, where it was asked for once: no worker of its host took it."""


@dataclass(frozen=True)
class Performance:
    """One action, the activity that performs it, and how long that may take.

    `look_back` stands where an effect cannot find out by itself whether it was done already: it is
    called when an outcome was lost, instead of the effect.
    """

    action: type[Change]
    activity: Callable[..., Any]
    within: timedelta
    look_back: Callable[..., Any] | None = None


PERFORMANCES = (
    Performance(StartService, ActionActivities.start_service, timedelta(minutes=10)),
    Performance(RestartService, ActionActivities.restart_service, timedelta(minutes=10)),
    Performance(RaiseMemoryLimit, ActionActivities.raise_memory_limit, timedelta(minutes=1)),
    Performance(KillProcess, ActionActivities.kill_process, timedelta(minutes=1)),
    Performance(RollBack, ActionActivities.roll_back, timedelta(minutes=10), ActionActivities.look_back),
    Performance(ScaleOut, ActionActivities.scale_out, timedelta(minutes=5)),
    Performance(RestartDatabase, ActionActivities.restart_database, timedelta(minutes=10)),
    Performance(RaiseMaxConnections, PostgresSettingActivities.raise_max_connections, timedelta(minutes=5)),
    Performance(TerminateSessions, SessionActivities.terminate_sessions, timedelta(minutes=1)),
    Performance(AnalyzeTables, AnalyzeActivities.analyze_tables, timedelta(minutes=12)),
    Performance(ReattachNetwork, NetworkActivities.reattach_network, timedelta(minutes=1)),
    Performance(CleanUpFiles, CleanUpActivities.clean_up_files, timedelta(minutes=5)),
    Performance(Degrade, DegradationActivities.degrade, timedelta(minutes=1)),
    Performance(RestoreService, DegradationActivities.restore_service, timedelta(minutes=1)),
    Performance(SyncProducts, SyncActivities.sync_products, timedelta(minutes=1)),
    Performance(RecreateService, RecreateActivities.recreate_service, timedelta(minutes=5)),
    Performance(UnpauseSchedule, ScheduleActionActivities.unpause_schedule, timedelta(minutes=1)),
    Performance(PauseSchedule, ScheduleActionActivities.pause_schedule, timedelta(minutes=1)),
    Performance(TriggerSchedule, ScheduleActionActivities.trigger_schedule, timedelta(minutes=1)),
    Performance(ClearCache, CacheActivities.clear_cache, timedelta(minutes=1)),
    Performance(TakeDiagnostic, DiagnosticActivities.take_diagnostic, timedelta(minutes=10)),
    Performance(SetEnvironment, EnvironmentActivities.set_environment, timedelta(minutes=5)),
    Performance(DisableEndpoint, EndpointSwitchActivities.disable_endpoint, timedelta(minutes=1)),
    Performance(AnswerMaintenance, EndpointSwitchActivities.answer_maintenance, timedelta(minutes=1)),
    Performance(ReopenEndpoint, EndpointSwitchActivities.reopen_endpoint, timedelta(minutes=1)),
    Performance(RetryWorkflow, RetryActivities.retry_workflow, timedelta(minutes=1)),
    Performance(
        GenerateVideos,
        VideoActivities.generate_videos,
        timedelta(minutes=1),
        VideoActivities.look_back_at_generation,
    ),
    Performance(WaitForReset, GeneratorActivities.wait_for_reset, timedelta(minutes=1)),
    Performance(RaiseBudget, BudgetActivities.raise_budget, timedelta(minutes=1)),
    Performance(RestoreBudget, BudgetActivities.restore_budget, timedelta(minutes=1)),
    Performance(UseBackupGenerator, GeneratorActivities.use_backup_generator, timedelta(minutes=1)),
    Performance(
        RunScript,
        AnswerActivities.run_configured_script,
        timedelta(minutes=12),
        AnswerActivities.look_back_at_script,
    ),
    Performance(UseUsualGenerator, GeneratorActivities.use_usual_generator, timedelta(minutes=1)),
)
"""Every action that can be performed: a new one is one line here."""

BY_ACTION = {one.action: one for one in PERFORMANCES}
"""Those of outside packages stand here, too: filled when a process begins, before any run."""


async def perform(action: Action, *, dry_run: bool) -> ActionResult:
    """Perform one action on the service's host, at most once since it was asked for.

    In a dry run it is only recorded. Nothing else of the product acts on a service, so this is the one
    place that has to know.
    """
    if dry_run or action.service.dry_run:
        return ActionResult(done=False, recorded=True, found=ONLY_RECORDED, at=workflow.now())
    performance = BY_ACTION[type(action)]
    asked: Perform[Any] = Perform(action=action, asked_at=workflow.now())
    try:
        return await _attempt(performance, action, asked)
    except NotTaken:
        waited = f"no worker of host {action.service.host} took it within {in_words(HOST_AWAY)}"
        return ActionResult(done=False, found=f"{waited}: it was not begun", at=workflow.now())
    except Lost:
        return await _after_loss(performance, action, asked)


async def _after_loss(performance: Performance, action: Action, asked: Perform[Any]) -> ActionResult:
    try:
        if performance.look_back is None:
            return await _attempt(performance, action, asked, lost=NOTHING_OF_IT)
        if action.outlives_its_worker:
            await workflow.sleep(action.outlives_its_worker, summary="until what was begun must have ended")
        return await _look_back(performance.look_back, action, asked.asked_at)
    except (Lost, ActivityError):
        found = "its outcome was lost, and whether it happened is unknown"
        return ActionResult(done=False, lost=True, found=found, at=workflow.now())


async def _attempt(
    performance: Performance, action: Action, asked: Perform[Any], *, lost: Collection[str] = (OUTCOME_LOST,)
) -> ActionResult:
    """Raises `NotTaken`, and `Lost` also for errors of these types."""
    try:
        effect: ActionResult = await workflow.execute_activity_method(
            performance.activity,
            asked,
            task_queue=asked.runs_at.queue,
            start_to_close_timeout=performance.within,
            schedule_to_close_timeout=2 * performance.within,
            schedule_to_start_timeout=HOST_AWAY if asked.runs_at.host else None,
            heartbeat_timeout=LOST_AFTER,
            retry_policy=ONE_ATTEMPT,
            summary=action.says,
        )
    except ActivityError as error:
        if isinstance(error.cause, ApplicationError) and error.cause.type not in lost:
            return ActionResult(done=False, found=error.cause.message, at=workflow.now())
        if isinstance(error.cause, TimeoutError) and error.cause.type is TimeoutType.SCHEDULE_TO_START:
            raise NotTaken from error
        raise Lost from error
    return effect


async def _look_back(look: Callable[..., Any], action: Action, asked_at: datetime) -> ActionResult:
    asked = LookBack(action=action, asked_at=asked_at)
    effect: ActionResult = await workflow.execute_activity_method(
        look,
        asked,
        task_queue=asked.runs_at.queue,
        start_to_close_timeout=timedelta(seconds=30),
        schedule_to_close_timeout=timedelta(minutes=10),
        retry_policy=LOOKING_BACK,
        summary=f"was it done? {action.says}",
    )
    return effect
