"""One run of the demo: the stack is started, broken, healed by its runbook or checked, and stopped."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from demo.checks.story import PAST_DAYS, tell
from demo.configuration import STABLE_FOR
from demo.faults import FAULTS, Fault
from demo.faults.fault import OBSERVED
from demo.parts.errors import PartError
from demo.screen import Screen
from demo.stack import Stack, choose_services
from demo.story import Story, last_words
from models.checks.check import CheckName

WITHIN = 150
"""Seconds until everything is being stopped: with the stopping, under three minutes."""
_NOT_KEPT = (
    "postgres-data",
    "backups",
    "temporal.db*",
    "backend-state",
    "*-token",
    "postgres-url",
    "around.json",
)


def main() -> int:
    """Run the fault or the check that the command line names; answer with the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("fault", nargs="?", default="crash", choices=sorted(FAULTS))
    what.add_argument("--check", choices=[one.value for one in CheckName])
    chosen = parser.parse_args()
    fault, check = FAULTS[chosen.fault], CheckName(chosen.check) if chosen.check else None
    try:
        directory = Path(tempfile.mkdtemp(prefix="runbooks-demo-"))
    except OSError as error:
        print(f"no work directory can be made; TMPDIR names a place for it: {error}", file=sys.stderr)
        return 1
    try:
        with Screen() as screen:
            return asyncio.run(_demo(fault, check, directory, screen))
    finally:
        _remove_data(directory)


async def _demo(fault: Fault, check: CheckName | None, directory: Path, screen: Screen) -> int:
    """0 when it ended as expected, with the cause of the fault or the reports of the check; else 1."""
    _end_on_signals()
    try:
        async with asyncio.timeout(WITHIN) as limit:
            services, said = await choose_services(directory, fault)
            screen.line(f"START     Temporal, PostgreSQL and a stand-in backend, run by {said}")
            observed = fault.needs == OBSERVED
            async with Stack(
                directory,
                services,
                stable_for=STABLE_FOR,
                observed=observed,
                one_process=True,
                for_a_browser=True,
                past_days=PAST_DAYS[check] if check else 0,
            ) as stack:
                screen.line(f"READY     the incidents are at {stack.intake.url}/ in a browser")
                code = await (tell(check, stack, screen) if check else _show(fault, stack, screen))
                if os.environ.get("KEEP") == "1":
                    limit.reschedule(None)
                    screen.plain(
                        "To look around: . .venv/bin/activate; export"
                        f" TEMPORAL_ADDRESS={stack.temporal.address} RUNBOOKS_CONFIG={stack.config}"
                    )
                    screen.plain(
                        f"All is left running (KEEP=1). Ctrl-C or `kill {os.getpid()}` stops everything."
                    )
                    await asyncio.Event().wait()
                elif screen.has_a_person:
                    limit.reschedule(None)
                    screen.plain(f"LOOK AT IT in a browser: {stack.intake.url}/  Enter stops everything.")
                    await screen.until_enter()
    except PartError as error:
        screen.plain(f"{error}\nThe logs are in {directory}")
        return 1
    except TimeoutError:
        screen.plain(f"It was not over within {WITHIN} s. Nothing is left running.")
        screen.plain(f"The logs are in {directory}")
        return 1
    except OSError as error:
        screen.plain(f"{error}\nTMPDIR names another place for the work directory, which is {directory}")
        return 1
    except asyncio.CancelledError:
        screen.plain("Stopped; nothing is left running.")
        return 130
    screen.plain(f"Nothing is left running. The logs and what was written are in {directory}")
    return code


async def _show(fault: Fault, stack: Stack, screen: Screen) -> int:
    screen.line(f"NOTE      recovered means healthy for {STABLE_FOR} here; in production it is 5 minutes")
    story = Story(stack, screen)
    for nth in range(fault.crashes_before):
        screen.line(f"BEFORE    crash {nth + 1} of {fault.crashes_before}, healed as usual")
        await story.tell(FAULTS["crash"])
    ending = await story.tell(fault)
    for line in last_words(ending, fault):
        screen.plain(line)
    return 0 if ending.went_as_expected(fault) else 1


def _end_on_signals() -> None:
    """Ctrl-C, SIGTERM and SIGHUP end the demo through every part's stop.

    Ctrl-C is among them because a shell lets its background jobs ignore it, and asyncio respects that.
    """
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


def _remove_data(directory: Path) -> None:
    """Databases and secrets go; logs, configuration and reviews stay."""
    for pattern in _NOT_KEPT:
        for path in directory.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
