"""The systemd of the tests ends with them, also where nobody could clean up."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from tests.parts.machine import systemd
from tests.parts.requirements import missing

_TESTS = """
import sys, time
from pathlib import Path
from tests.parts.machine import systemd
running = systemd.running(Path(sys.argv[1]), [Path(one) for one in sys.argv[2:]])
next(running)
print("up", flush=True)
time.sleep(600)
"""


def test_it_ends_with_tests_that_are_killed() -> None:
    if not systemd.SYSTEMD.exists() or os.geteuid() != 0:
        missing("needs systemd, and root for its namespace")
    with tempfile.TemporaryDirectory(prefix="sd-") as directory:
        groups = systemd.groups_called(f"{Path(directory).name}.slice")
        try:
            command = [sys.executable, "-c", _TESTS, directory, *map(str, groups)]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as tests:
                assert tests.stdout
                assert tests.stdout.readline() == b"up\n"
                left = [psutil.Process(pid) for one in groups for pid in systemd.pids(one)]
                assert {"systemd", "systemd-journald"} <= {one.name() for one in left}
                tests.kill()
            until = time.monotonic() + 15
            while any(map(_runs, left)):
                assert time.monotonic() < until, left
                time.sleep(0.05)
        finally:
            systemd.end(groups)


def _runs(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False
