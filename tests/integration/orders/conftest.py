"""A real worker with its configuration, and a stranger who reaches its Temporal."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from activities.incidents.stewardship import StewardshipActivities
from activities.managers import Managers
from models.actions.change import Change
from models.actions.plan import Plan
from models.configuration.configuration import Configuration
from models.incident.search_attributes import ALL
from models.incident.stewardship import (
    AllowedBy,
    Answer,
    Ask,
    Hold,
    Order,
    Release,
    Released,
    Remembered,
    StewardState,
)
from models.messages import STATE
from models.names import Severity, steward_id
from models.service.service import Service
from runtime.hosting import hosted
from tests.parts.servers.supervisor import SLEEPS, StartSupervisord, Supervisord
from workflows.runbooks.registry import NAMES

NUMBERS = itertools.count()


@dataclass
class Stage:
    """What there is on the machine, and what its worker's file says of it."""

    client: Client
    directory: Path
    supervisord: Supervisord
    reached: list[str] = field(default_factory=list)
    """Who has connected to what the stranger listens on."""
    port: int = 0
    edits: dict[str, Any] = field(default_factory=dict)
    """Parts of the backend that an operator has changed since."""

    @property
    def ran(self) -> Path:
        """Written by the configured script."""
        return self.directory / "ran"

    @property
    def strangers(self) -> Path:
        """Written by the stranger's."""
        return self.directory / "of-a-stranger"

    def configuration(self) -> Configuration:
        at = self.directory
        manager = {"kind": "supervisord", "socket": str(self.supervisord.socket)}
        backend = {
            "manager": {**manager, "program": "web"},
            "env_file": str(at / "web.env"),
            "pool": {"key": "POOL", "value": 50},
            "clean_up": {"directory": str(at / "logs"), "older_than": "0s"},
            **self.edits,
        }
        touch = ["/usr/bin/touch", str(self.ran)]
        answer = {"look": ["/usr/bin/test", "-e", str(self.ran)], "act": touch, "approval": "required"}
        content = {
            "services": {"backend": backend, "second": {"manager": {**manager, "program": "second"}}},
            "alerts": {"Untidy": {"answer": answer}},
            "directories": {"state": str(at / "state"), "reviews": str(at / "reviews")},
        }
        return Configuration.of(content, NAMES)

    @property
    def backend(self) -> Service:
        return self.configuration().services["backend"]

    def process(self, program: str) -> str:
        """As which process a program of supervisord runs, if it does."""
        seen = self.supervisord.service(program).manager
        state = Managers().of(Service(name=program, manager=seen)).state()
        return f"{state.running} {state.pid}"

    async def order(self, *steps: Change, steward: str = "backend") -> Remembered:
        """What came of an `ask` that was sent straight to a steward, as who reaches Temporal can."""
        number = next(NUMBERS)
        incident, run_id, key = f"Raw{number}/{steward}", str(uuid.uuid4()), f"raw-{number}"
        ask = Ask(
            key=key,
            service=steward,
            hold=Hold(
                incident=incident, run_id=run_id, severity=Severity.CRITICAL, asked_at=datetime.now(UTC)
            ),
            order=Order(
                key=key,
                incident=incident,
                run_id=run_id,
                plan=Plan(steps=steps, why="because"),
                approved_by="mallory",
            ),
            allowed_by=AllowedBy.REVERT,
        )
        stewards = StewardshipActivities(self.client)
        assert (await stewards.ask_steward(ask)).answer is Answer.GRANTED
        end = time.monotonic() + 60
        while (done := await self._of(steward, ask)) is None:
            assert time.monotonic() < end, "the steward has not carried it out"
            await asyncio.sleep(0.05)  # between two looks of a bounded wait
        released = Released(incident=incident, run_id=run_id, acted=False, healed=True)
        await stewards.release_service(Release(service=steward, dry_run=False, released=released))
        return done

    async def _of(self, steward: str, ask: Ask) -> Remembered | None:
        state: StewardState = await self.client.get_workflow_handle(steward_id(steward)).query(
            STATE, result_type=StewardState
        )
        return state.performed[-1] if ask.key in state.done_keys else None


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[WorkflowEnvironment]:
    binary = shutil.which("temporal", path=str(Path(sys.executable).parent)) or shutil.which("temporal")
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary, data_converter=pydantic_data_converter, search_attributes=ALL
    )
    async with environment as env:
        yield env


@pytest.fixture
async def stage(
    server: WorkflowEnvironment, tmp_path: Path, start_supervisord: StartSupervisord
) -> AsyncIterator[Stage]:
    supervisord = start_supervisord(web=SLEEPS, second=SLEEPS, other=SLEEPS)
    stage = Stage(server.client, tmp_path, supervisord)
    (tmp_path / "logs").mkdir()
    (tmp_path / "web.env").write_text("POOL=10\n")

    async def reached(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stage.reached.append("a connection")
        writer.close()

    listener = await asyncio.start_server(reached, "127.0.0.1", 0)
    stage.port = listener.sockets[0].getsockname()[1]
    async with listener, hosted(server.client, stage.configuration):
        yield stage
        for name in ("backend", "second"):
            with suppress(RPCError):  # it was never asked
                await server.client.get_workflow_handle(steward_id(name)).terminate("the test is over")
