"""Who says that a process ran out of memory: a line of its log alone raises no limit.

Each row is a situation that people reported; `docs/field.md` names the reports.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from activities.managers.process_seen import Ended
from activities.service.logs import LogMatch, LogsSeen
from models.evidence.evidence import Finding
from models.evidence.seen import Seen
from models.service.service import LogScan
from tests.unit.workflows.test_diagnosis import POLICY, SERVICE, TABLES
from tests.workflows import sights
from workflows.diagnosis import looks
from workflows.diagnosis.causes import Walked, walk
from workflows.diagnosis.situation import Situation

ALONE = "out of memory, by its log alone"
V8 = "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"
JVM = "Terminating due to java.lang.OutOfMemoryError: Java heap space"
OPENJ9 = "JVMDUMP046I VM is shutting down. Reason: java/lang/OutOfMemoryError"
CRASHED_JVM = "Aborting due to java.lang.OutOfMemoryError: Java heap space"
TRACEBACK = ("Traceback (most recent call last):", '  File "app.py", line 3, in load')
NUMPY = "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 58.0 GiB for an array"
GPU = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"
GUNICORN = "[18] [ERROR] Worker (pid:21) was sent SIGKILL! Perhaps out of memory?"
LIMITED = {"memory_limit": 256 * sights.MIB}


def walked(lines: tuple[str, ...], **ended: Any) -> tuple[Walked, Situation]:
    """ServiceDown on a process that crashed with these lines at the end of its log."""
    match = {"out-of-memory": LogMatch(count=1, sample=lines[-1])}
    log = LogsSeen(finding=Finding.BAD, reason="out-of-memory (1)", tail=lines, matches=match)
    process = sights.crashed(sights.LONG_AGO).model_copy(update={**LIMITED, **ended})
    now = Situation(Seen().having([(looks.process, process), (looks.recent_logs, log)]), POLICY, SERVICE)
    return walk(TABLES["ServiceDown"], now), now


@pytest.mark.parametrize(
    ("lines", "ended"),
    [
        ((V8,), {"exit_code": 134}),
        ((V8, "server listens on 3000"), {"exit_code": 133}),
        ((V8,), {"exit_code": 139}),
        ((V8,), {"exit_code": 137}),
        ((JVM,), {"exit_code": 3}),
        ((OPENJ9,), {"exit_code": 3}),
        ((CRASHED_JVM,), {"exit_code": 134}),
        ((*TRACEBACK, "MemoryError", ""), {"exit_code": 1}),
        ((*TRACEBACK, NUMPY), {"exit_code": 1}),
        ((GUNICORN, "[18] [INFO] Shutting down: Master"), {"exit_code": 3, "oom_killed_before": True}),
        (("heap out of memory",), {"exit_code": 1, "oom_killed_before": True}),
        (("nothing said",), {"exit_code": 137, "oom_killed": True}),
    ],
)
def test_the_log_and_the_end_agree(lines: tuple[str, ...], ended: dict[str, Any]) -> None:
    found, now = walked(lines, **ended)
    assert found.cause.name == "out of memory"
    plan = found.cause.fix(now)
    assert plan is not None
    assert [step.kind for one in plan.plans for step in one.steps] == ["raise-memory-limit", "start-service"]


@pytest.mark.parametrize(
    ("lines", "ended"),
    [
        ((V8, V8), {"exit_code": 1}),
        ((V8,), {"exit_code": 0}),
        ((V8,), {"exit_code": 3}),
        ((V8,), {"exit_code": None}),
        ((JVM,), {"exit_code": 1}),
        (("MemoryError",), {"exit_code": 1}),
        ((*TRACEBACK, "MemoryError", *TRACEBACK, "KeyError: 'price'"), {"exit_code": 1}),
        (("user said: MemoryError", *TRACEBACK, "ValueError: MemoryError"), {"exit_code": 1}),
        ((*TRACEBACK, "MemoryError"), {"exit_code": 2}),
        ((*TRACEBACK, GPU), {"exit_code": 1}),
        ((GUNICORN,), {"exit_code": 1}),
    ],
)
def test_a_line_alone_raises_no_limit(lines: tuple[str, ...], ended: dict[str, Any]) -> None:
    found, now = walked(lines, **ended)
    assert (found.cause.name, found.also_seen) == (ALONE, ("crash",))
    plan = found.cause.fix(now)
    assert plan is not None
    assert [step.kind for one in plan.plans for step in one.steps] == ["start-service"]
    assert "only a line of its log says that it ran out of memory: its memory limit stays" in str(plan)


@pytest.mark.parametrize("code", [1, 137])
def test_a_planted_line_hides_neither_a_person_nor_a_kill(code: int) -> None:
    assert walked((V8,), exit_code=code, ended=Ended.STOPPED)[0].cause.name == "stopped by somebody"
    killed = walked((V8,), exit_code=code, ended=Ended.KILLED)[0]
    assert killed.cause.name == "crash"
    assert "out of memory" in killed.ruled_out[0]


def test_a_planted_line_does_not_get_a_loop_started_for_ever() -> None:
    loop = {"exit_code": 1, "restarts": 3}
    assert walked((V8,), **loop)[0].cause.name == "crash loop"


@pytest.mark.parametrize("line", [V8, JVM, OPENJ9, CRASHED_JVM, NUMPY, GPU, GUNICORN, "MemoryError"])
def test_each_of_these_lines_is_known(line: str) -> None:
    assert re.search(LogScan().patterns["out-of-memory"], line)
