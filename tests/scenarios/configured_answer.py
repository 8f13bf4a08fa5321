"""ConfiguredAnswer: alerts that the configuration answers, with a script or a restart of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from activities.answers.answers import AnswerSeen
from demo.systems.services import Services
from models.evidence.evidence import Finding
from models.incident.incident import Outcome
from tests.parts.product.pipeline import Pipeline
from tests.parts.scenarios.play import Played
from tests.parts.scenarios.scenario import Scenario
from tests.workflows import sights
from tests.workflows.rows import Row
from tests.workflows.scenes import scene

LOGS = Path(f"/tmp/answered-{os.getpid()}")
ROOM = 100_000
"""Bytes that the logs of the directory may have together."""

LOOK = f"""#!{sys.executable}
import pathlib, sys
size = sum(one.stat().st_size for one in pathlib.Path({str(LOGS)!r}).glob("*.log"))
print(f"{{size}} bytes of logs of {{sys.argv[1]}}")
sys.exit(size > {ROOM})
"""
TIDY = f"""#!{sys.executable}
import pathlib
for one in pathlib.Path({str(LOGS)!r}).glob("*.log"):
    one.unlink()
    print("deleted", one.name, flush=True)
"""


@asynccontextmanager
async def full_of_logs(_: Services) -> AsyncIterator[None]:
    """A directory has more logs than it may have."""
    _fill()
    try:
        yield
    finally:
        _empty()


def _fill() -> None:
    LOGS.mkdir(exist_ok=True)
    for number in range(3):
        (LOGS / f"{number}.log").write_bytes(b"x" * ROOM)


def _empty() -> None:
    for one in LOGS.iterdir():
        one.unlink()
    LOGS.rmdir()


def _logs() -> list[Path]:
    return list(LOGS.glob("*.log"))


def _program(name: str, text: str) -> str:
    path = LOGS.with_name(f"{LOGS.name}-{name}")
    path.write_text(text)
    path.chmod(0o700)
    return str(path)


def _answered(content: dict[str, Any], answer: dict[str, Any]) -> None:
    rule = {**content["alerts"]["ServiceDown"], "answer": answer}
    content["alerts"]["ConfiguredAnswer"] = rule


def by_script(content: dict[str, Any], **more: Any) -> None:
    """With a script that deletes the logs."""
    look, act = _program("look", LOOK), _program("tidy", TIDY)
    _answered(content, {"look": [look, "{service}"], "act": [act], **more})


def by_restart(content: dict[str, Any]) -> None:
    _answered(content, {"act": "restart"})


async def logs_are_gone(_: Pipeline, __: Played) -> None:
    assert _logs() == []


_row = partial(Scenario, runbook="ConfiguredAnswer")

SCENARIOS = (
    _row(
        name="a script makes room once a person approves",
        cause="as configured, with approval",
        faults=(full_of_logs,),
        configure=by_script,
        action=("run-script",),
        approved_by=("anna",),
        says=("bytes of logs of backend",),
        evidence={"answer": "300000 bytes of logs of backend"},
        afterwards=logs_are_gone,
    ),
    _row(
        name="a script makes room unasked",
        cause="as configured",
        faults=(full_of_logs,),
        configure=partial(by_script, approval="automatic"),
        action=("run-script",),
        says=("exited with 0: deleted",),
        afterwards=logs_are_gone,
    ),
    _row(
        name="what hangs is restarted",
        cause="as configured",
        faults=("hang",),
        configure=by_restart,
        action=("restart-service",),
        also_seen=None,
    ),
    _row(
        name="nothing is wrong",
        cause="",
        configure=by_script,
        outcome=Outcome.SELF_RECOVERED,
        timeline=("the alert is not true any more",),
    ),
)

_SCRIPT = {"look": ["/opt/look", "{service}"], "act": ["/opt/tidy", "{alert}", "{{}}"]}
_BAD = AnswerSeen(finding=Finding.BAD, reason="the disk is full")


def _configured(**answer: Any) -> dict[str, Any]:
    return {"alerts": {"ConfiguredAnswer": {"severity": "critical", "answer": answer}}}


_scripted = partial(Row, done=("run /opt/tidy ConfiguredAnswer '{}' for backend",))

ROWS = (
    _scripted(
        "as configured, with approval",
        scene(answer=_BAD),
        asks=True,
        configuration=_configured(**_SCRIPT),
    ),
    _scripted(
        "as configured",
        scene(answer=_BAD),
        configuration=_configured(**_SCRIPT, approval="automatic"),
    ),
    Row(
        "as configured",
        scene(health=sights.REFUSED, process=sights.RUNNING),
        variant="a restart",
        done=("restart backend",),
        configuration=_configured(act="restart"),
    ),
    Row(
        "as configured, with approval",
        scene(health=sights.REFUSED, process=sights.RUNNING),
        variant="a restart that a person is asked about",
        asks=True,
        done=("restart backend",),
        configuration=_configured(act="restart", approval="required"),
    ),
)
