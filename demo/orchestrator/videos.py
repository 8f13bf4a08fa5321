"""The workflow that makes videos: a script, the videos of it, and the backend that stores them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    import httpx

_ONCE = RetryPolicy(maximum_attempts=1)
_A_WHILE = timedelta(seconds=5)


class VideoActivities:
    """Asks the generator, and brings what it made to the backend."""

    def __init__(self, client: httpx.AsyncClient, backend: str, crashes: Path) -> None:
        self._client = client
        self._backend = backend
        self._crashes = crashes

    @activity.defn
    async def write_script(self) -> str:
        return "product 3 in sixty seconds"

    @activity.defn
    async def render_videos(self, generator: str) -> int:
        """How many there are. While the file `crashes` is there, the program has a bug."""
        if self._crashes.exists():
            raise ApplicationError("TypeError: cannot read the scenes of undefined", non_retryable=True)
        try:
            answer = await self._client.post(generator)
            answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            says = f"Pika API error: answered {error.response.status_code}"
            raise ApplicationError(says, non_retryable=True) from None
        except httpx.HTTPError:
            raise ApplicationError("Pika API error: connection refused", non_retryable=True) from None
        return 5

    @activity.defn
    async def store_videos(self, count: int) -> int:
        answer = await self._client.post(f"{self._backend}/api/videos", json={"count": count})
        return int(answer.raise_for_status().json()["stored"])


@workflow.defn
class GenerateVideos:
    """One generation, by the generator at this address."""

    @workflow.run
    async def run(self, generator: str) -> int:
        await workflow.execute_activity_method(
            VideoActivities.write_script, start_to_close_timeout=_A_WHILE, retry_policy=_ONCE
        )
        count = await workflow.execute_activity_method(
            VideoActivities.render_videos, generator, start_to_close_timeout=_A_WHILE, retry_policy=_ONCE
        )
        return await workflow.execute_activity_method(
            VideoActivities.store_videos, count, start_to_close_timeout=_A_WHILE, retry_policy=_ONCE
        )
