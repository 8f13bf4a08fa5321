"""What every measurement stands on: a Temporal, a supervisor, and a place for their files."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from bench.bare import QUEUE
from demo.parts.part import ProcessPart
from demo.parts.process import Process
from demo.systems.backend import ROOT
from demo.systems.supervisor import Program, Supervisord
from demo.systems.temporal import Temporal


class BareWorker(ProcessPart):
    """`python -m bench.bare_worker`, ready when it polls."""

    def __init__(self, directory: Path, address: str) -> None:
        argv = [sys.executable, "-m", "bench.bare_worker"]
        environment = {"TEMPORAL_ADDRESS": address, "PYTHONPATH": str(ROOT)}
        self._address = address
        self.process = Process("bare-worker", argv, directory=directory, env=environment)

    async def looks_ready(self) -> str:
        request = DescribeTaskQueueRequest(
            namespace="default",
            task_queue=TaskQueue(name=QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        )
        client = await Client.connect(self._address)
        seen = await client.workflow_service.describe_task_queue(request)
        return "" if seen.pollers else "the bare worker does not poll yet"


class StockTemporal(Temporal):
    """The same server with its stock settings: the pragmas of its database taken out."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        argv = self.process.argv
        pragmas = {place for i, word in enumerate(argv) if word == "--sqlite-pragma" for place in (i, i + 1)}
        self.process.argv = [word for i, word in enumerate(argv) if i not in pragmas]


def inside(directory: Path, name: str) -> Path:
    """A new directory in this one."""
    made = directory / name
    made.mkdir()
    return made


async def client_of(temporal: Temporal) -> Client:
    return await Client.connect(temporal.address, data_converter=pydantic_data_converter)


class _AllStarted(Supervisord):
    """It starts what it supervises."""

    async def start(self) -> None:
        await super().start()
        await self.ask("startAllProcesses")


def supervisord(directory: Path, programs: Mapping[str, str]) -> Supervisord:
    """A supervisord with these programs, each a piece of Python, which it does not restart itself."""
    described = []
    for name, code in programs.items():
        file = directory / f"{name}.py"
        file.write_text(code)
        described.append(Program(name, [sys.executable, str(file)]))
    return _AllStarted(directory, described)


def as_installed() -> None:
    """Leave out what a development machine may set: everything here is local, and modules are kept
    compiled, as they are after the first start of an installed product."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        os.environ.pop(name, None)
