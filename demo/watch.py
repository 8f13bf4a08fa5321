"""Every incident as it happens: its timeline on the screen, and its questions answered."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from demo.screen import Screen
from demo.stack import Stack
from models.incident import IncidentState, PendingApproval
from models.review import Review

_OPEN = "ExecutionStatus = 'Running' AND AlertName IS NOT NULL"

Run = WorkflowHandle[None, Review]


class Watch:
    """Follows incidents without steering them, but for an approval: it shows the command that a
    person would type, and types it."""

    def __init__(self, stack: Stack, screen: Screen) -> None:
        self._stack = stack
        self._screen = screen
        self._runs: dict[str, Run] = {}
        self._told: dict[str, int] = {}
        self._approved: set[str] = set()

    async def run_of(self, incident: str) -> Run:
        """This very run, followed from now on: the ID alone would also find the next one."""
        client = await self._client()
        run_id = (await client.get_workflow_handle(incident).describe()).run_id
        assert run_id is not None
        return self._follow(client, incident, run_id)

    async def look(self) -> None:
        """Tell what is new in every incident that is open or was; answer what is asked."""
        client = await self._client()
        async for found in client.list_workflows(_OPEN):
            self._follow(client, found.id, found.run_id)
        for run_id, run in self._runs.items():
            with suppress(RPCError):  # a run whose first step is not done yet cannot be asked
                state = await run.query("state", result_type=IncidentState)
                self._tell(run_id, state)
                if state.awaiting and state.awaiting.digest not in self._approved:
                    await self._approve(state.id, state.awaiting)

    async def _client(self) -> Client:
        return await Client.connect(self._stack.temporal.address, data_converter=pydantic_data_converter)

    def _follow(self, client: Client, incident: str, run_id: str) -> Run:
        handle = client.get_workflow_handle(incident, run_id=run_id, result_type=Review)
        return self._runs.setdefault(run_id, handle)

    def _tell(self, run_id: str, state: IncidentState) -> None:
        told = self._told.get(run_id, 0)
        for entry in state.timeline[told:]:
            self._screen.line(f"  {state.runbook}: {entry.text}")
        self._told[run_id] = len(state.timeline)
        self._screen.status(f"{state.id}: {state.phase.value}")

    async def _approve(self, incident: str, pending: PendingApproval) -> None:
        self._approved.add(pending.digest)
        arguments = ("approve", incident, "--by", "demo")
        self._screen.line(f"APPROVAL  {pending.risk.value}: {pending.plan.says}")
        self._screen.line("          A person would type this now; the demo types it for you:")
        self._screen.plain(f"            python starter.py {' '.join(arguments)}")
        done = await asyncio.to_thread(self._stack.command, *arguments)
        self._screen.line(f"          {(done.stdout if done.returncode == 0 else done.stderr).strip()}")
