"""The proofs of recovery: each samples one thing until it was healthy for the whole stability window.

A verification is one activity with heartbeats: after a killed worker it is resumed with its samples, and a
longer window costs no more history. It has a task queue of its own, so that however many go on,
pages, questions and actions find a free slot.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from activities.answers.answers import AnswerActivities, WatchByScript
    from activities.app.sync import SyncActivities
    from activities.endpoints.probe import EndpointActivities
    from activities.endpoints.seen import WatchEndpoint
    from activities.health.probe import HealthActivities
    from activities.monitoring.latency import LatencyActivities
    from activities.monitoring.memory import MemoryActivities
    from activities.monitoring.provider_latency import ProviderTimeActivities, WatchProviderTimes
    from activities.monitoring.providers import ProviderActivities, WatchProviders
    from activities.monitoring.service_metrics import ServiceMetricActivities
    from activities.postgres.check import PostgresActivities, WaitForRecovery
    from activities.service.processes import ProcessActivities
    from activities.videos.videos import VideoActivities, WatchGeneration
    from models.base import in_words
    from models.evidence.evidence import Evidence, Finding, VerificationRequest, VerificationResult
    from models.service.endpoints import named_by
    from models.service.request import Request
    from models.service.videos import Videos
    from models.zone import midnight_after
    from workflows.diagnosis.look import Look
    from workflows.diagnosis.situation import Situation

Q = TypeVar("Q", bound=Request)

LOST_AFTER = timedelta(seconds=10)
"""A worker whose heartbeats stop for this long is given up, and another resumes the verification."""

LONGEST = timedelta(days=2)
"""Every verification ends long before this."""

WAITED_FOR = timedelta(days=1)
"""How long to wait for a service that recovers by itself, after a person was paged."""

HOST_AWAY = timedelta(minutes=10)
"""A host whose worker is away for this long cannot be checked, and a person must be told."""


class Verification:
    """What is verified, by which activity; `about` makes its request of the stability window.

    `words` may name the `{window}`. `check` is one look at the same thing, for the state while the
    verification runs.
    """

    def __init__(
        self,
        activity: Callable[[Any, Q], Awaitable[VerificationResult]],
        words: str,
        about: Callable[[Situation, timedelta], Q],
        check: Look[Evidence],
    ) -> None:
        self.activity: Callable[..., Awaitable[VerificationResult]] = activity
        self.words = words
        self.check = check
        self._about: Callable[[Situation, timedelta], Request] = about

    async def over(self, now: Situation, since: datetime | None = None) -> VerificationResult:
        """Verification for the policy's stability window; the activity bounds itself.

        A bound on the whole wait counts from `since` where an earlier run of the incident began it.
        """
        window = now.policy.thresholds.stable_for
        request = self._about(now, window)
        if since and isinstance(request, WatchProviders | WatchEndpoint) and request.at_most is not None:
            left = max(since + request.at_most - workflow.now(), timedelta())
            request = request.model_copy(update={"at_most": left})
        watched: VerificationResult = await workflow.execute_activity_method(
            self.activity,
            request,
            task_queue=request.runs_at.verification_queue,
            start_to_close_timeout=LONGEST,
            schedule_to_start_timeout=HOST_AWAY if request.runs_at.host else None,
            heartbeat_timeout=LOST_AFTER,
            summary=f"{now.service.name} {self.words.format(window=in_words(window))}",
        )
        probes = watched.probes.beside(now[self.check])
        return watched.model_copy(update={"probes": probes})


def _the_service(now: Situation, window: timedelta) -> VerificationRequest:
    return VerificationRequest(service=now.service, stable_for=window)


def _answer(now: Situation, window: timedelta) -> WatchByScript:
    answer = now.policy.answer
    command = (answer and answer.proof) or ()
    names = answer.environment if answer else ()
    return WatchByScript(service=now.service, stable_for=window, command=command, environment=names)


def _providers(now: Situation, window: timedelta) -> WatchProviders:
    degradation = now.service.degradation
    limit = degradation.at_most if degradation else timedelta(hours=4)
    by_calls = not now[looks.providers].down
    return WatchProviders(service=now.service, stable_for=window, at_most=limit, by_calls=by_calls)


def _provider_times(now: Situation, window: timedelta) -> WatchProviderTimes:
    """What is proved by the same evidence by which it was found slow."""
    every = _providers(now, window)
    return WatchProviderTimes(
        service=every.service,
        stable_for=window,
        at_most=every.at_most,
        only_by_calls=now[looks.provider_times].probed_fast,
    )


def _video_providers(now: Situation, window: timedelta) -> WatchProviders:
    """Only those that make videos are waited for."""
    backup = now.service.videos.backup if now.service.videos else None
    every = _providers(now, window)
    makes_videos = now.service.videos.providers if now.service.videos else ()
    theirs = {name: one for name, one in now.service.providers.items() if name in makes_videos}
    service = now.service.model_copy(update={"providers": theirs}) if theirs else now.service
    by_calls = not any(one.name in service.providers for one in now[looks.providers].down)
    limit = backup.at_most if backup else every.at_most
    return every.model_copy(update={"service": service, "at_most": limit, "by_calls": by_calls})


def _generation(now: Situation, _: timedelta) -> WatchGeneration:
    videos = now.service.videos or Videos()
    return WatchGeneration(
        service=now.service, last_at=now[looks.last_video].at, at_most=videos.takes, every=videos.every
    )


def _recovery(now: Situation, _: timedelta) -> WaitForRecovery:
    service = now.database or now.service
    within = service.database.recovers_within if service.database else timedelta()
    starting = not now[looks.database].recovering
    return WaitForRecovery(service=service, at_most=within, starting=starting)


def _late_recovery(now: Situation, window: timedelta) -> WaitForRecovery:
    return _recovery(now, window).model_copy(update={"at_most": WAITED_FOR})


def _endpoint(now: Situation, window: timedelta) -> WatchEndpoint:
    return WatchEndpoint(service=now.service, named=named_by(now.labels), stable_for=window)


def _endpoint_behind(now: Situation, window: timedelta) -> WatchEndpoint:
    endpoints = now.service.endpoints
    endpoint = endpoints.called(named_by(now.labels)) if endpoints else None
    limit = endpoint.at_most if endpoint else timedelta()
    return _endpoint(now, window).model_copy(update={"at_most": limit})


HEALTHY = Verification(
    HealthActivities.watch_health, "stays healthy for {window}", _the_service, looks.health
)
PROVED = Verification(
    AnswerActivities.watch_by_script, "is well by its `verify` for {window}", _answer, looks.answer
)
REACHABLE = Verification(
    PostgresActivities.watch_database, "answers for {window}", _the_service, looks.database
)
RUNS = Verification(
    ProcessActivities.watch_process, "keeps running for {window}", _the_service, looks.process
)
FEW_ERRORS = Verification(
    ServiceMetricActivities.watch_errors,
    "stays under its error threshold for {window}",
    _the_service,
    looks.errors,
)
ROOM_IN_THE_HEAP = Verification(
    MemoryActivities.watch_memory, "has room in its heap for {window}", _the_service, looks.memory
)
ENDPOINT_ANSWERS = Verification(
    EndpointActivities.watch_endpoint, "answers as expected for {window}", _endpoint, looks.endpoint
)
ENDPOINT_BACK = Verification(
    EndpointActivities.watch_endpoint,
    "has its endpoint back, behind the switch, for {window}",
    _endpoint_behind,
    looks.endpoint,
)
FAST = Verification(
    LatencyActivities.watch_latency, "answers in time for {window}", _the_service, looks.latency
)
PROVIDERS_FAST = Verification(
    ProviderTimeActivities.watch_provider_times,
    "has fast providers for {window}",
    _provider_times,
    looks.provider_times,
)
PROVIDERS_BACK = Verification(
    ProviderActivities.watch_providers, "has its providers back for {window}", _providers, looks.providers
)
SYNCED = Verification(
    SyncActivities.watch_sync, "has products of late for {window}", _the_service, looks.last_sync
)
VIDEO_PROVIDERS_BACK = Verification(
    ProviderActivities.watch_providers,
    "has the providers of its videos back for {window}",
    _video_providers,
    looks.providers,
)
GENERATED = Verification(VideoActivities.watch_generation, "has a newer video", _generation, looks.last_video)
RECOVERED = Verification(
    PostgresActivities.wait_for_recovery, "is waited for while it recovers", _recovery, looks.database
)
RECOVERED_LATE = Verification(
    PostgresActivities.wait_for_recovery,
    "is still waited for while it recovers",
    _late_recovery,
    looks.database,
)
"""The wait for a database that says that it comes back, before and after a person is called."""


def dependent_healthy(name: str) -> Verification:
    """The proof for one of the services that need this one."""

    def about(now: Situation, window: timedelta) -> VerificationRequest:
        return VerificationRequest(service=now.dependent_called(name), stable_for=window)

    return Verification(
        HealthActivities.watch_health, f"has {name} healthy for {{window}}", about, looks.dependents
    )


class AtTheReset:
    """The moment at which the daily budget is reset; nothing is sampled meanwhile."""

    async def over(self, now: Situation, since: datetime | None = None) -> VerificationResult:
        """Ends when the day after `since` begins, or when the application says that its budget is reset."""
        at = budget_reset_at(now, since or workflow.now())
        left = max(at - workflow.now(), timedelta())
        await workflow.sleep(left, summary=f"the budget of {now.service.name} is reset")
        return VerificationResult(finding=Finding.OK, reason="the budget is reset", observed_at=at)


def budget_reset_at(now: Situation, since: datetime) -> datetime:
    """As the application says, else when its next day begins."""
    return now[looks.budget].resets_at or midnight_after(since, now.service.time_zone)
