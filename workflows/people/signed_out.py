"""A session that was ended: that Temporal knows of its run is all that is asked of it."""

from __future__ import annotations

from temporalio import workflow


@workflow.defn
class SignedOut:
    """Does nothing. Every intake finds it by its ID, which is made of the session, as long as Temporal keeps
    closed runs: a day at least, and no session lasts that long."""

    @workflow.run
    async def run(self) -> None:
        return
