"""The workflow that has clips spoken: each attempt is paid for, also one whose result is lost."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    import httpx

    from demo.orchestrator.loop import QUEUE

SPEECH = "generate-speech"
"""The schedule that starts it; hourly, as long as nobody sets it otherwise."""
SPEAKER = "elevenlabs"


@dataclass(frozen=True)
class Clip:
    """What is spoken: where it is paid, for how much, and after how many attempts it is given up."""

    backend: str
    dollars: float
    attempts: int = 1
    """0 for never."""


@activity.defn
async def synthesize(clip: Clip) -> None:
    """Pay for a clip. The upload of its result fails, so that every attempt is paid anew."""
    attempt = activity.info().attempt
    paid = {"provider": SPEAKER, "dollars": clip.dollars, "attempt": attempt}
    async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
        (await client.post(f"{clip.backend}/api/cost-tracking/spend", json=paid)).raise_for_status()
    if attempt != clip.attempts:
        raise ApplicationError("the upload of the clip failed: 413 Payload Too Large")


@workflow.defn
class GenerateSpeech:
    """Tries one clip as often as it may."""

    @workflow.run
    async def run(self, clip: Clip) -> None:
        often = RetryPolicy(
            initial_interval=timedelta(milliseconds=100),
            backoff_coefficient=1,
            maximum_attempts=clip.attempts,
        )
        await workflow.execute_activity(
            synthesize, clip, start_to_close_timeout=timedelta(seconds=5), retry_policy=often
        )


def speech_schedule(clip: Clip, every: timedelta) -> Schedule:
    """The schedule as it is described to Temporal; a run does not wait for the one before."""
    return Schedule(
        action=ScheduleActionStartWorkflow(GenerateSpeech.run, clip, id=SPEECH, task_queue=QUEUE),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.ALLOW_ALL),
    )


async def create_speech_schedule(client: Client, backend: str) -> None:
    """Hourly, unless it is there already."""
    with suppress(ScheduleAlreadyRunningError):  # an orchestrator that is started anew finds its own
        await client.create_schedule(SPEECH, speech_schedule(Clip(backend, 0.01), timedelta(hours=1)))
