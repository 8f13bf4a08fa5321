"""The whole pipeline as a test sees it: the stack that runs, its incidents, and what they said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from demo.faults import Fault
from demo.parts.http import plain_client
from demo.parts.waiting import PATIENCE, until
from demo.stack import Stack
from demo.systems.services import BACKEND
from demo.webhook import Firing, post
from models.incident.incident import Entry, IncidentState
from models.incident.review import Review
from models.incident.stewardship import StewardState
from models.names import DRY_RUN, STEWARD, TASK_QUEUE, incident_id, steward_id

SERVICE_DOWN = incident_id("ServiceDown", BACKEND)
Run = WorkflowHandle[Any, Review]


@dataclass(frozen=True)
class Pipeline:
    """One running stack, and a client of its Temporal."""

    stack: Stack
    client: Client

    @classmethod
    async def of(cls, stack: Stack) -> Pipeline:
        converter = pydantic_data_converter
        return cls(stack, await Client.connect(stack.temporal.address, data_converter=converter))

    def configure(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Edit `runbooks.yaml` as an operator would; incidents that begin from now on take it."""
        content = yaml.safe_load(self.stack.config.read_text())
        change(content)
        self.stack.config.write_text(yaml.safe_dump(content, sort_keys=False))

    @asynccontextmanager
    async def broken_by(self, fault: Fault) -> AsyncIterator[None]:
        """Break the services. Prometheus looks again when they are, as one does that waits for a minute:
        here it waits two seconds, and would tell of what is only half broken."""
        prometheus = self.stack.prometheus
        assert prometheus is not None
        prometheus.process.pause()
        try:
            async with fault.inject(self.stack.services):
                prometheus.process.resume()
                yield
        finally:
            prometheus.process.resume()

    async def fire(self, firing: Firing) -> Run:
        """Post the alert as Alertmanager would; the run that took it."""
        await post(self.stack.intake.url, self.stack.token, firing)
        return await self.run_of(firing.incident, firing.starts_at)

    async def resolve(self, firing: Firing) -> None:
        """Post that the alert is over."""
        await post(self.stack.intake.url, self.stack.token, firing, resolved=True)

    async def run_of(self, incident: str, since: datetime, within: float = PATIENCE) -> Run:
        """The run of this incident that began after `since`, once there is one."""
        handle = self.client.get_workflow_handle(incident, result_type=Review)

        async def not_yet() -> str:
            with suppress(RPCError):
                began = (await handle.describe()).start_time
                return "" if began >= since else f"the last run began at {began}"
            return "there is no run"

        await until(f"run of {incident}", not_yet, within=within)
        run_id = (await handle.describe()).run_id
        return self.client.get_workflow_handle(incident, run_id=run_id, result_type=Review)

    async def runs(self, query: str) -> int:
        """How many runs Temporal finds."""
        return (await self.client.count_workflows(query)).count

    async def state(self, run: Run) -> IncidentState:
        """What the incident says of itself, as soon as it can be asked."""
        state: IncidentState = await run.query("state", result_type=IncidentState)
        return state

    async def until_state(
        self, run: Run, what: str, holds: Callable[[IncidentState], bool], within: float = PATIENCE
    ) -> IncidentState:
        """Wait until its state is so; the timeline is told when it never is."""
        found: list[IncidentState] = []

        async def not_yet() -> str:
            with suppress(RPCError):
                found.append(await self.state(run))
                return "" if holds(found[-1]) else told(found[-1])
            return "it cannot be asked"

        await until(f"{run.id}: {what}", not_yet, within=within)
        return found[-1]

    async def review(self, run: Run, within: float = PATIENCE) -> Review:
        """The result of the run, which must complete in time."""

        async def still_open() -> str:
            with suppress(RPCError):
                if (await run.describe()).status is not WorkflowExecutionStatus.RUNNING:
                    return ""
                return told(await self.state(run))
            return "it cannot be asked"

        await until(f"end of {run.id}", still_open, within=within)
        assert (await run.describe()).status is WorkflowExecutionStatus.COMPLETED
        return await run.result()

    async def stored_review(self, run: Run) -> str:
        """The Markdown that the run wrote."""
        path = Path((await self.state(run)).review)
        return await asyncio.to_thread(path.read_text)

    async def approve(self, run: Run, by: str = "anna") -> None:
        """As a person does it: wait for the question, then type `starter.py approve`."""
        await self.until_state(run, "a question", lambda state: state.awaiting is not None)
        done = await asyncio.to_thread(self.stack.command, "approve", run.id, "--by", by, "--yes")
        assert done.returncode == 0, done.stderr

    async def forget(self) -> None:
        """End every open workflow; the next test is the first. Each steward has a successor that remembers
        nothing, as one that is only ended still tells what it knew."""
        running = [one async for one in self.client.list_workflows("ExecutionStatus = 'Running'")]
        for found in sorted(running, key=lambda one: one.workflow_type == STEWARD):
            if found.workflow_type == STEWARD:
                service = found.id.removeprefix(steward_id("")).removesuffix(DRY_RUN)
                fresh = StewardState(service=service)
                anew = WorkflowIDConflictPolicy.TERMINATE_EXISTING
                await self.client.start_workflow(
                    STEWARD, fresh, id=found.id, task_queue=TASK_QUEUE, id_conflict_policy=anew
                )
                continue
            with suppress(RPCError):  # it may have ended meanwhile
                await self.client.get_workflow_handle(found.id, run_id=found.run_id).terminate("next test")

    async def until_quiet(self, within: float = PATIENCE) -> None:
        """Wait until Alertmanager knows of no alert that fires."""
        alertmanager = self.stack.alertmanager
        assert alertmanager is not None

        async def fires() -> str:
            async with plain_client(2) as http:
                found = (await http.get(f"{alertmanager.url}/api/v2/alerts?active=true")).json()
            return ", ".join(alert["labels"]["alertname"] for alert in found)

        await until("no alert", fires, within=within)


def told(state: IncidentState) -> str:
    """Phase and timeline in one line, for the message of a test that waited in vain."""
    lines = "; ".join(entry.text for entry in state.timeline)
    return f"{state.phase}: {lines}"


def said(timeline: tuple[Entry, ...], text: str) -> list[Entry]:
    """The lines of a timeline that hold this text."""
    return [entry for entry in timeline if text in entry.text]
