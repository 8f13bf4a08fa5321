"""The product itself, as an operator runs it: two processes, or one that is both."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from demo.parts.http import answers
from demo.parts.loopback import LOOPBACK, free_port
from demo.parts.part import ProcessPart
from demo.parts.process import Process
from demo.systems.backend import ROOT
from models.names import queue_of

_COMMAND_WITHIN = 30
"""Seconds for one command of `starter.py`."""


def new_token(directory: Path) -> Path:
    """A file with a fresh bearer token for the intake, readable by us alone."""
    file = directory / "intake-token"
    file.touch(mode=0o600)
    file.write_text(secrets.token_urlsafe(24))
    return file


def product_environment(
    temporal: str, token_file: Path | None, packages: Iterable[Path] = ()
) -> dict[str, str]:
    """What worker, intake and commands are told: where Temporal is, the token, and packages of runbooks."""
    return {
        "TEMPORAL_ADDRESS": temporal,
        "TEMPORAL_NAMESPACE": "default",
        "RUNBOOKS_INTAKE_TOKEN_FILE": str(token_file or ""),
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, *packages))),
        "PYTHONUNBUFFERED": "1",
    }


class Worker(ProcessPart):
    """`python worker.py`: ready when Temporal sees this very process poll its task queue.

    It drains for longer than the demo wants to wait: what it leaves, another worker would take up.
    """

    stop_within = 4.0

    def __init__(
        self,
        directory: Path,
        *,
        config: Path,
        environment: Mapping[str, str],
        host: str | None = None,
        name: str = "worker",
    ) -> None:
        argv = [sys.executable, str(ROOT / "worker.py"), "--config", str(config)]
        argv += ["--host", host] if host else []
        self._address = environment["TEMPORAL_ADDRESS"]
        self._namespace = environment.get("TEMPORAL_NAMESPACE", "default")
        self._queue = queue_of(host)
        self.process = Process(name, argv, directory=directory, env=environment)

    async def looks_ready(self) -> str:
        request = DescribeTaskQueueRequest(
            namespace=self._namespace,
            task_queue=TaskQueue(name=self._queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        )
        try:
            client = await Client.connect(self._address)
            seen = await client.workflow_service.describe_task_queue(request)
        except (RPCError, RuntimeError) as error:
            return str(error)
        ours = f"{self.process.pid}@"
        found = any(ours in poller.identity for poller in seen.pollers)
        return "" if found else f"process {self.process.pid} does not poll {self._queue} yet"


class Intake(ProcessPart):
    """`python starter.py serve` on `url`: ready when it answers. `/readyz` waits for a worker, too."""

    ready_at = "/healthz"

    def __init__(
        self,
        directory: Path,
        *,
        config: Path,
        environment: Mapping[str, str],
        port: int | None = None,
        name: str = "intake",
    ) -> None:
        port = port or free_port()
        self.url = f"http://{LOOPBACK}:{port}"
        argv = [sys.executable, str(ROOT / "starter.py"), "serve", "--config", str(config)]
        argv += ["--host", LOOPBACK, "--port", str(port)]
        self.process = Process(name, argv, directory=directory, env=environment)

    async def looks_ready(self) -> str:
        return await answers(f"{self.url}{self.ready_at}")


class OneProcess(Intake):
    """`python starter.py serve --with-worker`: ready when `/readyz` says that its worker runs, too.

    Like a `Worker`, it drains for longer than the demo wants to wait.
    """

    stop_within = 4.0
    ready_at = "/readyz"

    def __init__(
        self, directory: Path, *, config: Path, environment: Mapping[str, str], port: int | None = None
    ) -> None:
        super().__init__(directory, config=config, environment=environment, port=port, name="product")
        self.process.argv.append("--with-worker")


def command(
    *arguments: str, config: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run `python starter.py ARGUMENTS…` as a person would, and wait for its end."""
    return subprocess.run(
        [sys.executable, str(ROOT / "starter.py"), *arguments],
        cwd=config.parent,
        env={**os.environ, **environment, "RUNBOOKS_CONFIG": str(config)},
        capture_output=True,
        text=True,
        timeout=_COMMAND_WITHIN,
        check=False,
    )
