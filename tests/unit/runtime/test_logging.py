"""What the log of a process that serves holds, and what it must not."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import logging
from runtime.logging import log_as_json

def fail(token):
    raise ValueError("it failed")

log_as_json()
try:
    fail("s3cret" + "-token")
except ValueError:
    logging.getLogger("any").exception("caught")
"""


def test_a_traceback_does_not_hold_the_values_of_variables() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    line = json.loads(done.stderr)
    assert (line["event"], line["level"]) == ("caught", "error")
    assert line["exception"][0]["exc_value"] == "it failed"
    assert "s3cret-token" not in done.stderr
