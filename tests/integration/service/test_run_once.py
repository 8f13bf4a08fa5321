"""An effect whose process stood still between its look and its act: another worker may have acted since."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

CHILD = """
import dataclasses, os, signal, sys
from datetime import timedelta
from pathlib import Path
from temporalio.testing import ActivityEnvironment
from activities.service.outcomes import Outcome
from activities.service.run_once import once

trace, stops = Path(sys.argv[1]), sys.argv[2] == "stops"
beats = timedelta(seconds=5)

def look():
    if stops:
        os.kill(os.getpid(), signal.SIGSTOP)
    return Outcome(trace.exists(), "it was seen", "")

env = ActivityEnvironment()
env.info = dataclasses.replace(env.info, heartbeat_timeout=beats, start_to_close_timeout=timedelta(minutes=1))
print(env.run(once, "restart backend", look, trace.touch, timedelta()))
"""


def effect(trace: Path, mode: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(trace), mode],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


def until(true: Callable[[], bool]) -> None:
    for _ in range(600):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("never true")


def test_a_process_that_goes_on_acts(tmp_path: Path) -> None:
    done = effect(tmp_path / "acted", "goes-on").communicate(timeout=60)
    assert (tmp_path / "acted").exists(), done


@pytest.mark.fault
def test_a_process_that_stood_still_after_its_look_does_not_act(tmp_path: Path) -> None:
    child = effect(tmp_path / "acted", "stops")
    for _ in range(2):  # a look that took so long is taken again, and stands still again
        until(lambda: stopped(child.pid))
        time.sleep(1.5)  # longer than the fifth of its heartbeat time-out that the server may have left
        os.kill(child.pid, signal.SIGCONT)
    _, errors = child.communicate(timeout=60)
    assert not (tmp_path / "acted").exists()
    assert "did not restart backend: this worker was paused" in errors
