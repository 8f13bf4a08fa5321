"""Workflows of an application that makes videos, as they fail in the field."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from models.service.service import DockerManager, Service
from models.service.surroundings import AppTemporal

ONCE = RetryPolicy(maximum_attempts=1)


class Credits:
    """What the activity needs; without it, it fails for good."""

    def __init__(self) -> None:
        self.left = False
        self.prepared = 0

    @activity.defn
    async def prepare_script(self) -> str:
        self.prepared += 1
        return "a script"

    @activity.defn
    async def render_video(self, script: str) -> str:
        if not self.left:
            secret = "api_key=sk-0123456789abcdef"
            raise ApplicationError(f"out of credits for {script}, {secret}", type="PikaError")
        return f"a video of {script}"


@workflow.defn
class MakeVideo:
    """Two activities; the second one fails while there are no credits."""

    @workflow.run
    async def run(self, topic: str) -> str:
        a_while = timedelta(seconds=5)
        script = await workflow.execute_activity_method(
            Credits.prepare_script, start_to_close_timeout=a_while
        )
        return await workflow.execute_activity_method(
            Credits.render_video, f"{script} on {topic}", start_to_close_timeout=a_while, retry_policy=ONCE
        )


@workflow.defn
class MakeAllVideos:
    """Has a child for each video, and fails with it."""

    @workflow.run
    async def run(self, topic: str) -> str:
        child = f"{workflow.info().workflow_id}/{topic}"
        return await workflow.execute_child_workflow(MakeVideo.run, topic, id=child)


@workflow.defn
class KeepTrying:
    """Its activity fails for ever, and is tried again each tenth of a second."""

    @workflow.run
    async def run(self) -> str:
        often = RetryPolicy(initial_interval=timedelta(milliseconds=50), backoff_coefficient=1)
        return await workflow.execute_activity_method(
            Credits.render_video, "the same", start_to_close_timeout=timedelta(seconds=5), retry_policy=often
        )


@workflow.defn
class Wedged:
    """Its own code fails, so that its task is tried again without end, and it never fails."""

    @workflow.run
    async def run(self) -> None:
        raise RuntimeError("no such scene")


@workflow.defn
class Wait:
    """Is open until it is told to end."""

    def __init__(self) -> None:
        self._over = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._over)

    @workflow.signal
    def end(self) -> None:
        self._over = True


WORKFLOWS = [MakeVideo, MakeAllVideos, KeepTrying, Wedged, Wait]


def service_with(client: Client, **more: object) -> Service:
    """A backend whose own Temporal this is."""
    address = client.service_client.config.target_host
    temporal = AppTemporal.model_validate({"address": address, "ui": "http://localhost:8233", **more})
    return Service(name="backend", manager=DockerManager(container="backend"), temporal=temporal)
