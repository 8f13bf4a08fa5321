"""The application's videos: when the last one was generated, what waits in the queue, and the generation
of new ones. Generating costs money, so it is looked at before, and an answer that was lost is no reason to
ask again.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.app.answers import ApiAnswer, Count, LastTime, Moment, age_of, called
from activities.app.api import ApiSeen, AppApi, NoUse, Refused
from activities.support.heartbeats import beating
from activities.support.redaction import clean
from activities.support.stability import Patience
from activities.support.watch import watch
from models.actions.change import ActionResult, Perform
from models.actions.plan import LookBack
from models.actions.videos import GenerateVideos
from models.base import Duration, in_words
from models.evidence.evidence import Finding, VerificationResult
from models.service.request import ServiceRequest
from models.service.service import Service
from models.service.videos import Videos

CLOCKS_DIFFER = timedelta(minutes=1)
"""A time further in the future is no time of a video: a clock is wrong, or a time zone."""

_AT_WORK = ("running", "in progress", "generating", "processing", "active", "started")

_STANDS = ("paused", "disabled", "stopped", "suspended")


def _yes(value: Any) -> Any:
    """A number of paused jobs, as some queues count them, is a yes."""
    return value > 0 if isinstance(value, int | float) else value


class LastGenerated(LastTime):
    """`/api/videos/last-generated`."""

    at: Moment = Field(
        None,
        validation_alias=called(
            "lastGenerated",
            "lastGeneratedAt",
            "generatedAt",
            "lastVideoAt",
            "createdAt",
            "completedAt",
        ),
    )
    published: Moment = Field(
        None, validation_alias=called("lastPublished", "lastPublishedAt", "publishedAt", "lastUploadedAt")
    )
    running: bool | None = Field(
        None, validation_alias=called("running", "inProgress", "generating", "isRunning")
    )
    status: str | None = None


class QueueStatus(ApiAnswer):
    """`/api/videos/queue-status`."""

    queued: Count = Field(
        validation_alias=called("queued", "waiting", "pending", "queueLength", "queueSize", "length", "size")
    )
    running: Count | None = Field(
        None, validation_alias=called("running", "active", "processing", "generating", "inProgress")
    )
    done: Count | None = Field(None, validation_alias=called("generated", "completed", "done", "finished"))
    failed: Count | None = Field(None, validation_alias=called("failed", "errors", "errored"))
    paused: Annotated[bool | None, BeforeValidator(_yes)] = Field(
        None, validation_alias=called("paused", "isPaused")
    )
    enabled: bool | None = Field(None, validation_alias=called("enabled", "isEnabled"))
    state: object = Field(None, validation_alias=called("status", "state"))
    paused_by: str | None = None
    note: str | None = Field(None, validation_alias=called("note", "pauseReason", "reason"))

    @property
    def is_paused(self) -> bool:
        return bool(self.paused) or self.enabled is False or str(self.state).casefold() in _STANDS


class VideosSeen(ApiSeen):
    """`bad` when no video was ever generated, or the last one longer ago than `generated_within`."""

    at: datetime | None = None
    """When the last one was generated, by our clock; None for never, and where it is not known."""
    never: bool = False
    age: timedelta | None = None
    published_age: timedelta | None = None
    """How long ago the last one was published, where the application tells it."""
    running: bool = False
    """One is being generated, as the application says."""


class QueueSeen(ApiSeen):
    """`bad` when it is paused, or when what waits in it does not move; looked at twice."""

    queued: int | None = None
    running: int | None = None
    failed: int | None = None
    paused: bool = False
    moving: bool = False
    """Something of it is running, or was finished between the two looks."""


class LookAtQueue(ServiceRequest):
    """Look at the queue twice, `apart` from each other."""

    apart: Duration = timedelta(seconds=2)


class WatchGeneration(ServiceRequest):
    """Wait until a video is there that is newer than the last one; at most for `at_most`."""

    last_at: datetime | None
    at_most: timedelta
    every: timedelta


class VideoActivities:
    """Asks the application's API for its videos, and for new ones."""

    def __init__(self, api: AppApi) -> None:
        self._api = api

    @activity.defn
    async def look_at_last_video(self, service: Service) -> VideosSeen:
        """When the last video was generated. Never raises for the application's trouble."""
        try:
            got = await self._api.get(service, "last_generated", LastGenerated)
        except NoUse as no_use:
            return no_use.seen(VideosSeen)
        limit = (service.videos or Videos()).generated_within
        age, said = age_of(got), got.content
        status = (said.status or "").casefold().replace("_", " ")
        seen = VideosSeen(observed_at=got.received_at, running=bool(said.running) or status in _AT_WORK)
        if age is None:
            reason = "no video was ever generated"
            return seen.model_copy(update={"finding": Finding.BAD, "reason": reason, "never": True})
        if age < -CLOCKS_DIFFER:
            reason = (
                f"the last video is told as {in_words(-age)} in the future: correct the clock of the"
                f" application's host, or `services.{service.name}.api.time_zone`"
            )
            return seen.model_copy(update={"reason": clean(reason)})
        age = max(age, timedelta())
        old = age > limit
        published = got.age_of(said.published) if said.published else None
        told = f", and the last one published {in_words(published)} ago" if published else ""
        reason = f"the last video was generated {in_words(age)} ago"
        return seen.model_copy(
            update={
                "finding": Finding.BAD if old else Finding.OK,
                "reason": (f"{reason}, more than {in_words(limit)}" if old else reason) + told,
                "age": age,
                "published_age": published,
                "at": got.received_at - age,
            }
        )

    @activity.defn
    async def look_at_video_queue(self, request: LookAtQueue) -> QueueSeen:
        """What waits, and whether it moves. Never raises for the application's trouble."""
        try:
            first = (await self._api.get(request.service, "queue_status", QueueStatus)).content
            await asyncio.sleep(request.apart.total_seconds())
            second = (await self._api.get(request.service, "queue_status", QueueStatus)).content
        except NoUse as no_use:
            return no_use.seen(QueueSeen)
        grew = first.done is not None and second.done is not None and second.done > first.done
        moving = grew or second.queued < first.queued or bool(second.running)
        stands = bool(second.queued) and not moving
        return QueueSeen(
            finding=Finding.BAD if second.is_paused or stands else Finding.OK,
            reason=_of_queue(second, moving),
            observed_at=datetime.now(UTC),
            queued=second.queued,
            running=second.running,
            failed=second.failed,
            paused=second.is_paused,
            moving=moving and not second.is_paused,
        )

    @activity.defn
    async def generate_videos(self, request: Perform[GenerateVideos]) -> ActionResult:
        """Done when the application took it, or generates already. Raises `OutcomeLost`, non-retryable."""
        action = request.action
        async with beating():
            if found := await self._generates(action):
                return _effect(True, f"nothing to do: {found}")
            try:
                posted = await self._api.post(action.service, "generate_videos", {})
            except NoUse as no_use:
                if no_use.refused is Refused.BUSY and (found := await self._generates(action)):
                    return _effect(True, f"{found}: {no_use.reason}")
                if no_use.refused is Refused.NO_ANSWER and "refused" not in no_use.reason:
                    why = f"asked for videos, and then: {no_use.reason}"
                    raise ApplicationError(why, type="OutcomeLost", non_retryable=True) from no_use
                return _effect(False, no_use.reason)
        return _effect(True, clean(f"answered {posted.status} at {posted.where}: {posted.content}", 300))

    @activity.defn
    async def look_back_at_generation(self, request: LookBack) -> ActionResult:
        """Whether a request without an answer was taken: a newer video is there, or one is being made.

        Raises `ApplicationError`, to be retried, while the application cannot be asked.
        """
        action = request.action
        if not isinstance(action, GenerateVideos):
            raise ApplicationError(f"{action.kind} generates no videos", non_retryable=True)
        seen = await self.look_at_last_video(action.service)
        if seen.unknown:
            raise ApplicationError(seen.reason, type="Unreachable")
        found = await self._generates(action)
        return _effect(bool(found), found or "no new video is there, and none is being made")

    @activity.defn
    async def watch_generation(self, request: WatchGeneration) -> VerificationResult:
        """Wait until a newer video is there; `bad` when the limit is reached first."""
        pace = Patience(every=request.every, stable_for=timedelta(), at_most=request.at_most)
        found = await watch(lambda: self._newer(request), pace)
        return found.model_copy(update={"reason": found.last.reason}) if found.ok else found

    async def _newer(self, request: WatchGeneration) -> VideosSeen:
        seen = await self.look_at_last_video(request.service)
        if seen.at is None:
            return seen
        newer = seen.ok or is_newer(seen.at, request.last_at)
        return seen.model_copy(update={"finding": Finding.OK if newer else Finding.BAD})

    async def _generates(self, action: GenerateVideos) -> str:
        """What shows that it generates, or has generated since it was looked at; empty when nothing does."""
        seen = await self.look_at_last_video(action.service)
        if seen.at and is_newer(seen.at, action.last_at):
            return seen.reason
        if seen.running:
            return "a video is being generated"
        queue = await self.look_at_video_queue(LookAtQueue(service=action.service, apart=timedelta()))
        return queue.reason if queue.running else ""


def is_newer(at: datetime, than: datetime | None) -> bool:
    """Whether a video is another one. An age in whole seconds makes the same moment waver by one."""
    return than is None or at > than + timedelta(seconds=2)


def _of_queue(status: QueueStatus, moving: bool) -> str:
    running = f", {status.running} are being generated" if status.running is not None else ""
    failed = f", {status.failed} failed" if status.failed else ""
    counts = f"{status.queued} wait in the queue of videos{running}{failed}"
    if status.is_paused:
        by = f" by {clean(status.paused_by, 60)}" if status.paused_by else ""
        note = f": {clean(status.note, 120)}" if status.note else ""
        return f"the queue of videos is paused{by}{note}; {counts}"
    return f"{counts}, and it moves" if moving and status.queued else counts


def _effect(done: bool, found: str) -> ActionResult:
    return ActionResult(done=done, found=found, at=datetime.now(UTC))
