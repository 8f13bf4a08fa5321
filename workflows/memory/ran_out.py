"""Whether a process that ended ran out of memory, and who says so.

Who can make an application log a text can have it log that it ran out of memory. So a line of the log
counts for a higher limit only beside something that no text can make: how the process ended, or the kernel.
"""

from __future__ import annotations

import re

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    import workflows.diagnosis.plans as plans
    from models.actions.plan import Plan
    from workflows.diagnosis.situation import Situation

PATTERN = "out-of-memory"
"""The pattern of a log by which an application says so."""

_BY_SIGNAL = frozenset({133, 134, 137, 139})
"""V8 and `-XX:+CrashOnOutOfMemoryError` abort (SIGABRT, SIGTRAP or SIGSEGV); the kernel kills."""
_OF_A_JVM = 3
"""Its exit code with `-XX:+ExitOnOutOfMemoryError`."""
_OF_AN_EXCEPTION = 1
"""Of Python, after an exception that nothing caught: its traceback is the last that it writes."""
_MEMORY_ERROR = re.compile(r"(?:\w+\.)*_?(?:Array)?MemoryError(?::|\s*$)")


def out_of_memory(now: Situation) -> bool:
    """The kernel says so, or its log does and it ended as what runs out of memory ends."""
    process = now[looks.process]
    return process.crashed and (process.oom_killed or (_logged(now) and _ended_so(now)))


def only_logged(now: Situation) -> bool:
    """Its log says so, and nothing else does."""
    return now[looks.process].crashed and _logged(now) and not out_of_memory(now)


def just_start(now: Situation) -> Plan:
    """The start of what crashed, with the reason why nothing more is done."""
    why = f"{now[looks.process].reason}; only a line of its log says that it ran out of memory"
    return plans.start(now).model_copy(update={"why": f"{why}: its memory limit stays"})


def _logged(now: Situation) -> bool:
    return now[looks.recent_logs].has(PATTERN)


def _ended_so(now: Situation) -> bool:
    process, lines = now[looks.process], now[looks.recent_logs].fresh_tail
    if process.oom_killed_before or process.exit_code in _BY_SIGNAL:
        return True
    if process.exit_code == _OF_A_JVM:
        return any("OutOfMemoryError" in line for line in lines)
    return process.exit_code == _OF_AN_EXCEPTION and _ends_with_memory_error(lines)


def _ends_with_memory_error(lines: tuple[str, ...]) -> bool:
    """The last that it wrote is a traceback that ends with it; in the middle it may have been caught."""
    written = [line for line in lines if line.strip()]
    traceback = any(line.startswith("Traceback (most recent call last)") for line in written)
    return traceback and _MEMORY_ERROR.match(written[-1]) is not None
