"""The intake in tests: as a process, with a Temporal that can be killed and stand-in incidents."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio import workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from activities.people.keys import SigningKeys
    from activities.people.signatures import SignatureActivities
    from demo.parts.loopback import free_port
    from models.actions.change import Risk
    from models.actions.plan import Plan
    from models.actions.service import RestartService
    from models.checks.item import Item, ItemResult, ItemState, Table
    from models.checks.status import StatusPart, StatusReport, StatusRequest, StatusSection
    from models.configuration.configuration import Configuration
    from models.incident.alert import Alert
    from models.incident.announcement import NextRung
    from models.incident.incident import (
        Decided,
        Decision,
        Entry,
        IncidentState,
        PendingApproval,
        Phase,
        Spoken,
        Through,
        Verdict,
    )
    from models.incident.search_attributes import ALL
    from models.incident.stewardship import StewardState
    from models.names import TASK_QUEUE, Severity
    from models.people.link import SignedLink
    from models.service.service import Service, SupervisordManager
    from runtime.hosted.activities import activities_of
    from workflows.people.signed_out import SignedOut
    from workflows.stewardship.control_room import ControlRoom

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
SENDER = "sender-token-0123456789"
ANNA = "anna-token-0123456789"

CONFIGURATION = """
services:
  backend:
    aliases: [the-backend]
    manager: {kind: supervisord, program: backend, socket: /nonexistent/supervisor.sock}
alerts:
  ServiceDown: {severity: critical}
intake:
  people: {anna: {env: ANNA_TOKEN}}
approvals:
  keys: [{env: RUNBOOKS_TEST_SIGNING_KEY}]
"""
SIGNING_KEY = "5f1d7a9c3b2e4d6f8091a2b3c4d5e6f708192a3b"


class TemporalServer:
    """A Temporal with its database in a file, so that it can die and come back."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._database = directory / "temporal.db"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> Client:
        attributes = [word for key in ALL for word in ("--search-attribute", f"{key.name}=Keyword")]
        self._process = await asyncio.create_subprocess_exec(
            str(BIN / "temporal"), "server", "start-dev", "--headless", "--ip", "127.0.0.1",
            "--port", str(self.port), "--db-filename", str(self._database), "--log-level", "never",
            *attributes, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

        return await self.client()

    async def client(self) -> Client:
        """A client, once the server answers and knows the search attributes."""

        async def ready() -> Client | None:
            try:
                client = await Client.connect(self.address, data_converter=pydantic_data_converter)
                await client.count_workflows("AlertName = 'x'")
            except (RuntimeError, RPCError):
                return None
            return client

        client: Client = await until(ready, within=60)
        return client

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


async def until(look: Callable[[], Awaitable[Any]], within: float = 60.0) -> Any:
    """What `look` finds, as soon as it finds something."""
    end = time.monotonic() + within
    while not (found := await look()):
        assert time.monotonic() < end, f"nothing found within {within} s"
        await asyncio.sleep(0.05)  # between two looks of a bounded wait
    return found


def _asking(plan: Plan, now: datetime) -> PendingApproval:
    until = now + timedelta(hours=1)
    return PendingApproval(plan=plan, digest=plan.digest, risk=Risk.GUARDED, asked_at=now, expires_at=until)


class _StandIn:
    """An incident that remembers what it is told, asks one question, and ends by `done`."""

    def __init__(self, alert: Alert) -> None:
        self.alert = alert
        self.runbook = workflow.info().workflow_type
        self.entries: list[Entry] = []
        self.over = False
        self.used: set[str] = set()
        service = Service(name="backend", manager=SupervisordManager(program="backend", socket="/s"))
        plan = Plan(steps=(RestartService(service=service),), why="it hangs")
        now = workflow.now()
        self.awaiting: PendingApproval | None = _asking(plan, now)
        self.next_rung = NextRung(role="Team Lead", at=now + timedelta(minutes=5), person="bert")
        self.add("began")

    def add(self, text: str, spoken: Spoken | None = None) -> None:
        said = spoken or Spoken(by="runbook", through=Through.PRODUCT)
        self.entries.append(Entry(at=workflow.now(), text=text, by=said.signed_as, through=said.through))

    def state(self) -> IncidentState:
        return IncidentState(
            id=workflow.info().workflow_id,
            alert=self.alert,
            runbook=self.runbook,
            severity=Severity.CRITICAL,
            phase=Phase.CLOSED if self.over else Phase.AWAITING_APPROVAL,
            summary="a stand-in [bold]incident[/bold]",
            awaiting=self.awaiting,
            next_rung=None if self.over else self.next_rung,
            timeline=tuple(self.entries),
        )

    def decide(self, decision: Decision) -> Decided:
        if self.awaiting is None or decision.plan != self.awaiting.digest:
            return Decided(accepted=False, reason="that plan is not what is asked")
        self.awaiting = None
        self.add(f"{decision.verdict.value} {decision.text}".strip(), decision)
        return Decided(accepted=True, reason="counted")


class _Messages:
    @workflow.init
    def __init__(self, alert: Alert) -> None:
        self.one = _StandIn(alert)

    @workflow.signal
    def alert_changed(self, *alerts: Any) -> None:
        for alert in map(Alert.model_validate, alerts):
            self.one.alert = alert
            self.one.add(f"alert {alert.status.value}")
            self.one.over = self.one.over or not (alert.firing or alert.still_active)

    @workflow.signal
    def acknowledge(self, words: Spoken | None = None) -> None:
        self.one.add("acknowledged", words)

    @workflow.signal
    def note(self, words: Spoken | None = None) -> None:
        self.one.add(words.text if words else "", words)

    @workflow.signal
    def done(self, words: Spoken | None = None) -> None:
        self.one.add("done", words)
        self.one.over = True

    @workflow.signal
    def ask_another(self, service: str) -> None:
        """Ask about another plan, as when the first is void."""
        other = Service(name=service, manager=SupervisordManager(program=service, socket="/s"))
        plan = Plan(steps=(RestartService(service=other),), why="it hangs as well")
        self.one.awaiting = _asking(plan, workflow.now())
        self.one.add("asks anew")

    @workflow.update
    def decide(self, decision: Decision) -> Decided:
        return self.one.decide(decision)

    @decide.validator
    def _can_be_valid(self, decision: Decision) -> None:
        if "mallory" in (decision.by, decision.says_to_be):
            raise ApplicationError("mallory is nobody")

    @workflow.update
    def use_link(self, link: SignedLink) -> Decided:
        first = link.nonce not in self.one.used
        self.one.used.add(link.nonce)
        return Decided(accepted=first, reason="first" if first else "its signature was used already")

    @workflow.query
    def link_used(self, nonce: str) -> bool:
        return nonce in self.one.used

    @workflow.query
    def state(self) -> IncidentState:
        return self.one.state()


@workflow.defn(name="ServiceDown")
class ServiceDownStandIn(_Messages):
    @workflow.run
    async def run(self, alert: Alert) -> str:
        await workflow.wait_condition(lambda: self.one.over)
        return alert.name


@workflow.defn(name="AnyAlert")
class AnyAlertStandIn(_Messages):
    @workflow.run
    async def run(self, alert: Alert) -> str:
        await workflow.wait_condition(lambda: self.one.over)
        return alert.name


@workflow.defn(name="Steward")
class StewardStandIn:
    @workflow.init
    def __init__(self, state: StewardState) -> None:
        self.kept = state

    @workflow.run
    async def run(self, state: StewardState) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.signal
    def unblock(self) -> None:
        self.kept = self.kept.model_copy(update={"blocked_until": None})

    @workflow.query
    def state(self) -> StewardState:
        return self.kept


@workflow.defn(name="Status")
class StatusStandIn:
    """Finds every database in trouble, and nothing else."""

    @workflow.run
    async def run(self, request: StatusRequest) -> StatusReport:
        if request.service == "nobody":
            return StatusReport(at=workflow.now(), mistake="there is no service 'nobody'; known: backend")
        tries = Table(title="tries", columns=("at", "said"), rows=(("09:00", "no"), ("9:01", "x" * 150)))
        bad = ItemResult(
            state=ItemState.BAD,
            reason="nobody answers",
            details=("tried [bold]twice[/bold]",),
            tables=(tries,),
        )
        items = {StatusPart.DATABASE: (Item(name="connection to postgres", found=bad),)}
        sections = [StatusSection(part=part, items=items.get(part, ())) for part in request.parts]
        return StatusReport(at=workflow.now(), sections=tuple(sections))


def stand_in_worker(client: Client) -> Worker:
    """A worker with the stand-ins, and the control room as it is."""
    kinds = [ServiceDownStandIn, AnyAlertStandIn, StewardStandIn, StatusStandIn, ControlRoom, SignedOut]
    return Worker(client, task_queue=TASK_QUEUE, workflows=kinds, **who_says())


def who_says() -> dict[str, Any]:
    """For a worker of the control room or of stewards: it knows the key of `CONFIGURATION`."""
    os.environ.setdefault("RUNBOOKS_TEST_SIGNING_KEY", SIGNING_KEY)
    keys = {"keys": [{"env": "RUNBOOKS_TEST_SIGNING_KEY"}]}
    configuration = Configuration.model_validate({"approvals": keys})
    signatures = SignatureActivities(SigningKeys(lambda: configuration))
    return {"activities": activities_of(signatures), "activity_executor": ThreadPoolExecutor(2)}


def environment(temporal: str, **more: str) -> dict[str, str]:
    """The variables of a command: this Temporal, no profile of the machine, no colours."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {
        **kept, "TEMPORAL_ADDRESS": temporal, "TEMPORAL_CONFIG_FILE": "/nonexistent/temporal.toml",
        "ANNA_TOKEN": ANNA, "RUNBOOKS_TEST_SIGNING_KEY": SIGNING_KEY,
        "NO_COLOR": "1", "COLUMNS": "200", **more,
    }  # fmt: skip


LONGEST_LINE = 2**24
"""Bytes of a line of the log: nobody reads on behind a longer one, and the process would wait for ever."""


class Intake:
    """`starter.py serve` as a process, its address and its log."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.log: list[str] = []


@asynccontextmanager
async def intake_process(config: Path, variables: Mapping[str, str], *options: str) -> AsyncIterator[Intake]:
    """The intake on a free port, ended by SIGTERM; it must then leave with 0."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "starter.py", "serve", "--port", "0", "--config", str(config), *options,
        cwd=ROOT, env=dict(variables), stderr=asyncio.subprocess.PIPE, limit=LONGEST_LINE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            while (line := (await process.stderr.readline()).decode()) and "listening" not in line:
                pass
        assert line, "the intake did not start"
        intake = Intake(process, json.loads(line)["port"])
        following = asyncio.create_task(_follow(process.stderr, intake.log))
        yield intake
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(60):
            assert await process.wait() == 0
            await following
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _follow(stream: asyncio.StreamReader, lines: list[str]) -> None:
    while line := await stream.readline():
        lines.append(line.decode())


def alert(**changes: Any) -> dict[str, Any]:
    """One alert as Alertmanager sends it."""
    labels = {"alertname": "ServiceDown", "service": "backend", "severity": "critical"}
    return {
        "status": changes.pop("status", "firing"),
        "labels": labels | changes.pop("labels", {}),
        "annotations": {"summary": "backend does not answer"},
        "startsAt": "2026-01-05T03:00:00.000Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": "00f1e2d3c4b5a697",
        **changes,
    }


def webhook(*alerts: Any, **changes: Any) -> dict[str, Any]:
    """A webhook of Alertmanager, version 4."""
    return {
        "version": "4", "groupKey": '{}:{alertname="ServiceDown"}', "truncatedAlerts": 0, "status": "firing",
        "receiver": "runbooks", "groupLabels": {"alertname": "ServiceDown"}, "commonLabels": {},
        "commonAnnotations": {}, "externalURL": "http://alertmanager:9093", "alerts": list(alerts), **changes,
    }  # fmt: skip


def approval(plan: str) -> dict[str, str]:
    return {"verdict": Verdict.APPROVE.value, "plan": plan, "text": "go"}
