"""Every incident as it happens: its timeline on the screen, and its questions answered."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from demo.screen import Screen
from demo.stack import Stack
from models.incident.incident import IncidentState, PendingApproval, Phase
from models.incident.review import Review

A_PERSON = "a person:"
"""So begins what an incident waits for that asked a person to do something."""
_OPEN = "ExecutionStatus = 'Running' AND AlertName IS NOT NULL"

REPORTED = "an acknowledgement"
"""So begins what an incident waits for that has reported something."""

Run = WorkflowHandle[None, Review]


class Watch:
    """Follows incidents without steering them, but for an approval: it shows the command that a
    person would type, and types it."""

    def __init__(self, stack: Stack, screen: Screen) -> None:
        self._stack = stack
        self._screen = screen
        self._runs: dict[str, Run] = {}
        self._told: dict[str, int] = {}
        self._phases: dict[str, Phase] = {}
        self._approved: set[str] = set()
        self._taken_over: set[str] = set()
        self._read: set[str] = set()
        self._asked: set[str] = set()

    async def run_of(self, incident: str) -> Run:
        """This very run, followed from now on: the ID alone would also find the next one."""
        client = await self._client()
        run_id = (await client.get_workflow_handle(incident).describe()).run_id
        assert run_id is not None
        return self._follow(client, incident, run_id)

    async def look(self, run: Run) -> Phase:
        """Tell what is new in every incident, and answer what is asked; the phase of `run`."""
        client = await self._client()
        async for found in client.list_workflows(_OPEN):
            self._follow(client, found.id, found.run_id)
        for run_id, one in self._runs.items():
            with suppress(RPCError):  # a run whose first step is not done yet cannot be asked
                state = await one.query("state", result_type=IncidentState)
                self._tell(run_id, state)
                self._phases[run_id] = state.phase
                if state.waits_for.startswith(REPORTED) and run_id not in self._read:
                    self._read.add(run_id)
                    await self._acknowledge(state.id)
                if state.waits_for.startswith(A_PERSON) and run_id not in self._asked:
                    self._asked.add(run_id)
                    await self._do(state)
                if state.awaiting and state.awaiting.digest not in self._approved:
                    await self._approve(state.id, state.awaiting)
        return self._phases.get(run.run_id or "", Phase.TRIAGE)

    async def take_over(self, run: Run) -> None:
        """Close an incident that is left to people, as the one does who went on with it."""
        if run.id not in self._taken_over:
            self._taken_over.add(run.id)
            self._screen.line("PERSON    The runbook leaves the rest to a person, who would type in the end:")
            await self._type("done", run.id, "--by", "demo")

    async def _acknowledge(self, incident: str) -> None:
        """Say that the report was read, as its reader does."""
        self._screen.line("PERSON    The report is there; who has read it would type:")
        await self._type("ack", incident, "--by", "demo")

    async def _do(self, state: IncidentState) -> None:
        """What a person was asked to do is done; the fault has seen to it."""
        self._screen.line(f"PERSON    {state.waits_for}; who did it would type:")
        await self._type("done", state.id, "--by", "demo")

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
        self._screen.line(f"APPROVAL  {pending.risk.value}: {pending.plan.says}")
        for other in pending.others:
            self._screen.line(
                f"          or, with --plan {other.digest}, {other.risk.value}: {other.plan.says}"
            )
        self._screen.line("          A person would type this now; the demo types it for you:")
        await self._type("approve", incident, "--by", "demo", "--yes")

    async def _type(self, *arguments: str) -> None:
        self._screen.plain(f"            python starter.py {' '.join(arguments)}")
        done = await asyncio.to_thread(self._stack.command, *arguments)
        self._screen.line(f"          {(done.stdout if done.returncode == 0 else done.stderr).strip()}")
